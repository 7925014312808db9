package websocket

import (
	"testing"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/publishertest/followers"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	bothWays(t, func(t *testing.T, general bool) {
		publishertest.Run(t, func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
			return New(feed, &Options{General: general})
		}, followers.WebSocket)
	})
}

// bothWays runs a test for each way of writing: what readers see is the same.
func bothWays(t *testing.T, test func(t *testing.T, general bool)) {
	for name, general := range map[string]bool{"fast": false, "general": true} {
		t.Run(name, func(t *testing.T) { test(t, general) })
	}
}
