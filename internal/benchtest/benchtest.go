// Package benchtest compares the cost of several things in one benchmark.
package benchtest

import (
	"testing"
	"time"
)

// Step is one thing that is compared.
type Step struct {
	Name string
	Do   func() error
}

// InTurn runs the steps in turn, again and again, so that a change of the machine's load meets all of them. It reports how
// long each takes, in microseconds, and in proportion to the first.
func InTurn(b *testing.B, steps ...Step) {
	b.Helper()
	took := make([]time.Duration, len(steps))
	for b.Loop() {
		for i, step := range steps {
			began := time.Now()
			if err := step.Do(); err != nil {
				b.Fatalf("%s: %v", step.Name, err)
			}
			took[i] += time.Since(began)
		}
	}
	for i, step := range steps {
		b.ReportMetric(float64(took[i].Microseconds())/float64(b.N), step.Name+"-µs")
		if i > 0 {
			b.ReportMetric(float64(took[i])/float64(took[0]), step.Name+"/"+steps[0].Name)
		}
	}
}
