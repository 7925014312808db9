package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// channel is what Feed keeps of a channel with readers.
type channel struct {
	feed    *Feed
	id      motacilla.ChannelID
	renders renderCache
	readers atomic.Int64 // requests under way and subscriptions
	used    atomic.Int64 // when one was released last; Unix nanoseconds by the feed's clock

	// version changes with everything that a step depends on; written under mu.
	version atomic.Uint64

	// reading is held by the one goroutine that reads the store for this channel: a lock that gives up with a context.
	reading chan struct{}

	mu        sync.Mutex
	changes   turns // readings of what is new
	pages     turns
	windows   turns
	loaded    bool
	current   motacilla.Channel // Head is recent.head
	recent    recent
	at        time.Time          // when the head was read
	floor     motacilla.Revision // the oldest revision that the store remembers
	hint      motacilla.Revision // the newest head that was heard of
	recheck   bool               // the store's head is another one than ours, maybe an older one
	retry     time.Time          // no reading on behalf of readers before; zero unless the last one failed
	kicked    bool               // a refresh by itself is under way
	gone      bool
	wake      chan struct{} // closed when the head moves or the channel goes
	steps     map[motacilla.Revision]*Step
	page      *page     // the last that was read, while there is one; it may be behind
	pageRetry time.Time // no reading of a page before, for the last one failed
	window    *Window   // moves with recent
	seen      *Window   // the last that was read; it may be behind or ahead
	topics    []*topic  // of the streams; never changed, but replaced
}

// turns numbers the readings of one thing. Who has waited for the reading lock takes what was read meanwhile, where that
// reading began after he came: it has all that was there when he asked, whatever has come since. While there is always
// something new, and the store is slow, he would otherwise wait for a reading of everyone before him.
type turns struct{ began, done uint64 }

// next is the first reading that is new enough for who comes now.
func (t *turns) next() uint64 { return t.began + 1 }

func newChannel(f *Feed, id motacilla.ChannelID) *channel {
	c := &channel{feed: f, id: id, reading: make(chan struct{}, 1), wake: make(chan struct{})}
	c.used.Store(f.options.Clock.Now().UnixNano())
	return c
}

func (c *channel) release() {
	c.used.Store(c.feed.options.Clock.Now().UnixNano())
	c.readers.Add(-1)
}

