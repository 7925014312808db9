package sse

import (
	"testing"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/publishertest/followers"
)

func TestConformance(t *testing.T) {
	for _, test := range []struct {
		name       string
		goroutines bool
		tls        bool
		follow     publishertest.Follow
	}{
		{"epoll engine", false, false, followers.SSE},
		{"goroutine per connection", true, false, followers.SSEByEventID},
		{"epoll engine, TLS", false, true, followers.SSE},
		{"goroutine per connection, TLS", true, true, followers.SSEByEventID},
		{"epoll engine, several channels", false, false, followers.Many("other", match, members)},
		{"goroutine per connection, several channels", true, false, followers.Many("other", match, members)},
		{"epoll engine, TLS, several channels", false, true, followers.Many("other", match, members)},
	} {
		t.Run(test.name, func(t *testing.T) {
			run := publishertest.Run
			if test.tls {
				run = publishertest.RunTLS
			}
			run(t, func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
				return New(feed, &Options{Goroutines: test.goroutines})
			}, test.follow)
		})
	}
}
