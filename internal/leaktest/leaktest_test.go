package leaktest_test

import (
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/leaktest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// A goroutine that ends late is no leak. goleak alone looks for it for half a second.
func TestFindWaits(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	go func() { <-time.After(time.Second) }()
	if err := leaktest.Find(time.Minute, ignore); err != nil {
		t.Error(err)
	}
}
