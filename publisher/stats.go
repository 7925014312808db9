package publisher

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Stats count what one publisher does. A publisher keeps its own up to date.
type Stats struct {
	Readers    atomic.Int64 // streams and held requests now
	Deliveries atomic.Int64 // updates written to a reader, heartbeats not counted
	SlowClosed atomic.Int64 // readers closed because they took nothing
}

type statsTable struct {
	mu    sync.Mutex
	table map[string]*Stats
}

// Stats returns the counters of the publisher of that name.
func (f *Feed) Stats(publisher string) *Stats {
	f.stats.mu.Lock()
	defer f.stats.mu.Unlock()
	s := f.stats.table[publisher]
	if s == nil {
		if f.stats.table == nil {
			f.stats.table = make(map[string]*Stats)
		}
		s = &Stats{}
		f.stats.table[publisher] = s
	}
	return s
}

// AllStats returns the counters of every publisher, by name.
func (f *Feed) AllStats() map[string]*Stats {
	f.stats.mu.Lock()
	defer f.stats.mu.Unlock()
	return maps.Clone(f.stats.table)
}

// Counters are what Feed has done since it was made.
type Counters struct {
	Channels   int           // channels in memory now
	StoreReads int64         // calls to the store
	Renders    int64         // posts rendered
	Encodings  int64         // updates and windows encoded
	Updates    int64         // times that a channel's head moved
	LagSum     time.Duration // from a head's revision to its arrival here, over all Updates
	Refused    Refusals      // readers that the limits kept out
}

type counters struct {
	reads, renders, encodings, updates, lag atomic.Int64
}

func (c *counters) moved(lag time.Duration) {
	c.updates.Add(1)
	c.lag.Add(int64(max(lag, 0)))
}

// Counters returns the feed's counters.
func (f *Feed) Counters() Counters {
	f.mu.RLock()
	channels := len(f.channels)
	f.mu.RUnlock()
	c := &f.counters
	return Counters{
		Channels: channels, StoreReads: c.reads.Load(), Renders: c.renders.Load(), Encodings: c.encodings.Load(),
		Updates: c.updates.Load(), LagSum: time.Duration(c.lag.Load()), Refused: f.admission.refusals(),
	}
}
