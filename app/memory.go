package app

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
	"go.uber.org/fx"
)

// crowd notices that many readers have left.
type crowd struct{ peak int64 }

// manyReaders is how many must leave before memory is given back for them. One takes some ten kilobytes while it connects.
const manyReaders = 1000

// left takes the number of readers now. It reports true once after many have left, at least half of all.
func (c *crowd) left(readers int64) bool {
	c.peak = max(c.peak, readers)
	if c.peak-readers < manyReaders || readers > c.peak/2 {
		return false
	}
	c.peak = readers
	return true
}

// giveMemoryBack returns memory to the system after a crowd of readers has left. An idle Go process collects garbage every two
// minutes only, and returns what is free slowly.
func giveMemoryBack(lc fx.Lifecycle, feed *publisher.Feed) {
	const every = 2 * time.Second
	ctx, stop := context.WithCancel(context.Background())
	var work sync.WaitGroup
	lc.Append(fx.StartStopHook(func() {
		work.Go(func() {
			ticker := time.NewTicker(every)
			defer ticker.Stop()
			var readers crowd
			for {
				select {
				case <-ticker.C:
				case <-ctx.Done():
					return
				}
				var now int64
				for _, s := range feed.Metrics().Publishers() {
					now += s.Readers.Load()
				}
				if readers.left(now) {
					debug.FreeOSMemory()
				}
			}
		})
	}, func() {
		stop()
		work.Wait()
	}))
}
