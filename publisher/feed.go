package publisher

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
	"go.uber.org/zap"
)

// Source is what Feed reads: the part of a store that it needs, with the contract of storage.Reader and
// storage.Watcher.
type Source interface {
	Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)
	Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error)
	Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error)
	Heads(ctx context.Context, chs []motacilla.ChannelID) (map[motacilla.ChannelID]motacilla.Revision, error)
	Watch(ctx context.Context, notify func(motacilla.Moved)) error
}

// FeedOptions are Feed's settings; nil and zero fields mean the defaults.
type FeedOptions struct {
	PageSize  int           // posts in a reset, beside the pinned ones; 50
	Window    int           // posts that a Window holds; 500
	CatchUp   int           // most posts that one update brings before it is a reset; 500
	Heartbeat time.Duration // silence after which a stream sends a heartbeat; 15 s
	Stall     time.Duration // after which a reader that takes nothing is closed; 15 s
	Linger    time.Duration // how long a channel that was asked for counts as having readers; 60 s
	Repair    time.Duration // how often the heads of channels with readers are compared with the store's; 1 s
	// Timeout is the deadline of every call to the store; 3 s. A reader waits a third of it for what is newer than memory,
	// and twice as long for what only the store has.
	Timeout time.Duration
	Clock   motacilla.Clock // for lag and lingering
	Logger  *zap.Logger     // nil logs nothing
	Limits  Limits          // of readers; none
}

func (o *FeedOptions) withDefaults() FeedOptions {
	var d FeedOptions
	if o != nil {
		d = *o
	}
	positive(&d.PageSize, motacilla.DefaultLimit)
	positive(&d.Window, 500)
	positive(&d.CatchUp, 500)
	positive(&d.Heartbeat, 15*time.Second)
	positive(&d.Stall, 15*time.Second)
	positive(&d.Linger, time.Minute)
	positive(&d.Repair, time.Second)
	positive(&d.Timeout, 3*time.Second)
	if d.Logger == nil {
		d.Logger = zap.NewNop()
	}
	return d
}

func positive[N int | time.Duration](n *N, otherwise N) {
	if *n <= 0 {
		*n = otherwise
	}
}

// Feed is what publishers read: it watches the store once, and keeps of each channel with readers what happened lately,
// rendered once per post revision and encoded once per step and format, for all who need it. Nothing is kept per
// reader: a reader is a cursor. All methods may be called from many goroutines at once.
//
// What is new reaches Feed by the store's hints; every second one Heads call repairs what hints were lost. While the
// store is out of reach, readers that are up to date stay where they are, and what memory has is served.
type Feed struct {
	source   Source
	renderer Renderer
	options  FeedOptions
	log      *zap.Logger

	mu       sync.RWMutex
	channels map[motacilla.ChannelID]*channel

	stats     statsTable
	counters  counters
	admission admission

	stop context.CancelFunc
	ctx  context.Context // ends with Close; the context of what the Feed does by itself
	work sync.WaitGroup
	over bool        // nothing is begun any more; guarded by mu
	down atomic.Bool // the last repair failed

	engine func() *fanout.Engine // nil where the system has none; started by the first stream
}

// NewFeed returns a feed of source, which starts nothing yet.
func NewFeed(source Source, renderer Renderer, o *FeedOptions) *Feed {
	options := o.withDefaults()
	f := &Feed{
		source: source, renderer: renderer, options: options, log: options.Logger,
		channels: make(map[motacilla.ChannelID]*channel),
	}
	f.ctx, f.stop = context.WithCancel(context.Background())
	f.engine = sync.OnceValue(f.startEngine)
	return f
}

func (f *Feed) startEngine() *fanout.Engine {
	if f.ctx.Err() != nil {
		return nil
	}
	e, err := fanout.New(&fanout.Options{Stall: f.options.Stall, Tick: tick(min(f.options.Heartbeat, f.options.Stall))})
	if err != nil {
		f.log.Info("streams are written by a goroutine each", zap.Error(err))
		return nil
	}
	return e
}

// tick is how often something that takes so long is looked at.
func tick(d time.Duration) time.Duration { return min(max(d/16, 10*time.Millisecond), time.Second) }

func (f *Feed) fanOut() *fanout.Engine { return f.engine() }

// Options are the settings in force, defaults filled in.
func (f *Feed) Options() FeedOptions { return f.options }

