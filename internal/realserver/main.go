package realserver

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/leaktest"
)

// Main is for TestMain. It runs the tests, stops the servers that they shared, and fails if a goroutine is left.
func Main(m *testing.M) {
	code := m.Run()
	if err := StopShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if code == 0 {
		if err := leaktest.Find(time.Minute); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
