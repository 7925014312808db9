// Package benchtest compares what things cost in one benchmark.
package benchtest

import (
	"testing"
	"time"
)

// Step is one of the things that are compared.
type Step struct {
	Name string
	Do   func() error
}

// InTurn does the steps one after the other, again and again, so that all have the same weather. It reports how long each
// takes, in microseconds, and in proportion to the first.
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
