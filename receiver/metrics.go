package receiver

import (
	"maps"
	"sync"

	"github.com/motacilla-live/motacilla/work"
)

// Metrics counts what receivers take, and knows their queues. Its zero value is ready for use. nil counts nothing.
type Metrics struct {
	mu     sync.Mutex
	counts map[Delivery]int
	queues map[string]func() work.QueueStats
}

// Delivery is what a count is of.
type Delivery struct {
	Receiver string // its name, such as "slack"
	Result   string // one of the constants below
}

// The results of a delivery.
const (
	Taken   = "taken"   // it was stored, or there was nothing to store
	Refused = "refused" // it was not signed, or malformed
	Failed  = "failed"  // the store did not answer; the source will deliver it again

	// Unmapped is counted besides Taken: the source's channel feeds no channel here.
	Unmapped = "unmapped"
)

// Count counts one delivery.
func (m *Metrics) Count(receiver, result string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts == nil {
		m.counts = map[Delivery]int{}
	}
	m.counts[Delivery{receiver, result}]++
}

// Counts returns all counts.
func (m *Metrics) Counts() map[Delivery]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.counts)
}

// Watch makes the figures of a queue of this name part of the metrics. stats must not wait. It is called for as long as m is used,
// also before the queue's start and after its end. Of two queues of one name only the last is watched.
func (m *Metrics) Watch(queue string, stats func() work.QueueStats) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.queues == nil {
		m.queues = map[string]func() work.QueueStats{}
	}
	m.queues[queue] = stats
}

// Queues returns the figures of all queues, by name.
func (m *Metrics) Queues() map[string]work.QueueStats {
	m.mu.Lock()
	watched := maps.Clone(m.queues)
	m.mu.Unlock()
	all := make(map[string]work.QueueStats, len(watched))
	for name, stats := range watched {
		all[name] = stats()
	}
	return all
}
