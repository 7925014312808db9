package live

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/motacilla-live/motacilla/internal/backlog"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics registers with the app's registry what the site counts.
type metrics struct {
	registry   prometheus.Registerer // nil if the app has none
	registered []prometheus.Collector
	requests   *prometheus.CounterVec

	mu       sync.RWMutex
	counters map[answered]prometheus.Counter // by what requests have been counted
}

// answered says by what requests are counted.
type answered struct {
	route  string
	status int
}

func newMetrics(p *Parts) (*metrics, error) {
	m := &metrics{
		registry: p.options.Metrics,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "motacilla_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "status"}),
		counters: make(map[answered]prometheus.Counter),
	}
	if err := m.register(m.requests, &feedCollector{feed: p.Feed}, &receiverCollector{p.kit.Metrics}, &writeCollector{p.writes}); err != nil {
		m.withdraw()
		return nil, err
	}
	return m, nil
}

func (m *metrics) register(list ...prometheus.Collector) error {
	if m.registry == nil {
		return nil
	}
	for _, c := range list {
		if err := m.registry.Register(c); err != nil {
			return fmt.Errorf("live: Metrics: %w; two sites in one registry need a label each: "+
				"give them prometheus.WrapRegistererWith", err)
		}
		m.registered = append(m.registered, c)
	}
	return nil
}

// withdraw takes the site out of the app's registry.
func (m *metrics) withdraw() {
	for _, c := range m.registered {
		m.registry.Unregister(c)
	}
	m.registered = nil
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
func (m *metrics) refused(l *route.RateLimit) error {
	for reason, count := range map[string]func() int64{
		"address": func() int64 { own, _ := l.Refused(); return own },
		"crowd":   func() int64 { _, shared := l.Refused(); return shared },
	} {
		err := m.register(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "motacilla_requests_refused_total", ConstLabels: prometheus.Labels{"reason": reason},
			Help: "Requests refused because their address, or the addresses that share its limit, send too many.",
		}, func() float64 { return float64(count()) }))
		if err != nil {
			return err
		}
	}
	return nil
}

// feedCollector reads the counters of the feed at each scrape.
type feedCollector struct{ feed *publisher.Feed }

// describe returns the description of a metric of the feed.
func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("motacilla_"+name, help, labels, nil)
}

// The descriptions of the feed's metrics.
var (
	channelsNow    = describe("channels", "Channels in memory.")
	storeReads     = describe("store_reads_total", "Reads of the store for readers.")
	renders        = describe("renders_total", "Posts rendered.")
	encodings      = describe("encodings_total", "Updates encoded.")
	updates        = describe("updates_total", "Updates of channels that reached this node.")
	readersRefused = describe("readers_refused_total", "Readers refused, by the limit that was reached.", "reason")
	readersMoved   = describe("readers_moved_total", "Refused readers that were told to poll instead.")
	updateLag      = describe("update_lag_seconds", "Time from a change in the store to its arrival at this node.")
	readersNow     = describe("readers", "Streams and parked requests now.", "publisher")
	deliveries     = describe("deliveries_total", "Updates written to readers.", "publisher")
	firstDelivery  = describe("delivery_first_seconds",
		"Time from a change, by its revision, to the first reader of this node that it was written to.", "publisher")
	lastDelivery = describe("delivery_last_seconds",
		"Time from a change, by its revision, to the last connected reader of this node that it was written to.", "publisher")
	slowClosed = describe("slow_readers_closed_total", "Readers closed because they took nothing.", "publisher")
)

