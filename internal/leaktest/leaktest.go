// Package leaktest looks for goroutines and memory that tests have left. It waits longer than goleak does: on a busy machine a
// goroutine may take seconds to end.
package leaktest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Find is goleak.Find. It looks again and again until no goroutine is left, or patience is over.
func Find(patience time.Duration, options ...goleak.Option) (err error) {
	for late := time.Now().Add(patience); ; {
		if err = goleak.Find(options...); err == nil || time.Now().After(late) {
			return err
		}
	}
}

// Main runs a package's tests and exits. It is for TestMain. If the tests pass and have left goroutines, that is a failure.
func Main(m *testing.M, options ...goleak.Option) {
	code := m.Run()
	if code == 0 {
		if err := Find(time.Minute, options...); err != nil {
			_, _ = fmt.Fprintf(os.Stderr, "the tests have left goroutines: %v\n", err)
			code = 1
		}
	}
	os.Exit(code)
}

// None fails the test if it has left goroutines. It is deferred at the test's beginning.
func None(t testing.TB, options ...goleak.Option) {
	t.Helper()
	if err := Find(time.Minute, options...); err != nil {
		t.Errorf("the test has left goroutines: %v", err)
	}
}
