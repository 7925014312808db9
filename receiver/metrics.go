package receiver

import (
	"maps"
	"sync"
)

// Metrics counts what receivers take. Its zero value is ready for use. nil counts nothing.
type Metrics struct {
	mu     sync.Mutex
	counts map[Delivery]int
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
