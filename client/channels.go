package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
)

// CreateChannel creates a channel. If there is one with this ID, the error is a [motacilla.ErrExists].
//
// If an answer was lost, the channel may exist because of the attempt before. CreateChannel takes it for its own if title
// and access are as asked for, and nothing has happened on it yet.
func (c *Client) CreateChannel(ctx context.Context, n NewChannel) (Channel, error) {
	r := &request{method: http.MethodPost, url: c.endpoint("api", "channels"), body: n.body()}
	made, err := c.callChannel(ctx, n.ID, r)
	var e *Error
	if errors.As(err, &e) && errors.Is(e.kind, motacilla.ErrConflict) {
		if there, ok := c.madeBefore(ctx, r, n); ok {
			return there, nil
		}
		e.kind = motacilla.ErrExists
	}
	if err != nil {
		return Channel{}, fmt.Errorf("create channel %q: %w", n.ID, err)
	}
	return made, nil
}

// madeBefore returns the channel n if an earlier attempt of r seems to have created it.
func (c *Client) madeBefore(ctx context.Context, r *request, n NewChannel) (Channel, bool) {
	if !r.mayBeDone {
		return Channel{}, false
	}
	there, err := c.Channel(ctx, n.ID)
	untouched := there.Ended.IsZero() && there.Revision.Time().Equal(there.Created)
	same := there.Title == n.Title && (there.Access == n.Access || n.Access == "" && there.Access == motacilla.Public)
	return there, err == nil && untouched && same
}

// Channel returns a channel. If there is none, the error is a [motacilla.ErrNotFound].
func (c *Client) Channel(ctx context.Context, id motacilla.ChannelID) (Channel, error) {
	got, err := c.callChannel(ctx, id, &request{method: http.MethodGet, url: c.endpoint("api", "channels", string(id))})
	if err != nil {
		return Channel{}, fmt.Errorf("get channel %q: %w", id, err)
	}
	return got, nil
}

// ChangeChannel changes a channel and returns it. If there is none, the error is a [motacilla.ErrNotFound].
func (c *Client) ChangeChannel(ctx context.Context, id motacilla.ChannelID, change ChannelChange) (Channel, error) {
	r := &request{method: http.MethodPatch, url: c.endpoint("api", "channels", string(id)), body: change.body()}
	changed, err := c.callChannel(ctx, id, r)
	if err != nil {
		return Channel{}, fmt.Errorf("change channel %q: %w", id, err)
	}
	return changed, nil
}

// EndChannel ends a channel now. If it has ended already, its end is moved to now.
func (c *Client) EndChannel(ctx context.Context, id motacilla.ChannelID) (Channel, error) {
	return c.ChangeChannel(ctx, id, ChannelChange{Ended: new(time.Now())})
}

// ReopenChannel reopens a channel that has ended.
func (c *Client) ReopenChannel(ctx context.Context, id motacilla.ChannelID) (Channel, error) {
	return c.ChangeChannel(ctx, id, ChannelChange{Ended: new(time.Time)})
}

// DeleteChannel deletes a channel with all its posts. If there is none, the error is a [motacilla.ErrNotFound].
func (c *Client) DeleteChannel(ctx context.Context, id motacilla.ChannelID) error {
	err := validChannel(id)
	if err == nil {
		err = c.remove(ctx, &request{method: http.MethodDelete, url: c.endpoint("api", "channels", string(id))})
	}
	if err != nil {
		return fmt.Errorf("delete channel %q: %w", id, err)
	}
	return nil
}

// callChannel calls r, whose answer is the channel id.
func (c *Client) callChannel(ctx context.Context, id motacilla.ChannelID, r *request) (Channel, error) {
	if err := validChannel(id); err != nil {
		return Channel{}, err
	}
	var got Channel
	if err := c.call(ctx, r, &got); err != nil {
		return Channel{}, err
	}
	if got.ID != id {
		return Channel{}, r.foreign(fmt.Sprintf("it is about channel %q", got.ID))
	}
	return got, nil
}

// remove calls r, which removes something. If an earlier attempt may have been carried out, ErrNotFound means that it was.
func (c *Client) remove(ctx context.Context, r *request) error {
	err := c.call(ctx, r, nil)
	if r.mayBeDone && errors.Is(err, motacilla.ErrNotFound) {
		return nil
	}
	return err
}

// ChannelPage is a page of the list of channels, by ID.
type ChannelPage struct {
	Channels []Channel `json:"channels"`
	Next     string    `json:"next"` // where the next page begins; empty if this is the last one
}

// ChannelPage returns a page of at most limit channels, up to [MaxPage]. 0 means the server's default. after is the Next of
// the page before, or empty. If there is a Next, the page may have fewer channels than limit, even none. A client without a
// token gets public channels only.
func (c *Client) ChannelPage(ctx context.Context, after string, limit int) (ChannelPage, error) {
	var page ChannelPage
	r := &request{method: http.MethodGet, url: c.endpoint("api", "channels")}
	r.url.RawQuery = listing("after", after, limit)
	if err := c.call(ctx, r, &page); err != nil {
		return ChannelPage{}, fmt.Errorf("list channels: %w", err)
	}
	if page.Channels == nil {
		return ChannelPage{}, fmt.Errorf("list channels: %w", r.foreign("channels is missing"))
	}
	return page, nil
}

// Channels yields all channels, by ID. It reads page by page. An error is the last pair.
func (c *Client) Channels(ctx context.Context) iter.Seq2[Channel, error] {
	return pages(func(after string) ([]Channel, string, error) {
		page, err := c.ChannelPage(ctx, after, MaxPage)
		return page.Channels, page.Next, err
	})
}
