package app

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics has what /metrics shows. It uses its own registry.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec

	mu       sync.RWMutex
	counters map[answered]prometheus.Counter // by what requests have been counted
}

// answered says by what requests are counted.
type answered struct {
	route  string
	status int
}

func newMetrics(feed *publisher.Feed) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "motacilla_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "status"}),
		counters: make(map[answered]prometheus.Counter),
	}
	m.registry.MustRegister(m.requests, &feedCollector{feed: feed},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) request(route string, status int) {
	by := answered{route, status}
	m.mu.RLock()
	counter := m.counters[by]
	m.mu.RUnlock()
	if counter == nil {
		counter = m.requests.WithLabelValues(route, strconv.Itoa(status))
		m.mu.Lock()
		m.counters[by] = counter
		m.mu.Unlock()
	}
	counter.Inc()
}

// refused adds the number of requests that l has refused.
func (m *metrics) refused(l *route.RateLimit) {
	for reason, count := range map[string]func() int64{
		"address": func() int64 { own, _ := l.Refused(); return own },
		"crowd":   func() int64 { _, shared := l.Refused(); return shared },
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "motacilla_requests_refused_total", ConstLabels: prometheus.Labels{"reason": reason},
			Help: "Requests refused because their address, or the addresses that share its limit, send too many.",
		}, func() float64 { return float64(count()) }))
	}
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// feedCollector reads the counters of the feed at each scrape.
type feedCollector struct{ feed *publisher.Feed }

// describe returns the description of a metric of the feed.
func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("motacilla_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector. It sends nothing, which makes the collector unchecked: publishers appear when
// they are first used.
func (c *feedCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *feedCollector) Collect(out chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	n := c.feed.Metrics().Counters()
	send(describe("channels", "Channels in memory."), prometheus.GaugeValue, float64(n.Channels))
	for _, counter := range []struct {
		name, help string
		value      int64
	}{
		{"store_reads_total", "Reads of the store for readers.", n.StoreReads},
		{"renders_total", "Posts rendered.", n.Renders},
		{"encodings_total", "Updates encoded.", n.Encodings},
		{"updates_total", "Updates of channels that reached this node.", n.Updates},
	} {
		send(describe(counter.name, counter.help), prometheus.CounterValue, float64(counter.value))
	}
	refused := describe("readers_refused_total", "Readers refused, by the limit that was reached.", "reason")
	send(refused, prometheus.CounterValue, float64(n.Refused.Node), "node")
	send(refused, prometheus.CounterValue, float64(n.Refused.Channel), "channel")
	send(refused, prometheus.CounterValue, float64(n.Refused.Address), "address")
	out <- prometheus.MustNewConstSummary(
		describe("update_lag_seconds", "Time from a change in the store to its arrival at this node."),
		uint64(max(n.Updates, 0)), n.LagSum.Seconds(), nil)
	for name, s := range c.feed.Metrics().Publishers() {
		send(describe("readers", "Streams and parked requests now.", "publisher"),
			prometheus.GaugeValue, float64(s.Readers.Load()), name)
		send(describe("deliveries_total", "Updates written to readers.", "publisher"),
			prometheus.CounterValue, float64(s.Deliveries.Load()), name)
		send(describe("slow_readers_closed_total", "Readers closed because they took nothing.", "publisher"),
			prometheus.CounterValue, float64(s.SlowClosed.Load()), name)
	}
}

func withTimeout(r *http.Request, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), d)
}
