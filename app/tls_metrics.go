package app

import (
	"bytes"
	"log"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// tlsMetrics counts what happens in TLS.
type tlsMetrics struct {
	handshakes atomic.Int64 // that failed
	unread     atomic.Int64 // new certificate files that could not be used
}

// count returns a log that counts the handshakes of which net/http says that they failed. It logs them in the other log.
func (m *tlsMetrics) count(to *log.Logger) *log.Logger { return log.New(&countingLog{m, to}, "", 0) }

type countingLog struct {
	metrics *tlsMetrics
	to      *log.Logger
}

// Write implements io.Writer. Each call is a line.
func (l *countingLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("TLS handshake error")) {
		l.metrics.handshakes.Add(1)
	}
	l.to.Print(string(bytes.TrimRight(line, "\n")))
	return len(line), nil
}

// The descriptions of the metrics of TLS.
var (
	notAfter        = tlsDesc("certificate_not_after_seconds", "When the certificate expires, in Unix time.", "host")
	handshakeErrors = tlsDesc("handshake_errors_total", "TLS handshakes that failed.")
	renewals        = tlsDesc("renewals_total", "Attempts of this node to have a certificate issued or new files read.", "result")
)

func tlsDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("motacilla_tls_"+name, help, labels, nil)
}

// of returns a collector of the metrics of s.
func (m *tlsMetrics) of(s *security) prometheus.Collector { return tlsCollector{m, s} }

type tlsCollector struct {
	metrics *tlsMetrics
	of      *security
}

// Describe implements prometheus.Collector.
func (c tlsCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{notAfter, handshakeErrors, renewals} {
		out <- d
	}
}

// Collect implements prometheus.Collector. A host without a certificate has the time 0, so that an alert finds it.
func (c tlsCollector) Collect(out chan<- prometheus.Metric) {
	ends := c.of.table.NotAfter()
	for _, host := range c.of.settings.ACME.Hosts {
		at := 0.0
		if t, there := ends[host]; there {
			at = float64(t.Unix())
		}
		out <- prometheus.MustNewConstMetric(notAfter, prometheus.GaugeValue, at, host)
	}
	if t, there := ends[""]; there { // from files, for all hosts
		out <- prometheus.MustNewConstMetric(notAfter, prometheus.GaugeValue, float64(t.Unix()), "")
	}
	out <- prometheus.MustNewConstMetric(handshakeErrors, prometheus.CounterValue, float64(c.metrics.handshakes.Load()))
	renewed, failed := int64(0), c.metrics.unread.Load()
	if c.of.keeper != nil {
		renewed, failed = c.of.keeper.Counts()
	}
	for result, n := range map[string]int64{"issued": renewed, "failed": failed} {
		out <- prometheus.MustNewConstMetric(renewals, prometheus.CounterValue, float64(n), result)
	}
}
