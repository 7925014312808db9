package publisher

import (
	"context"
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

	mu      sync.Mutex
	loads   turns
	changes turns // readings of what is new
	lookups turns // of what is after an old cursor
	pages   turns
	windows turns
	loaded  bool
	current motacilla.Channel // Head is recent.head
	recent  recent
	at      time.Time          // when the head was read
	floor   motacilla.Revision // the oldest revision that the store remembers
	tooMuch motacilla.Revision // what came after it, or an older one, is more than one update brings
	asked   motacilla.Revision // the cursor of the last lookup
	hint    motacilla.Revision // the newest head that was heard of
	recheck bool               // the store's head is older than ours: it may have lost writes
	kicked  bool               // a refresh by itself is under way
	gone    bool
	wake    chan struct{} // closed when the head moves or the channel goes
	steps   map[motacilla.Revision]*Step
	page    *page    // the last that was read, while there is one; it may be behind
	window  *Window  // moves with recent
	seen    *Window  // the last that was read; it may be behind or ahead
	topics  []*topic // of the streams; never changed, but replaced
}

func newChannel(f *Feed, id motacilla.ChannelID) *channel {
	c := &channel{feed: f, id: id, wake: make(chan struct{})}
	for _, t := range []*turns{&c.loads, &c.changes, &c.pages, &c.windows} {
		t.lock = newLock()
	}
	c.lookups.lock = c.changes.lock // both move what is remembered
	c.used.Store(f.options.Clock.Now().UnixNano())
	return c
}

func (c *channel) release() {
	c.used.Store(c.feed.options.Clock.Now().UnixNano())
	c.readers.Add(-1)
}

// load reads the channel for the first time.
func (c *channel) load(ctx context.Context) error {
	if c.ready() {
		return nil
	}
	ctx, cancel := c.feed.patient(ctx)
	defer cancel()
	_, err := await(ctx, c, &c.loads, func(uint64) (struct{}, bool) {
		return struct{}{}, c.loaded
	}, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.begin(ctx)
	})
	return err
}

func (c *channel) begin(ctx context.Context) error {
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

// compare takes the store's head of the channel, 0 where it has none, which was asked for when memory was at before.
func (c *channel) compare(head, before motacilla.Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded {
		c.met(head, before)
	}
}

// atHead is memory's head.
func (c *channel) atHead() motacilla.Revision {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.head
}

// met takes the store's head, as something was read that began when memory was at before: memory may have moved on
// meanwhile, and the store has lost nothing by that. c.mu is held.
func (c *channel) met(head, before motacilla.Revision) {
	c.hint = max(c.hint, head)
	c.recheck = c.recheck || head < before
	c.kick()
}

// kick has what is new read in the background. c.mu is held.
func (c *channel) kick() {
	if c.kicked || c.gone || !c.loaded || !c.behind() {
		return
	}
	c.kicked = c.feed.spawn(func() {
		err := c.refresh()
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

// access is who may read what there was at head, which may be newer than memory.
func (c *channel) access(ctx context.Context, head motacilla.Revision) (motacilla.Access, error) {
	c.mu.Lock()
	reached := c.gone || c.recent.head >= head
	c.mu.Unlock()
	if !reached {
		if err := c.fresh(ctx, head); err != nil {
			return "", err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return "", fmt.Errorf("channel %q: %w", c.id, motacilla.ErrNotFound)
	}
	return c.current.Access, nil
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
