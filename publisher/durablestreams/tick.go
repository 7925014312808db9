package durablestreams

import (
	"math/rand/v2"
	"time"
)

// Stream-Cursor is part of the URL that a reader asks for next, and is there for caches only: readers that wait for the same ask for
// the same, and none asks twice for an answer that a cache has. It is a time in milliseconds, so that it grows.

// tickEpoch is when the protocol's intervals begin.
var tickEpoch = time.Date(2024, time.October, 9, 0, 0, 0, 0, time.UTC)

// tickInterval is the protocol's: readers that come in one interval get the same cursor.
const tickInterval = 20 * time.Second

// mostJitter is how far a cursor goes beyond one that is ahead of this server's clock.
const mostJitter = 20 * time.Second

// tick returns the time as a cursor.
func tick(now time.Time) int64 { return max(now.Sub(tickEpoch).Milliseconds(), 0) }

// shared returns the cursor of a held request: the beginning of the interval, so that readers share it, or, if that is not more
// than what the reader had, a later one.
func shared(now time.Time, seen int64) int64 {
	at := tick(now)
	if start := at - at%tickInterval.Milliseconds(); start > seen {
		return start
	}
	return later(at, seen)
}

// later returns at, or, if that is not more than what the reader had, something that is.
func later(at, seen int64) int64 {
	if at > seen {
		return at
	}
	return seen + 1 + rand.Int64N(mostJitter.Milliseconds())
}
