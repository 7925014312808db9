package relay

import (
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
)

// Relays is a publisher that has relays: one, or several, such as one for each target of a webhook.
type Relays interface {
	Relays() []*Relay
}

// Stats count what a relay does on this node.
type Stats struct {
	name      string
	delivered *publisher.Stats
	pushes    atomic.Int64
	failed    atomic.Int64
	refused   atomic.Int64
	told      atomic.Int64 // when the log told of a failure last; Unix seconds
	leader    atomic.Pointer[leader]

	lag publisher.Histogram
}

func (s *Stats) pushed(d *publisher.Delta) {
	s.pushes.Add(1)
	s.delivered.Deliveries.Add(1)
	s.lag.Observe(max(time.Since(d.Revision.Time()), 0))
}

// Status is what a relay does, as this node knows it.
type Status struct {
	Name    string
	Leading bool      // this node pushes
	Behind  int       // channels that have something for the hub; 0 unless this node pushes
	Failing time.Time // since when the hub takes nothing; zero if it does, or this node does not push

	Pushes  int64                // messages that the hub took
	Failed  int64                // attempts that failed
	Refused int64                // messages that the hub will never take
	Lag     *publisher.Histogram // from a change, by its revision, until the hub had it
}

// Status returns what the relay does now.
func (r *Relay) Status() Status {
	s := Status{
		Name: r.stats.name, Pushes: r.stats.pushes.Load(), Failed: r.stats.failed.Load(), Refused: r.stats.refused.Load(),
		Lag: &r.stats.lag,
	}
	if l := r.stats.leader.Load(); l != nil {
		s.Leading, s.Behind, s.Failing = true, l.lanes.behind(), l.gate.closedSince()
	}
	return s
}