// Describe implements prometheus.Collector.
func (c *feedCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		channelsNow, storeReads, renders, encodings, updates, readersRefused, readersMoved, updateLag, readersNow, deliveries,
		slowClosed, firstDelivery, lastDelivery,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *feedCollector) Collect(out chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, float64(v), labels...)
	}
	n := c.feed.Metrics().Counters()
	send(channelsNow, prometheus.GaugeValue, int64(n.Channels))
	send(storeReads, prometheus.CounterValue, n.StoreReads)
	send(renders, prometheus.CounterValue, n.Renders)
	send(encodings, prometheus.CounterValue, n.Encodings)
	send(updates, prometheus.CounterValue, n.Updates)
	send(readersRefused, prometheus.CounterValue, n.Refused.Node, "node")
	send(readersRefused, prometheus.CounterValue, n.Refused.Channel, "channel")
	send(readersRefused, prometheus.CounterValue, n.Refused.Address, "address")
	send(readersMoved, prometheus.CounterValue, n.Refused.Moved)
	out <- prometheus.MustNewConstSummary(updateLag, uint64(max(n.Updates, 0)), n.LagSum.Seconds(), nil)
	for name, s := range c.feed.Metrics().Publishers() {
		send(readersNow, prometheus.GaugeValue, s.Readers.Load(), name)
		send(deliveries, prometheus.CounterValue, s.Deliveries.Load(), name)
		send(slowClosed, prometheus.CounterValue, s.SlowClosed.Load(), name)
		out <- histogram(firstDelivery, &s.First, name)
		out <- histogram(lastDelivery, &s.Last, name)
	}
}

// histogram returns what h has, in seconds.
func histogram(d *prometheus.Desc, h *publisher.Histogram, labels ...string) prometheus.Metric {
	count, sum, within := h.Read()
	buckets := make(map[float64]uint64, len(within))
	for i, n := range within {
		buckets[publisher.Buckets[i].Seconds()] = uint64(n)
	}
	return prometheus.MustNewConstHistogram(d, uint64(count), sum.Seconds(), buckets, labels...)
}

// receiverCollector reads the counts of the receivers, and the figures of queues, at each scrape.
type receiverCollector struct{ metrics *receiver.Metrics }

// The descriptions of the receivers' metrics.
var (
	received = describe("receiver_deliveries_total", "Deliveries of sources, by receiver and result.", "receiver", "result")
	jobsNow  = describe("jobs", "Jobs that waited in a queue of the store when this node last looked.", "queue")
	jobs     = describe("jobs_total", "Jobs that this node has done or given up, and attempts that have failed.", "queue", "result")
)

// Describe implements prometheus.Collector.
func (c *receiverCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{received, jobsNow, jobs} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *receiverCollector) Collect(out chan<- prometheus.Metric) {
	for d, n := range c.metrics.Counts() {
		out <- prometheus.MustNewConstMetric(received, prometheus.CounterValue, float64(n), d.Receiver, d.Result)
	}
	for name, s := range c.metrics.Queues() {
		out <- prometheus.MustNewConstMetric(jobsNow, prometheus.GaugeValue, float64(s.Waiting), name)
		for result, n := range map[string]int64{"done": s.Done, "failed": s.Failed, "gave_up": s.GaveUp} {
			out <- prometheus.MustNewConstMetric(jobs, prometheus.CounterValue, float64(n), name, result)
		}
	}
}

// writeCollector reads the counts of writes at each scrape.
type writeCollector struct{ writes *backlog.Backlog }

// The descriptions of the metrics of writes.
var (
	writesWaiting = describe("writes_waiting", "Writes that wait for the store's answer now.")
	writesRefused = describe("writes_refused_total", "Writes refused because more wait than the store does in a second.")
)

// Describe implements prometheus.Collector.
func (c *writeCollector) Describe(out chan<- *prometheus.Desc) {
	out <- writesWaiting
	out <- writesRefused
}

// Collect implements prometheus.Collector.
func (c *writeCollector) Collect(out chan<- prometheus.Metric) {
	waiting, refused := c.writes.Counts()
	out <- prometheus.MustNewConstMetric(writesWaiting, prometheus.GaugeValue, float64(waiting))
	out <- prometheus.MustNewConstMetric(writesRefused, prometheus.CounterValue, float64(refused))
}
