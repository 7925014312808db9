package publisher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/flight"
)

// channel is what readers of a channel ask, and how long they wait. What it knows is its loader's state.
type channel struct {
	feed     *Feed
	id       motacilla.ChannelID
	loader   loader
	windows  windows
	tallies  sync.Map     // of *tallies, by the name of the publisher
	readers  atomic.Int64 // requests that are being answered, and topics
	audience audience
	used     atomic.Int64 // when one of them ended last; Unix nanoseconds by the feed's clock
}

func newChannel(f *Feed, id motacilla.ChannelID) *channel {
	c := &channel{feed: f, id: id}
	c.loader.init(c)
	c.windows.init(c)
	c.touch()
	return c
}

func (c *channel) touch() { c.used.Store(c.feed.options.Clock.Now().UnixNano()) }

func (c *channel) release() {
	c.touch()
	c.readers.Add(-1)
}

func (c *channel) state() *state { return c.loader.state.Load() }

// open reads the channel if it has no state yet.
func (c *channel) open(ctx context.Context) error {
	if c.state() != nil {
		return nil
	}
	_, err := wait(ctx, c, &c.loader.changes, c.feed.patience())
	return err
}

// delta returns what carries a reader from cursor to the head.
func (c *channel) delta(ctx context.Context, cursor motacilla.Revision) (*Delta, error) {
	s := c.state()
	d, look := s.delta(cursor)
	if d != nil && c.loader.level(s) {
		return d, nil
	}
	if d == nil && !look {
		return c.snapshot(ctx, cursor) // it has what is new
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.feed.patience(), errImpatient)
	defer cancel()
	var old *Delta
	if d == nil && !s.lacks(cursor) {
		var err error
		old, err = c.loader.lookups.Do(ctx, cursor)
		if err = c.waited(ctx, err); err != nil && !errors.Is(err, motacilla.ErrUnavailable) {
			return nil, err
		}
		if old == nil {
			return c.snapshot(ctx, cursor)
		}
	}
	if err := c.fresh(ctx, cursor); err != nil {
		return nil, err
	}
	if d, _ = c.state().delta(cursor); d != nil {
		return d, nil
	}
	if old != nil {
		return old, nil
	}
	return c.snapshot(ctx, cursor)
}

// snapshot returns the newest snapshot. If the store takes longer than a third of a call's deadline, the last one is used if
// it serves cursor: what is newer follows it.
func (c *channel) snapshot(ctx context.Context, cursor motacilla.Revision) (*Delta, error) {
	s := c.state()
	newest, err := s.snapshot, error(nil)
	if !c.loader.current(s) {
		patience := c.feed.patience()
		if c.loader.serves(s, cursor) {
			patience = c.feed.impatience()
		}
		newest, err = wait(ctx, c, &c.loader.snapshots, patience)
		s = c.state()
	}
	if errors.Is(err, motacilla.ErrUnavailable) && c.loader.serves(s, cursor) {
		newest, err = s.snapshot, nil
	}
	if err != nil {
		return nil, err
	}
	if s.lacks(cursor) && c.loader.current(s) {
		s.deltas.mark(cursor)
	}
	return newest.from(cursor), nil
}

// fresh brings the state level with what was heard of, and with cursor. If memory serves the reader as well, fresh waits for a
// third of a call's deadline at most. It returns an error only if the caller's ctx has ended, or memory is of no use for
// cursor.
func (c *channel) fresh(ctx context.Context, cursor motacilla.Revision) error {
	s := c.state()
	ahead := s.lacks(cursor)
	if !ahead && c.loader.level(s) {
		return nil
	}
	patience := c.feed.impatience()
	if ahead {
		patience = c.feed.patience()
		c.loader.asked.Add(1)
		defer c.loader.asked.Add(-1)
	}
	_, err := wait(ctx, c, &c.loader.changes, patience)
	switch {
	case err == nil:
		return nil
	case c.state().lacks(cursor), errors.Is(err, motacilla.ErrClosed):
		return err
	case ctx.Err() != nil && !errors.Is(err, motacilla.ErrUnavailable):
		return err
	}
	return nil
}

// access returns who may read what there was at head, which may be newer than memory.
func (c *channel) access(ctx context.Context, head motacilla.Revision) (motacilla.Access, error) {
	access, known := c.state().access(head)
	if !known {
		if err := c.fresh(ctx, head); err != nil {
			return "", err
		}
		access, _ = c.state().access(head)
	}
	if c.state().gone {
		return "", notFound(c.id)
	}
	return access, nil
}

// heartbeat says that nothing has happened after cursor.
func (c *channel) heartbeat(cursor motacilla.Revision) *Delta {
	if s := c.state(); s != nil && s.head() == cursor && !s.gone {
		d, _ := s.delta(cursor)
		return d
	}
	return c.feed.newDelta(&motacilla.Update{Channel: c.id, From: cursor, Revision: cursor})
}

// gone says that the channel is no longer there.
func (c *channel) gone(cursor motacilla.Revision) *Delta {
	s := c.state()
	return c.feed.Gone(c.id, cursor, s != nil && s.private())
}

var errImpatient = errors.New("the store takes too long")

// patience is how long a reader may wait for the store: for two calls, since one may be under way.
func (f *Feed) patience() time.Duration { return 2 * f.options.Timeout }

// impatience is how long a reader waits whom memory can serve too.
func (f *Feed) impatience() time.Duration { return f.options.Timeout / 3 }

// wait returns the result of a load that starts now or later.
func wait[T any](ctx context.Context, c *channel, loads *flight.Flight[T], patience time.Duration) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errImpatient)
	defer cancel()
	v, err := loads.Do(ctx)
	return v, c.waited(ctx, err)
}

// waited returns the error of a reader that has waited for a load.
func (c *channel) waited(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, flight.ErrClosed), c.feed.work.ctx.Err() != nil:
		return motacilla.ErrClosed
	case errors.Is(err, errImpatient):
		return fmt.Errorf("channel %q: %w: %w", c.id, motacilla.ErrUnavailable, errImpatient)
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		return ctx.Err()
	}
	return err
}
