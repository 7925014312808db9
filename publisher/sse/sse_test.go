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
		follow     publishertest.Follow
	}{
		{"epoll engine", false, followers.SSE},
		{"goroutine per connection", true, followers.SSEByEventID},
	} {
		t.Run(test.name, func(t *testing.T) {
			publishertest.Run(t, func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
				return sse.New(feed, &sse.Options{Goroutines: test.goroutines})
			}, test.follow)
		})
	}
}
