package publisher

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Stats count what one publisher does. A publisher must keep its own up to date.
type Stats struct {
	Readers    atomic.Int64 // streams and held requests now
	Deliveries atomic.Int64 // updates written to a reader, not counting heartbeats
	SlowClosed atomic.Int64 // readers closed because they took nothing

	// First and Last have, for each update that was pushed, the time from its oldest change, by its revision, to the first and to the
	// last reader of this node that it was written to. A reader counts that was connected and took what it was sent.
	First, Last Histogram
}

// Metrics are the counters of a feed, and of each publisher that reads it. Its methods may be called from many goroutines at
// once.
type Metrics struct {
	feed                                    *Feed
	reads, renders, encodings, updates, lag atomic.Int64

	mu         sync.Mutex
	publishers map[string]*Stats
}

// Of returns the counters of the publisher of that name.
func (m *Metrics) Of(publisher string) *Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.publishers[publisher]
	if s == nil {
		if m.publishers == nil {
			m.publishers = make(map[string]*Stats)
		}
		s = &Stats{}
		m.publishers[publisher] = s
	}
	return s
}

// Publishers returns the counters of every publisher, by name.
func (m *Metrics) Publishers() map[string]*Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.publishers)
}

// Counters are what a feed has done since it was made.
type Counters struct {
	Channels   int           // channels in memory now
	StoreReads int64         // calls to the store
	Renders    int64         // posts rendered
	Encodings  int64         // updates and windows encoded
	Updates    int64         // how often the head of a channel moved
	LagSum     time.Duration // from the revision of a head to its arrival here, summed over Updates
	Refused    Refusals      // readers that the limits kept out
}

// Counters returns the feed's own counters.
func (m *Metrics) Counters() Counters {
	return Counters{
		Channels: m.feed.channels.len(), StoreReads: m.reads.Load(), Renders: m.renders.Load(), Encodings: m.encodings.Load(),
		Updates: m.updates.Load(), LagSum: time.Duration(m.lag.Load()), Refused: m.feed.slots.refusals(),
	}
}

// moved counts the arrival of a new head.
func (m *Metrics) moved(lag time.Duration) {
	m.updates.Add(1)
	m.lag.Add(int64(max(lag, 0)))
}
