package publisher

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// watcher tells the channels of a feed what the store has.
type watcher struct {
	feed *Feed
	down atomic.Bool // the last repair check failed
}

// watch follows the store's hints, and begins again if that ends. It calls begun when the store says that it will tell of
// everything from now on.
func (w *watcher) watch(begun func()) {
	f := w.feed
	ctx, repair := f.work.ctx, f.options.Repair
	pause := repair / 10
	for ctx.Err() == nil {
		began := time.Now()
		err := f.reads.source.Watch(ctx, func(m motacilla.Moved) {
			if m == (motacilla.Moved{}) {
				begun()
			}
			w.notified(m)
		})
		if ctx.Err() != nil {
			return
		}
		f.options.Logger.Warn("watching the store ended; it begins again", zap.Error(err))
		if time.Since(began) > 10*repair {
			pause = repair / 10
		}
		select {
		case <-time.After(pause + rand.N(pause+1)):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, 2*repair)
	}
}

// notified takes a hint. It does not block.
func (w *watcher) notified(m motacilla.Moved) {
	if c := w.feed.channels.of(m.Channel); c != nil {
		c.loader.notified(m.Head)
	}
	w.feed.followers.tell(m) // last, so that they find what they are told of
}

// each calls do each time that every has passed, until the feed is closed.
func (w *watcher) each(every time.Duration, do func()) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			do()
		case <-w.feed.Done():
			return
		}
	}
}

// beat makes heartbeats due on channels that were silent for long.
func (w *watcher) beat() {
	for _, c := range w.feed.channels.loaded() {
		c.loader.beat(w.feed.options.Heartbeat)
	}
}

// repair forgets the channels that nobody reads, and compares the heads of the others with the store's.
func (w *watcher) repair() {
	f := w.feed
	f.channels.sweep(f.options.Clock.Now().Add(-f.options.Linger))
	const most = 500 // channels in one call
	for some := range slices.Chunk(f.channels.loaded(), most) {
		ids, before := make([]motacilla.ChannelID, len(some)), make([]motacilla.Revision, len(some))
		for i, c := range some {
			ids[i], before[i] = c.id, c.loader.state.Load().head()
		}
		heads, err := f.reads.heads(ids)
		if err != nil {
			if f.work.ctx.Err() == nil && !w.down.Swap(true) {
				f.options.Logger.Warn("the store does not answer; readers are kept", zap.Error(err))
			}
			return
		}
		for i, c := range some {
			c.loader.compare(heads[c.id], before[i])
		}
	}
	if w.down.Swap(false) {
		f.options.Logger.Info("the store answers again")
	}
}
