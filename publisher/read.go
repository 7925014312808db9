package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Channel returns the channel, from memory while it has readers. ErrNotFound where there is none.
func (f *Feed) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	if current, known := f.known(id); known {
		return current, nil
	}
	c, err := f.open(ctx, id)
	if err != nil {
		return motacilla.Channel{}, err
	}
	defer c.release()
	return c.state(ctx)
}

// Readable returns who may read the channel at head or later, and an ErrForbidden where the reader was let in because the
// channel was public, and it is no more. Ask after reading what is to be answered, which is at head: it may be newer than
// the reader's permission. Where the channel is gone, of which readers are told, access is empty.
func (f *Feed) Readable(r *http.Request, ch motacilla.ChannelID, head motacilla.Revision) (access motacilla.Access, err error) {
	c, err := f.open(r.Context(), ch)
	if err == nil {
		access, err = c.access(r.Context(), head)
		c.release()
	}
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		return "", nil
	case err == nil && access != motacilla.Public && route.GrantOf(r).WhilePublic:
		err = fmt.Errorf("channel %q has become private: %w without the token", ch, motacilla.ErrForbidden)
	}
	return access, err
}

// Unchanged reports whether cursor is the channel's head, as memory knows it without a look at the store, and who may
// read it. Where it says no, [Feed.Since] tells what is so.
func (f *Feed) Unchanged(id motacilla.ChannelID, cursor motacilla.Revision) (access motacilla.Access, unchanged bool) {
	current, known := f.known(id)
	return current.Access, known && cursor > 0 && cursor == current.Head
}

// known returns the channel as memory has it, where that is all that was heard of.
func (f *Feed) known(id motacilla.ChannelID) (current motacilla.Channel, known bool) {
	if f.ctx.Err() != nil {
		return current, false
	}
	f.mu.RLock()
	c := f.channels[id]
	f.mu.RUnlock()
	if c == nil {
		return current, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loaded || c.gone || c.behind() {
		return current, false
	}
	c.used.Store(f.options.Clock.Now().UnixNano()) // it is read, though nobody holds it
	return c.current, true
}

// Snapshot returns everything anew: a reset from 0.
func (f *Feed) Snapshot(ctx context.Context, id motacilla.ChannelID) (*Step, error) {
	return f.Since(ctx, id, 0)
}

// Since returns at once what carries a reader from cursor to the channel's head: an update, a heartbeat where nothing
// is new, or a reset where the store does not know the cursor, or too much happened since. ErrNotFound where there is
// no such channel, ErrUnavailable where memory can't tell and the store does not answer.
func (f *Feed) Since(ctx context.Context, id motacilla.ChannelID, cursor motacilla.Revision) (*Step, error) {
	c, err := f.open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer c.release()
	step, _, err := c.step(ctx, cursor)
	return step, err
}

// Next is Since, but waits where nothing is new, until there is something, or ctx ends (the error is ctx's), or the
// feed closes (ErrClosed). A channel that is deleted meanwhile answers with an update that is Gone.
func (f *Feed) Next(ctx context.Context, id motacilla.ChannelID, cursor motacilla.Revision) (*Step, error) {
	c, err := f.open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer c.release()
	for {
		step, wake, err := c.step(ctx, cursor)
		if err != nil || !step.Heartbeat() {
			return step, err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.ctx.Done():
			return nil, motacilla.ErrClosed
		}
	}
}

// Wait returns the channel's head once it is beyond after, or has gone back behind it, as where the store has lost
// writes; an after beyond the head at first counts as the head. The errors are those of Next, and ErrNotFound when the
// channel is deleted.
func (f *Feed) Wait(ctx context.Context, id motacilla.ChannelID, after motacilla.Revision) (motacilla.Revision, error) {
	c, err := f.open(ctx, id)
	if err != nil {
		return 0, err
	}
	defer c.release()
	for first := true; ; first = false {
		head, wake, err := c.head(ctx)
		if err != nil {
			return 0, err
		}
		if first {
			after = min(after, head)
		}
		if head != after {
			return head, nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-f.ctx.Done():
			return 0, motacilla.ErrClosed
		}
	}
}

// Idle returns a heartbeat at cursor, for a held request whose time is up.
func (f *Feed) Idle(id motacilla.ChannelID, cursor motacilla.Revision) *Step {
	f.mu.RLock()
	c := f.channels[id]
	f.mu.RUnlock()
	if c != nil {
		if step := c.idle(cursor); step != nil {
			return step
		}
	}
	return f.newStep(&motacilla.Update{Channel: id, From: cursor, Revision: cursor})
}

// Subscription is a stream's place on a channel. It is for one goroutine at a time.
type Subscription struct {
	feed    *Feed
	channel *channel
	cursor  motacilla.Revision
	begun   bool
	ended   bool
}

// Subscribe begins a stream at cursor. ErrNotFound where there is no such channel. Close it.
func (f *Feed) Subscribe(ctx context.Context, id motacilla.ChannelID, cursor motacilla.Revision) (*Subscription, error) {
	c, err := f.open(ctx, id)
	if err != nil {
		return nil, err
	}
	return &Subscription{feed: f, channel: c, cursor: cursor}, nil
}

// Close ends the subscription; it may be called again.
func (s *Subscription) Close() {
	if s.channel != nil {
		s.channel.release()
		s.channel = nil
	}
}

// Next returns the next step of the stream: the first one at once, be it a heartbeat, then whatever comes, and a
// heartbeat after FeedOptions.Heartbeat of silence. Steps follow each other without a gap; a reader that comes back
// late gets what happened meanwhile as one. While the store is out of reach there are heartbeats. After an update that
// is Gone the error is io.EOF; else it is ctx's or ErrClosed.
func (s *Subscription) Next(ctx context.Context) (*Step, error) {
	if s.ended || s.channel == nil {
		return nil, io.EOF
	}
	f := s.feed
	silence := time.NewTimer(f.options.Heartbeat)
	defer silence.Stop()
	for {
		step, wake, err := s.channel.step(ctx, s.cursor)
		var again <-chan time.Time
		switch {
		case errors.Is(err, motacilla.ErrUnavailable):
			step = s.channel.heartbeat(s.cursor)
			again = time.After(f.options.Repair)
		case errors.Is(err, motacilla.ErrNotFound):
			s.ended = true
			return s.channel.farewell(s.cursor), nil
		case err != nil:
			return nil, err
		}
		if !s.begun || !step.Heartbeat() {
			s.begun, s.cursor, s.ended = true, step.Revision, step.Gone
			return step, nil
		}
		select {
		case <-wake:
		case <-again:
		case <-silence.C:
			return step, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.ctx.Done():
			return nil, motacilla.ErrClosed
		}
	}
}