func (c *channel) lockReading(ctx context.Context) error {
	select {
	case c.reading <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *channel) unlockReading() { <-c.reading }

// load reads the channel for the first time.
func (c *channel) load(ctx context.Context) error {
	if c.ready() {
		return nil
	}
	if err := c.lockReading(ctx); err != nil {
		return err
	}
	defer c.unlockReading()
	if c.ready() {
		return nil
	}
	var current motacilla.Channel
	err := c.feed.call(ctx, func(ctx context.Context) (err error) {
		current, err = c.feed.source.Channel(ctx, c.id)
		return err
	})
	if err != nil {
		return fmt.Errorf("open channel %q: %w", c.id, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded, c.current = true, current
	c.recent.restart(current.Head)
	c.at = c.feed.options.Clock.Now()
	c.floor = 0
	return nil
}

func (c *channel) ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loaded
}

// hear takes a hint. It does not block.
func (c *channel) hear(head motacilla.Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if head > c.hint {
		c.hint = head
	}
	c.kick()
}

// compare takes the store's head of the channel, 0 where it has none.
func (c *channel) compare(head motacilla.Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded && head != c.recent.head {
		c.recheck = true
	}
	c.kick()
}

// kick has what is new read in the background. c.mu is held.
func (c *channel) kick() {
	if c.kicked || c.gone || !c.loaded || !c.behind() || c.feed.ctx.Err() != nil {
		return
	}
	c.kicked = true
	c.feed.work.Go(func() {
		err := c.refresh(c.feed.ctx)
		if err != nil && c.feed.ctx.Err() == nil {
			c.feed.log.Debug("reading changes failed", zap.String("channel", string(c.id)), zap.Error(err))
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.kicked = false
		if err == nil {
			c.kick() // a hint may have come after the last read
		}
	})
}

// behind reports whether the store has something that is not here. c.mu is held.
func (c *channel) behind() bool { return c.hint > c.recent.head || c.recheck }

// refresh reads what is new, if something is.
func (c *channel) refresh(ctx context.Context) error {
	if err := c.lockReading(ctx); err != nil {
		return err
	}
	defer c.unlockReading()
	c.mu.Lock()
	since, behind := c.recent.head, c.behind() && !c.gone
	c.mu.Unlock()
	if !behind {
		return nil
	}
	_, err := c.read(ctx, since)
	return err
}

// read reads the changes after since, which is the head or a reader's cursor, and takes them in; known tells whether
// they carry on from since. The reading lock is held.
func (c *channel) read(ctx context.Context, since motacilla.Revision) (known bool, err error) {
	c.mu.Lock()
	head, heard := c.recent.head, c.hint
	c.changes.began++
	c.mu.Unlock()
	var changes motacilla.Changes
	err = c.feed.call(ctx, func(ctx context.Context) (err error) {
		changes, err = c.feed.source.Changes(ctx, c.id, since, c.feed.options.CatchUp)
		return err
	})
	switch {
	case errors.Is(err, motacilla.ErrNotFound): // the store was put back to before the channel
		changes, err = motacilla.Changes{Head: head + 1, Deleted: true}, nil
	case err != nil:
		if ctx.Err() == nil { // it is the store that failed, not the reader that left
			c.mu.Lock()
			c.retry = c.feed.options.Clock.Now().Add(c.feed.options.Repair)
			c.mu.Unlock()
		}
		return false, fmt.Errorf("read changes of channel %q: %w", c.id, err)
	}

	known = changes.Known && !changes.Truncated && !changes.Deleted
	var current *motacilla.Channel
	var renders []motacilla.Render
	switch {
	case known:
		current = changes.Channel
		renders = c.renderAll(changes.Posts)
	case since == head && !changes.Deleted: // too much happened, or the store is another one: the title may be too
		var again motacilla.Channel
		err = c.feed.call(ctx, func(ctx context.Context) (err error) {
			again, err = c.feed.source.Channel(ctx, c.id)
			return err
		})
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return false, fmt.Errorf("read channel %q: %w", c.id, err)
		}
		if err == nil {
			current = &again
		}
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.floor = changes.Floor
	c.retry = time.Time{}
	moved := changes.Head != head
	if c.page != nil && c.page.head > changes.Head { // the store has lost what the page, and steps made of it, were read with
		c.page, moved = nil, true
	}
	switch {
	case changes.Deleted:
		c.gone = true
		c.recent.head = max(changes.Head, head+1)
		c.feed.forget(c)
		moved = true
	case known && since < head && changes.Head >= head:
		c.recent.replace(since, changes, renders)
	case known && since == head:
		c.recent.extend(changes, renders)
	case since == head:
		c.recent.restart(changes.Head)
		moved = true
	case changes.Head != head: // an unknown cursor; what is new is read by a refresh
		c.hint = max(c.hint, changes.Head)
		c.recheck = c.recheck || changes.Head < head
		c.kick()
		return false, nil
	}
	c.changes.done = c.changes.began
	if current != nil {
		c.current = *current
	}
	if since == head || known {
		c.recheck = false
		if c.hint == heard { // nothing more was heard of meanwhile
			c.hint = min(c.hint, c.recent.head)
		}
	}
	c.recent.trim(2*c.feed.options.CatchUp, 4096)
	if moved {
		c.current.Head = c.recent.head
		if known {
			c.window = c.window.moved(changes, renders, c.feed.options.Window)
		} else {
			c.window, c.page = nil, nil
		}
		c.advance()
	}
	return known, nil
}

// advance lets everybody know of the new head. c.mu is held.
func (c *channel) advance() {
	c.version.Add(1)
	c.at = c.feed.options.Clock.Now()
	c.steps = nil
	close(c.wake)
	c.wake = make(chan struct{})
	for _, t := range c.topics {
		t.moved()
	}
	c.feed.counters.moved(c.at.Sub(c.recent.head.Time()))
}

// fresh brings the channel level with what was heard of, and with cursor, as far as the store answers. It returns an
// error only where ctx ended, or memory is of no use for cursor. Once a read has failed nobody waits for another one
// whom memory serves: until the store answers again that is tried beside.
func (c *channel) fresh(ctx context.Context, cursor motacilla.Revision) error {
	mine, err := c.wants(cursor, 0)
	if mine == 0 {
		return err
	}
	if err := c.lockReading(ctx); err != nil {
		return err
	}
	defer c.unlockReading()
	if mine, err = c.wants(cursor, mine); mine == 0 { // another has read meanwhile, or could not
		return err
	}
	c.mu.Lock()
	head := c.recent.head
	ahead := c.ahead(cursor)
	c.mu.Unlock()
	_, err = c.read(ctx, head)
	if err != nil && (ahead || ctx.Err() != nil) {
		return err
	}
	return nil
}

// wants returns which reading of the store is new enough for a reader at cursor, 0 where none is to be made: mine is what
// it returned when the reader came, 0 when it comes.
func (c *channel) wants(cursor motacilla.Revision, mine uint64) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ahead := c.ahead(cursor)
	if c.gone || !c.behind() && !ahead || mine > 0 && c.changes.done >= mine {
		return 0, nil
	}
	wait := c.feed.options.Clock.Now().Before(c.retry)
	switch {
	case ahead && wait:
		return 0, fmt.Errorf("channel %q: %w", c.id, motacilla.ErrUnavailable)
	case ahead || c.retry.IsZero():
		return c.changes.next(), nil
	case !wait:
		c.kick()
	}
	return 0, nil
}

// silent reports whether a reading has just failed.
func (c *channel) silent() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.feed.options.Clock.Now().Before(c.retry)
}

// ahead reports whether cursor is one that memory does not know yet. c.mu is held.
func (c *channel) ahead(cursor motacilla.Revision) bool {
	return cursor > c.recent.head && c.steps[cursor] == nil
}

func (c *channel) state(ctx context.Context) (motacilla.Channel, error) {
	if err := c.fresh(ctx, 0); err != nil {
		return motacilla.Channel{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return motacilla.Channel{}, fmt.Errorf("channel %q: %w", c.id, motacilla.ErrNotFound)
	}
	return c.current, nil
}

func (c *channel) head(ctx context.Context) (motacilla.Revision, <-chan struct{}, error) {
	if err := c.fresh(ctx, 0); err != nil {
		return 0, nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return 0, nil, fmt.Errorf("channel %q: %w", c.id, motacilla.ErrNotFound)
	}
	return c.recent.head, c.wake, nil
}

func (c *channel) isPrivate() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.gone && c.current.Access != motacilla.Public
}

// follow has a topic told when the head moves, and keeps the channel until unfollow.
func (c *channel) follow(t *topic) {
	c.readers.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.topics = append(slices.Clip(c.topics), t)
}

func (c *channel) unfollow(t *topic) {
	c.mu.Lock()
	c.topics = slices.DeleteFunc(slices.Clone(c.topics), func(other *topic) bool { return other == t })
	c.mu.Unlock()
	c.release()
}

func (c *channel) beat(silence time.Duration) {
	c.mu.Lock()
	topics := c.topics
	c.mu.Unlock()
	for _, t := range topics {
		t.beat(silence)
	}
}
