package publishertest_test

import (
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/publishertest/followers"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
)

// TestFour compares all four publishers, with clients that are not ours, under random edits and faults. The answer to a poll
// is one line, so followLines can read it.
func TestFour(t *testing.T) {
	publishertest.Differential(t, map[string]publishertest.Entry{
		"sse": {Follow: followers.SSEByEventID, New: func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
			return sse.New(feed, nil)
		}},
		"websocket": {Follow: followers.WebSocket, New: func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
			return websocket.New(feed, nil)
		}},
		"long": {Follow: followLines, New: func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
			return polling.NewLong(feed, &polling.LongOptions{Hold: time.Second})
		}},
		"interval": {Follow: followLines, New: func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
			return polling.NewInterval(feed, nil)
		}},
	}, 1500)
}
