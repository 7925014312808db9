package sse_test

import (
	"testing"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/publishertest/followers"
	"github.com/motacilla-live/motacilla/publisher/sse"
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
	} {
		t.Run(test.name, func(t *testing.T) {
			run := publishertest.Run
			if test.tls {
				run = publishertest.RunTLS
			}
			run(t, func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
				return sse.New(feed, &sse.Options{Goroutines: test.goroutines})
			}, test.follow)
		})
	}
}