// Start begins to watch the store, and returns when it does; while the store is out of reach, after a second.
func (f *Feed) Start(ctx context.Context) error {
	if f.ctx.Err() != nil {
		return motacilla.ErrClosed
	}
	begun := make(chan struct{})
	f.work.Go(func() { f.watch(sync.OnceFunc(func() { close(begun) })) })
	f.work.Go(f.repairLoop)
	f.work.Go(f.beatLoop)
	patience := time.NewTimer(f.options.Repair)
	defer patience.Stop()
	select {
	case <-begun:
	case <-patience.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// Close ends the watching and all that waits, which gets ErrClosed, and waits for the feed's goroutines.
func (f *Feed) Close() error {
	f.mu.Lock()
	f.over = true
	f.mu.Unlock()
	f.stop()
	if e := f.engine(); e != nil {
		_ = e.Close()
	}
	f.work.Wait()
	return nil
}

// spawn has f do something beside; false once it is closed.
func (f *Feed) spawn(do func()) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.over {
		f.work.Go(do)
	}
	return !f.over
}

// Done is closed when the feed is.
func (f *Feed) Done() <-chan struct{} { return f.ctx.Done() }

func (f *Feed) watch(begun func()) {
	pause := f.options.Repair / 10
	for f.ctx.Err() == nil {
		began := time.Now()
		err := f.source.Watch(f.ctx, func(m motacilla.Moved) {
			if m == (motacilla.Moved{}) {
				begun()
			}
			f.hear(m)
		})
		if f.ctx.Err() != nil {
			return
		}
		f.log.Warn("watching the store ended; beginning again", zap.Error(err))
		if time.Since(began) > 10*f.options.Repair {
			pause = f.options.Repair / 10
		}
		select {
		case <-time.After(pause + rand.N(pause+1)):
		case <-f.ctx.Done():
			return
		}
		pause = min(2*pause, 2*f.options.Repair)
	}
}

func (f *Feed) hear(m motacilla.Moved) {
	f.mu.RLock()
	c := f.channels[m.Channel]
	f.mu.RUnlock()
	if c != nil {
		c.hear(m.Head)
	}
}

func (f *Feed) repairLoop() {
	tick := time.NewTicker(f.options.Repair)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f.repair()
		case <-f.ctx.Done():
			return
		}
	}
}

// beatLoop has streams that were silent for long given a heartbeat: one timer for all of them.
func (f *Feed) beatLoop() {
	ticker := time.NewTicker(tick(f.options.Heartbeat))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.mu.RLock()
			channels := slices.Collect(maps.Values(f.channels))
			f.mu.RUnlock()
			for _, c := range channels {
				c.beat(f.options.Heartbeat)
			}
		case <-f.ctx.Done():
			return
		}
	}
}

// repair compares every live channel's head with the store's, and lets those go that nobody reads.
func (f *Feed) repair() {
	var live []*channel
	idle := f.options.Clock.Now().Add(-f.options.Linger).UnixNano()
	f.mu.Lock()
	for id, c := range f.channels {
		if c.readers.Load() == 0 && c.used.Load() < idle {
			delete(f.channels, id)
			continue
		}
		live = append(live, c)
	}
	f.mu.Unlock()

	const most = 500 // channels in one call
	for len(live) > 0 && f.ctx.Err() == nil {
		n := min(len(live), most)
		ids, before := make([]motacilla.ChannelID, n), make([]motacilla.Revision, n)
		for i, c := range live[:n] {
			ids[i], before[i] = c.id, c.atHead()
		}
		ctx, cancel := context.WithTimeout(f.ctx, f.options.Timeout)
		heads, err := f.source.Heads(ctx, ids)
		cancel()
		f.counters.reads.Add(1)
		if err != nil {
			if f.ctx.Err() == nil && !f.down.Swap(true) {
				f.log.Warn("the store does not answer; readers are kept", zap.Error(err))
			}
			return
		}
		for i, c := range live[:n] {
			c.compare(heads[c.id], before[i])
		}
		live = live[n:]
	}
	if f.down.Swap(false) {
		f.log.Info("the store answers again")
	}
}

// open returns the live channel, loaded; release it.
func (f *Feed) open(ctx context.Context, id motacilla.ChannelID) (*channel, error) {
	for {
		if f.ctx.Err() != nil {
			return nil, motacilla.ErrClosed
		}
		c := f.acquire(id)
		err := c.load(ctx)
		if err == nil && f.holds(c) {
			return c, nil
		}
		c.release()
		if err != nil {
			f.drop(c) // unknown channels cost nothing lasting
			return nil, err
		}
	}
}

func (f *Feed) acquire(id motacilla.ChannelID) *channel {
	f.mu.RLock()
	c := f.channels[id]
	if c != nil {
		c.readers.Add(1)
	}
	f.mu.RUnlock()
	if c != nil {
		return c
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c = f.channels[id]; c == nil {
		c = newChannel(f, id)
		f.channels[id] = c
	}
	c.readers.Add(1)
	return c
}

// holds reports whether c is still the one that hints go to.
func (f *Feed) holds(c *channel) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.channels[c.id] == c
}

// forget lets c go, at once; who has it keeps it.
func (f *Feed) forget(c *channel) {
	f.mu.Lock()
	if f.channels[c.id] == c {
		delete(f.channels, c.id)
	}
	f.mu.Unlock()
}

// drop lets c go where nobody has it. Nobody can get it meanwhile.
func (f *Feed) drop(c *channel) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.channels[c.id] == c && c.readers.Load() == 0 {
		delete(f.channels, c.id)
	}
}

// call runs one read of the store under the feed's deadline.
func (f *Feed) call(ctx context.Context, read func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	f.counters.reads.Add(1)
	err := read(ctx)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return errors.Join(motacilla.ErrUnavailable, err)
	}
	return err
}
