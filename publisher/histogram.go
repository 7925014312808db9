package publisher

import (
	"sync/atomic"
	"time"
)

// Buckets are the upper bounds of a [Histogram], in ascending order. They must not be changed.
var Buckets = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second,
	2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// Histogram counts durations by the smallest of [Buckets] that they fit into. The zero value is empty. Its methods may be called
// from many goroutines at once.
type Histogram struct {
	counts [len(Buckets) + 1]atomic.Int64 // the last one is of durations that fit into no bucket
	sum    atomic.Int64
}

// Observe counts d. A negative duration, which clocks that differ make, counts as 0.
func (h *Histogram) Observe(d time.Duration) {
	d = max(d, 0)
	i := 0
	for i < len(Buckets) && d > Buckets[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// Read returns how many durations there were, their sum, and for each of [Buckets] how many were not longer.
func (h *Histogram) Read() (count int64, sum time.Duration, within [len(Buckets)]int64) {
	for i := range within {
		count += h.counts[i].Load()
		within[i] = count
	}
	return count + h.counts[len(Buckets)].Load(), time.Duration(h.sum.Load()), within
}
