package publisher

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Channel returns the channel, from memory while it has readers. ErrNotFound: there is no such channel.
func (f *Feed) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	if s := f.channels.known(id); s != nil {
		return s.channel, nil
	}
	c, err := f.channels.open(ctx, id)
	if err != nil {
		return motacilla.Channel{}, err
	}
	defer c.release()
	if err := c.fresh(ctx, 0); err != nil {
		return motacilla.Channel{}, err
	}
	s := c.state()
	if s.gone {
		return motacilla.Channel{}, notFound(id)
	}
	return s.channel, nil
}

// Readable returns who may read the channel at head or later. The error is an ErrForbidden if the reader's permission was revoked, or
// if it was authorised because the channel was public, and it no longer is. A publisher must ask after it has read what it is to answer,
// which is at head: that may be newer than the reader's permission. If the channel was deleted, which readers are told,
// access is empty.
func (f *Feed) Readable(r *http.Request, ch motacilla.ChannelID, head motacilla.Revision) (access motacilla.Access, err error) {
	c, err := f.channels.open(r.Context(), ch)
	if err == nil {
		access, err = c.access(r.Context(), head)
		c.release()
	}
	grant := route.GrantOf(r)
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		return "", nil
	case err == nil && grant.Holder.Revoked():
		err = mayNoMore(ch)
	case err == nil && access != motacilla.Public && grant.WhilePublic:
		err = fmt.Errorf("channel %q has become private: %w without the token", ch, motacilla.ErrForbidden)
	}
	return access, err
}

// Unchanged reports whether cursor is the channel's head, and who may read it, as memory knows that without a read of the
// store. If unchanged is false, [Feed.Since] tells more.
func (f *Feed) Unchanged(id motacilla.ChannelID, cursor motacilla.Revision) (access motacilla.Access, unchanged bool) {
	s := f.channels.known(id)
	if s == nil || cursor <= 0 || cursor != s.head() {
		return "", false
	}
	return s.channel.Access, true
}

// Snapshot returns the newest page of the channel: Since of 0.
func (f *Feed) Snapshot(ctx context.Context, id motacilla.ChannelID) (*Delta, error) {
	return f.Since(ctx, id, 0)
}

// Since returns, at once, what carries a reader from cursor to the channel's head: an update; a heartbeat if nothing is new; or
// a snapshot, which is a reset, if the store does not know the cursor or too much has happened since. ErrNotFound: there is no such
// channel. ErrUnavailable: memory does not know, and the store does not answer.
func (f *Feed) Since(ctx context.Context, id motacilla.ChannelID, cursor motacilla.Revision) (*Delta, error) {
	c, err := f.channels.open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer c.release()
	return c.delta(ctx, cursor)
}

// Next is Since, but if nothing is new it waits until something is, or until ctx ends (the error is ctx's), or the feed closes
// (ErrClosed). If the channel is deleted meanwhile, the update is Gone.
func (f *Feed) Next(ctx context.Context, id motacilla.ChannelID, cursor motacilla.Revision) (*Delta, error) {
	c, err := f.channels.open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer c.release()
	for {
		s := c.state() // before looking, so that what comes meanwhile ends the waiting
		d, err := c.delta(ctx, cursor)
		if err != nil || !d.Heartbeat() {
			return d, err
		}
		if err := c.hold(ctx, s); err != nil {
			return nil, err
		}
	}
}

// wait returns nil when a state follows s that has something for readers.
func (f *Feed) wait(ctx context.Context, s *state) error {
	select {
	case <-s.moved:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-f.Done():
		return motacilla.ErrClosed
	}
}

// Gone returns the last update of a channel that was deleted, for a reader at cursor. private says who could read the channel.
func (f *Feed) Gone(id motacilla.ChannelID, cursor motacilla.Revision, private bool) *Delta {
	d := f.newDelta(&motacilla.Update{Channel: id, From: cursor, Revision: cursor + 1, Gone: true})
	d.private = private
	return d
}

// Notice returns a heartbeat at the end of d, for a transport that can't carry d: a reader that is not there yet asks again.
func (f *Feed) Notice(d *Delta) *Delta {
	n := f.newDelta(&motacilla.Update{Channel: d.Channel, From: d.Revision, Revision: d.Revision})
	n.private = d.private
	return n
}

// Idle returns a heartbeat at cursor, for a held request whose time is up.
func (f *Feed) Idle(id motacilla.ChannelID, cursor motacilla.Revision) *Delta {
	if c := f.channels.of(id); c != nil {
		return c.heartbeat(cursor)
	}
	return f.newDelta(&motacilla.Update{Channel: id, From: cursor, Revision: cursor})
}
