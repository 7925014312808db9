package live

import (
	"fmt"

	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/prometheus/client_golang/prometheus"
)

// findRelays finds the relays of the site, and registers their metrics. It returns an error if two have the same name: they would
// share a lease and their checkpoints.
func (l *Live) findRelays() error {
	at := map[string]string{}
	for _, p := range l.has.Publishers {
		has, ok := p.It.(relay.Relays)
		if !ok {
			continue
		}
		for _, r := range has.Relays() {
			if other, twice := at[r.Name()]; twice {
				return fmt.Errorf("%s and %s have the same name %q in the store: give one of them another name", other, p.At, r.Name())
			}
			at[r.Name()] = p.At
			l.relays = append(l.relays, r)
		}
	}
	if len(l.relays) == 0 {
		return nil
	}
	return l.metrics.register(&relayCollector{l})
}

// Relays returns what the relays of the site do now.
func (l *Live) Relays() []relay.Status {
	list := make([]relay.Status, len(l.relays))
	for i, r := range l.relays {
		list[i] = r.Status()
	}
	return list
}

// relayCollector reads the status of the relays at each scrape.
type relayCollector struct{ live *Live }

// The descriptions of the relays' metrics.
var (
	relayLeads   = describe("relay_leading", "1 if this node pushes to the hub; one node does.", "relay")
	relayBehind  = describe("relay_channels_behind", "Channels that have something for the hub, on the node that pushes.", "relay")
	relayFailing = describe("relay_failing", "1 if the hub takes no updates, on the node that pushes.", "relay")
	relayResting = describe("relay_resting", "1 if the hub wants no updates any more, on the node that pushes.", "relay")
	relayLetters = describe("relay_letters", "What was given up and waits for somebody, on the node that pushes.", "relay")
	relayPushes  = describe("relay_pushes_total", "Pushes of this node, by result: done, failed (made again) or refused.", "relay", "result")
	relayLag     = describe("relay_push_seconds", "Time from a change, by its revision, until the hub had taken it.", "relay")
)

// Describe implements prometheus.Collector.
func (c *relayCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{relayLeads, relayBehind, relayFailing, relayResting, relayLetters, relayPushes, relayLag} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *relayCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v int, name string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), name)
	}
	for _, s := range c.live.Relays() {
		gauge(relayLeads, truth(s.Leading), s.Name)
		gauge(relayBehind, s.Behind, s.Name)
		gauge(relayFailing, truth(!s.Failing.IsZero()), s.Name)
		gauge(relayResting, truth(s.Resting), s.Name)
		gauge(relayLetters, s.Letters, s.Name)
		for result, n := range map[string]int64{"done": s.Pushes, "failed": s.Failed, "refused": s.Refused} {
			out <- prometheus.MustNewConstMetric(relayPushes, prometheus.CounterValue, float64(n), s.Name, result)
		}
		out <- histogram(relayLag, s.Lag, s.Name)
	}
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
