package publisher

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/tlsrecord"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// FeedOptions are Feed's settings; nil and zero fields mean the defaults.
type FeedOptions struct {
	PageSize int // posts in a snapshot, not counting older pinned ones; 50
	Window   int // posts in a Window; 500

	// CatchUp is how many posts one delta may carry; 500. If there are more, readers get a snapshot. It has no configuration
	// key: readers get all posts either way, and the number only weighs the size of a delta against that of a page.
	CatchUp int

	Heartbeat time.Duration // silence after which a stream sends a heartbeat; 15 s
	Stall     time.Duration // a reader that takes nothing for so long is closed; 15 s

	// Linger is how long a channel stays in memory after its last reader; 60 s. It has no configuration key: a shorter time
	// costs one read of the store when the next reader comes, a longer one some memory.
	Linger time.Duration

	Repair time.Duration // how often the heads of channels in memory are compared with the store's; 1 s

	// Timeout is the deadline of each call to the store; 3 s. A reader waits for a third of it for what is newer than
	// memory, and for twice as long for what only the store has.
	Timeout time.Duration

	// Compression are the content codings that readers may have, in the order of preference. nil means br, zstd and gzip; an empty
	// list means none. Others are left out.
	Compression []string

	// Holder returns whom a permission to read a channel was given to, by [route.Holder.ID]. It is asked about readers whose permission
	// was given elsewhere or long ago: those that another process hands over, and some that have no connection here. nil and no error:
	// it may not read the channel, or not any more. The error says that it can't be told now. It may read the store. If Holder is nil,
	// readers whose permission can be revoked are not handed over.
	Holder func(ctx context.Context, id string, ch motacilla.ChannelID) (*route.Holder, error)

	// Delivered is called when the first reader of a publisher has got something new. It must not block. nil is not called.
	Delivered func(Delivery)

	Clock  motacilla.Clock // for lag, deliveries and Linger
	Logger *zap.Logger     // nil logs nothing
	Limits Limits          // of readers; the zero value is no limits
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

// Feed is what publishers read: a cache, for this node, of what changed lately. It watches the store once. For each channel
// that somebody reads it keeps an immutable state: the channel, a change log of its newest changes, and the deltas made from it.
// One loader per channel is the only writer of states: a hint of the store's, a repair check, or a reader whose cursor the log
// does not reach makes it read the store and swap in the next state. Reading a state never blocks and never locks. Whoever
// waits, waits for the next state. A post is rendered once per revision, and a delta is encoded once per format.
//
// Nothing is kept per reader: a reader is a cursor. All methods may be called from many goroutines at once.
//
// The store's hints tell of changes; each second one Heads call repairs what hints were lost. While the store is out of reach,
// readers that are up to date stay where they are, and are served from memory.
type Feed struct {
	options   FeedOptions
	renderer  Renderer
	reads     reads
	channels  channels
	followers followers
	work      goroutines
	metrics   Metrics
	slots     slots
	alarms    alarms

	connections atomic.Int64 // of streams
	interval    atomic.Int64 // nanoseconds; see Polled

	engine func() *fanout.Engine // nil if the system has none; the first stream starts it
}

// NewFeed returns a feed of source. It starts nothing: see [Feed.Start].
func NewFeed(source Source, renderer Renderer, o *FeedOptions) *Feed {
	f := &Feed{options: o.withDefaults(), renderer: renderer}
	f.work.ctx, f.work.stop = context.WithCancel(context.Background())
	f.reads = reads{source: source, ctx: f.work.ctx, timeout: f.options.Timeout, count: &f.metrics.reads}
	f.channels.feed = f
	f.channels.by = make(map[motacilla.ChannelID]*channel)
	f.metrics.feed = f
	f.engine = sync.OnceValue(f.startEngine)
	return f
}

func (f *Feed) startEngine() *fanout.Engine {
	if f.work.ctx.Err() != nil {
		return nil
	}
	e, err := fanout.New(&fanout.Options{Stall: f.options.Stall, Tick: tick(min(f.options.Heartbeat, f.options.Stall))})
	if err != nil {
		f.options.Logger.Info("there is no epoll engine: each connection has a goroutine", zap.Error(err))
		return nil
	}
	if err := tlsrecord.Works(); err != nil {
		f.options.Logger.Warn("each connection with TLS has a goroutine: the record layer does not fit crypto/tls", zap.Error(err))
	}
	return e
}

// tick is how often something that takes d is checked.
func tick(d time.Duration) time.Duration { return min(max(d/16, 10*time.Millisecond), time.Second) }

// Options returns the settings in force, defaults filled in.
func (f *Feed) Options() FeedOptions { return f.options }

// Metrics returns the feed's counters.
func (f *Feed) Metrics() *Metrics { return &f.metrics }

// Start begins to watch the store, and returns when that has begun, or after a second if the store is out of reach. The error
// is ErrClosed, or ctx's.
func (f *Feed) Start(ctx context.Context) error {
	w := &watcher{feed: f}
	begun := make(chan struct{})
	if !f.work.spawn(func() { w.watch(sync.OnceFunc(func() { close(begun) })) }) {
		return motacilla.ErrClosed
	}
	f.work.spawn(func() { w.each(f.options.Repair, w.repair) })
	f.work.spawn(func() { w.each(tick(f.options.Heartbeat), w.beat) })
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

// Close stops watching the store. Callers that wait get ErrClosed. Close waits for the feed's goroutines.
func (f *Feed) Close() error {
	f.work.end()
	if e := f.engine(); e != nil {
		_ = e.Close()
	}
	f.work.all.Wait()
	return nil
}

// Done is closed when the feed is.
func (f *Feed) Done() <-chan struct{} { return f.work.ctx.Done() }

// newDelta returns a delta that is not made from a state.
func (f *Feed) newDelta(u *motacilla.Update) *Delta {
	return &Delta{Update: u, At: f.options.Clock.Now(), encodings: &f.metrics.encodings}
}

// goroutines are those of a feed.
type goroutines struct {
	ctx  context.Context // ends with the feed
	stop context.CancelFunc
	all  sync.WaitGroup

	mu   sync.RWMutex
	over bool // none may start any more
}

// spawn runs do in a goroutine that Close waits for. It returns false if the feed is closed.
func (g *goroutines) spawn(do func()) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if !g.over {
		g.all.Go(do)
	}
	return !g.over
}

func (g *goroutines) end() {
	g.mu.Lock()
	g.over = true
	g.mu.Unlock()
	g.stop()
}

func notFound(id motacilla.ChannelID) error {
	return fmt.Errorf("channel %q: %w", id, motacilla.ErrNotFound)
}
