package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
)

// CreateDraft writes a draft. Readers get nothing of it. It needs the role contributor. If an answer is lost, the draft is written
// once all the same.
func (c *Client) CreateDraft(ctx context.Context, channel motacilla.ChannelID, n NewDraft) (Draft, error) {
	r := &request{method: http.MethodPost, url: c.draftsURL(channel), header: http.Header{"Idempotency-Key": {rand.Text()}}, body: n.body()}
	d, err := c.callDraft(ctx, channel, "", r)
	if err != nil {
		return Draft{}, fmt.Errorf("create draft on channel %q: %w", channel, err)
	}
	return d, nil
}

// Draft returns a draft. If there is none, or if it is of somebody else and the client may not write, the error is a
// [motacilla.ErrNotFound].
func (c *Client) Draft(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID) (Draft, error) {
	return c.onDraft(ctx, "get", channel, id, &request{method: http.MethodGet})
}

// EditDraft changes a draft. If it has not the ETag change.IfMatch, or if its state does not permit it, the error is a
// [motacilla.ErrConflict].
func (c *Client) EditDraft(
	ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID, change DraftChange,
) (Draft, error) {
	r := &request{method: http.MethodPatch, body: change.body()}
	if change.IfMatch != "" {
		if !quoted(change.IfMatch) {
			return Draft{}, fmt.Errorf("edit draft %q of channel %q: %w", id, channel, motacilla.Invalid("IfMatch", "must be a draft's ETag"))
		}
		r.header = http.Header{"If-Match": {change.IfMatch}}
	}
	return c.onDraft(ctx, "edit", channel, id, r)
}

// SubmitDraft gives a draft to the editors.
func (c *Client) SubmitDraft(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID) (Draft, error) {
	return c.step(ctx, "submit", channel, id, struct{}{})
}

// ReturnDraft sends a draft back to its author, with a note. It needs the role editor, as the next methods do.
func (c *Client) ReturnDraft(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID, note string) (Draft, error) {
	return c.step(ctx, "return", channel, id, map[string]string{"note": note})
}

// PublishDraft publishes a draft at once. Post of the result is the post. However often it is called, there is one post. If the draft
// edits a post that has changed meanwhile, the error is a [motacilla.ErrConflict].
func (c *Client) PublishDraft(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID) (Draft, error) {
	return c.step(ctx, "publish", channel, id, struct{}{})
}

// ScheduleDraft says when a draft comes out.
func (c *Client) ScheduleDraft(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID, at time.Time) (Draft, error) {
	return c.step(ctx, "schedule", channel, id, map[string]*stamp{"at": stampOf(at)})
}

// UnscheduleDraft takes that back.
func (c *Client) UnscheduleDraft(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID) (Draft, error) {
	return c.step(ctx, "unschedule", channel, id, struct{}{})
}

// DeleteDraft removes a draft. A post that was made of it stays.
func (c *Client) DeleteDraft(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID) error {
	err := validDraft(channel, id)
	if err == nil {
		err = c.remove(ctx, &request{method: http.MethodDelete, url: c.draftURL(channel, id)})
	}
	if err != nil {
		return fmt.Errorf("delete draft %q of channel %q: %w", id, channel, err)
	}
	return nil
}

// Drafts yields the drafts of a channel that the client may see, the oldest first. If state is not empty, it yields only those in this
// state. An error is the last pair.
func (c *Client) Drafts(ctx context.Context, channel motacilla.ChannelID, state string) iter.Seq2[Draft, error] {
	return pages(func(after string) ([]Draft, string, error) {
		var page struct {
			Drafts []Draft `json:"drafts"`
			Next   string  `json:"next"`
		}
		r := &request{method: http.MethodGet, url: c.draftsURL(channel)}
		q := url.Values{}
		for name, value := range map[string]string{"after": after, "state": state, "limit": fmt.Sprint(MaxPage)} {
			if value != "" {
				q.Set(name, value)
			}
		}
		r.url.RawQuery = q.Encode()
		err := validChannel(channel)
		if err == nil {
			err = c.call(ctx, r, &page)
		}
		if err == nil && page.Drafts == nil {
			err = r.foreign("drafts is missing")
		}
		if err != nil {
			return nil, "", fmt.Errorf("list drafts of channel %q: %w", channel, err)
		}
		return page.Drafts, page.Next, nil
	})
}

// step does something with a draft.
func (c *Client) step(ctx context.Context, what string, channel motacilla.ChannelID, id motacilla.PostID, body any) (Draft, error) {
	return c.onDraft(ctx, what, channel, id, &request{method: http.MethodPost, url: c.draftURL(channel, id).JoinPath(what), body: body})
}

// onDraft calls r, which is about a draft.
func (c *Client) onDraft(
	ctx context.Context, what string, channel motacilla.ChannelID, id motacilla.PostID, r *request,
) (Draft, error) {
	if r.url == nil {
		r.url = c.draftURL(channel, id)
	}
	err := validDraft(channel, id)
	var d Draft
	if err == nil {
		d, err = c.callDraft(ctx, channel, id, r)
	}
	if err != nil {
		return Draft{}, fmt.Errorf("%s draft %q of channel %q: %w", what, id, channel, err)
	}
	return d, nil
}

// callDraft calls r, whose answer is the draft id of the channel. An empty id means any draft.
func (c *Client) callDraft(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID, r *request) (Draft, error) {
	if err := validChannel(channel); err != nil {
		return Draft{}, err
	}
	var d Draft
	if err := c.call(ctx, r, &d); err != nil {
		return Draft{}, err
	}
	if d.Channel != channel || id != "" && d.ID != id {
		return Draft{}, r.foreign(fmt.Sprintf("it is about draft %q of channel %q", d.ID, d.Channel))
	}
	d.ETag = r.answered.Get("ETag")
	return d, nil
}

func validDraft(channel motacilla.ChannelID, id motacilla.PostID) error {
	if err := validChannel(channel); err != nil {
		return err
	}
	return validPost(id)
}

func (c *Client) draftsURL(channel motacilla.ChannelID) *url.URL {
	return c.endpoint("api", "channels", string(channel), "drafts")
}

func (c *Client) draftURL(channel motacilla.ChannelID, id motacilla.PostID) *url.URL {
	return c.draftsURL(channel).JoinPath(string(id))
}
