package realserver

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main is for TestMain. It runs the tests, stops the servers that they shared, and fails if a goroutine is left.
func Main(m *testing.M) {
	code := m.Run()
	if err := StopShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
