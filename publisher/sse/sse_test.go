package sse_test

import (
	"testing"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/publishertest/followers"
	"github.com/motacilla-live/motacilla/publisher/sse"
)

func TestConformance(t *testing.T) {
	for _, way := range []struct {
		name    string
		general bool
		follow  publishertest.Follow
	}{
		{"fast", false, followers.SSE},
		{"general", true, followers.SSEByEventID},
	} {
		t.Run(way.name, func(t *testing.T) {
			publishertest.Run(t, func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
				return sse.New(feed, &sse.Options{General: way.general})
			}, way.follow)
		})
	}
}
