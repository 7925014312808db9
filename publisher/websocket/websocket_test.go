package websocket

import (
	"testing"

	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/publishertest/followers"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestConformance(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		publishertest.Run(t, func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
			return New(feed, &Options{Goroutines: goroutines})
		}, followers.WebSocket)
	})
	t.Run("without compression", func(t *testing.T) {
		publishertest.Run(t, func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
			return New(feed, nil)
		}, followers.WebSocketPlain)
	})
}

func TestConformanceOverTLS(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		publishertest.RunTLS(t, func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
			return New(feed, &Options{Goroutines: goroutines})
		}, followers.WebSocket)
	})
}

// Connections that are handed over all the time lose nothing, whatever they are.
func TestConformanceHandedOver(t *testing.T) {
	moving := func(t testing.TB, feed *publisher.Feed) publisher.Publisher {
		return publishertest.Moving(t, New(feed, nil))
	}
	t.Run("one channel", func(t *testing.T) { publishertest.RunTLS(t, moving, followers.WebSocket) })
	t.Run("several channels", func(t *testing.T) {
		publishertest.Run(t, moving, followers.ManySubscribed("other", publishertest.Channel, publishertest.Members))
	})
}

// each runs a test on the epoll engine and with a goroutine per connection. Readers must see the same.
func each(t *testing.T, test func(t *testing.T, goroutines bool)) {
	for name, goroutines := range map[string]bool{"epoll engine": false, "goroutine per connection": true} {
		t.Run(name, func(t *testing.T) { test(t, goroutines) })
	}
}

func TestConformanceOfSeveralChannels(t *testing.T) {
	for name, follow := range map[string]publishertest.Follow{
		"in the address": followers.ManyWebSocket("other", publishertest.Channel, publishertest.Members),
		"subscribed":     followers.ManySubscribed("other", publishertest.Channel, publishertest.Members),
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, goroutines bool) {
				publishertest.Run(t, func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
					return New(feed, &Options{Goroutines: goroutines})
				}, follow)
			})
		})
	}
}
