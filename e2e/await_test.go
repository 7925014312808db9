package e2e

import (
	"testing"
	"time"
)

// patience ends a test that hangs. It is long, because the machine may be busy.
const patience = 2 * time.Minute

// await waits until done returns true.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came true that %s", what)
		}
	}
}

// receive waits for an event.
func receive[T any](t *testing.T, what string, events <-chan T) (event T) {
	t.Helper()
	select {
	case event = <-events:
	case <-time.After(patience):
		t.Fatalf("it never came true that %s", what)
	}
	return event
}
