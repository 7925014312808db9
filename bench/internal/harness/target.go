//go:build linux

package harness

// Target is a bound for a figure of Motacilla.
type Target struct {
	Name    string
	Subject string
	Readers int
	Figure  Figure
	To      string  // the server that the figure is divided by; "" means that Most is absolute
	Most    float64 // in Unit
	Unit    string
	Goal    bool // not reaching it is not a failure
}

// The figures of targets.
func perDelivery(s Sample) float64   { return s.CPU }
func lastReader(s Sample) float64    { return s.Last99 }
func perConnection(s Sample) float64 { return s.ConnectCPU }
func idleKB(s Sample) float64        { return max(s.Idle, s.IdleAfter) / 1000 }
func collectedKB(s Sample) float64   { return s.IdleGC / 1000 }
func perEvent(s Sample) float64      { return s.Bytes }

// Targets returns all targets.
func Targets() []Target {
	const many, few = 10_000, 1000
	cpu := func(subject string, readers int, to string, most float64) Target {
		return Target{Name: "CPU per delivery", Subject: subject, Readers: readers, Figure: perDelivery, To: to, Most: most, Unit: "x"}
	}
	targets := []Target{
		cpu("ours-sse", many, Limit, 1.3), cpu("ours-sse", many, "nchan-sse", 0.85), cpu("ours-sse", few, Limit, 1.7),
		cpu("ours-websocket", many, Limit, 1.3), cpu("ours-websocket", many, "nchan-websocket", 0.85),
		cpu("ours-websocket", few, Limit, 1.7),
		cpu("ours-sse-goroutines", many, "nethttp-sse", 1), cpu("ours-sse-goroutines", few, "nethttp-sse", 1),
		cpu("ours-websocket-goroutines", many, "gorilla-hub", 1), cpu("ours-websocket-goroutines", few, "gorilla-hub", 1),
	}
	for _, m := range []struct {
		subject, nchan string
		idle           float64
	}{
		{"ours-sse", "nchan-sse", 3.5}, {"ours-websocket", "nchan-websocket", 5},
		{"ours-long-polling", "nchan-long-polling", 4},
	} {
		targets = append(targets, Target{
			Name: "memory per idle reader", Subject: m.subject, Readers: many, Figure: idleKB, Most: m.idle, Unit: "kB",
		})
		targets = append(targets, Target{
			Name: "p99 of the last reader", Subject: m.subject, Readers: many, Figure: lastReader, To: m.nchan, Most: 1, Unit: "x",
		}, Target{
			Name: "CPU per connection", Subject: m.subject, Readers: many, Figure: perConnection, Most: 60, Unit: "us",
		})
	}
	goal := cpu("ours-long-polling", many, "nchan-long-polling", 1.2)
	goal.Goal = true
	targets = append(targets, cpu("ours-long-polling", many, "longpoll-timer", 0.6), goal)
	return append(targets, secureTargets()...)
}

// Verdict says whether a target was reached.
type Verdict struct {
	Target
	Got  Spread
	Pass bool
}

// Verdicts returns the verdicts of the targets that were measured.
func (r *Results) Verdicts() []Verdict {
	var all []Verdict
	for _, t := range Targets() {
		got, ok := r.Of(t.Subject, t.Readers, t.Figure)
		if t.To != "" {
			got, ok = r.Ratio(t.Subject, t.To, t.Readers, t.Figure)
		}
		if ok {
			all = append(all, Verdict{t, got, got.Median <= t.Most})
		}
	}
	return all
}
