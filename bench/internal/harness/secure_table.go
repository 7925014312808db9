//go:build linux

package harness

import "fmt"

// secureColumns are the columns of a run with -tls.
var secureColumns = []string{
	"server", "CPU us/delivery", "x plain", "p50 ms", "p99 ms", "last p99 ms", "kB/idle reader", "kB after GC", "bytes/delivery",
	"CPU us/connection", "x handshake",
}

// The subjects that others are compared with in secureColumns.
const (
	plainSSE      = "ours-sse"
	bareHandshake = "limit-tls"
)

// secureRows returns one row per server that was measured with so many readers in a run with -tls.
func (r *Results) secureRows(readers int) [][]string {
	var rows [][]string
	for _, s := range Subjects() {
		cpu, ok := r.Of(s.Name, readers, perDelivery)
		if !ok {
			continue
		}
		of := func(format string, f Figure) string {
			got, _ := r.Of(s.Name, readers, f)
			if got.Median == 0 {
				return "-"
			}
			return fmt.Sprintf(format, got.Median)
		}
		to := func(subject string, f Figure) string {
			got, ok := r.Ratio(s.Name, subject, readers, f)
			if !ok {
				return "-"
			}
			return fmt.Sprintf("%.2f", got.Median) + between("%.2f", got)
		}
		handshake := "-"
		if s.over.TLS {
			handshake = to(bareHandshake, perConnection)
		}
		rows = append(rows, []string{
			s.Label, fmt.Sprintf("%.1f", cpu.Median) + between("%.1f", cpu), to(plainSSE, perDelivery),
			of("%.0f", func(s Sample) float64 { return s.P50 }), of("%.0f", func(s Sample) float64 { return s.P99 }),
			of("%.0f", lastReader), of("%.1f", idleKB), of("%.1f", collectedKB), of("%.0f", perEvent),
			of("%.0f", perConnection), handshake,
		})
	}
	return rows
}

// secureTargets returns the targets of a run with -tls.
func secureTargets() []Target {
	const readers = 5000
	x := func(name, subject string, f Figure, to string, most float64) Target {
		return Target{Name: name, Subject: subject, Readers: readers, Figure: f, To: to, Most: most, Unit: "x"}
	}
	goal := func(t Target) Target { t.Goal = true; return t }
	const cpu = "CPU per delivery"
	targets := []Target{
		x(cpu, "ours-sse-tls", perDelivery, plainSSE, 1.35), goal(x(cpu, "ours-sse-tls", perDelivery, plainSSE, 1.15)),
		x(cpu, "ours-sse-tls", perDelivery, "ours-sse-tls-goroutines", 0.9),
		goal(x(cpu, "ours-sse-tls", perDelivery, "ours-sse-tls-goroutines", 0.7)),
		x(cpu, "ours-sse-tls", perDelivery, "nchan-sse-tls", 0.9),
		x(cpu, "ours-websocket-tls", perDelivery, "ours-websocket", 1.35),
		x(cpu, "ours-websocket-tls", perDelivery, "nchan-websocket-tls", 0.9),
		x("p99 of the last reader", "ours-sse-tls", lastReader, plainSSE, 1.3),
		x("CPU per connection", "ours-sse-tls", perConnection, bareHandshake, 1.2),
		x("CPU per connection", "ours-websocket-tls", perConnection, bareHandshake, 1.2),
	}
	for _, subject := range []string{"ours-sse-tls", "ours-websocket-tls", "ours-long-polling-tls"} {
		kB := Target{Name: "memory per idle reader, after GC", Subject: subject, Readers: readers, Figure: collectedKB, Unit: "kB"}
		least := kB
		kB.Most, least.Most, least.Goal = 6, 4, true
		targets = append(targets, kB, least)
	}
	return append(targets,
		x(cpu, "ours-sse-h2-20", perDelivery, "ours-sse-tls-goroutines", 1.3),
		goal(x(cpu, "ours-sse-h2-5", perDelivery, "ours-sse-tls-goroutines", 1.3)),
		goal(x(cpu, "ours-sse-h2-1", perDelivery, "ours-sse-tls-goroutines", 1.3)),
		x(cpu, "ours-sse-gzip", perDelivery, plainSSE, 1.05),
		x(cpu, "ours-sse-tls-gzip", perDelivery, "ours-sse-tls", 1.05),
		goal(x("bytes per delivery", "ours-sse-gzip", perEvent, plainSSE, 0.65)), // the target is for posts of real live blogs
	)
}
