package redis

import (
	"errors"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// link is the connections to the server that calls share. Writes have theirs apart: in an outage they wait long, and
// reads must not wait behind them.
type link struct {
	reads, writes goredis.UniversalClient
	made          time.Time
}

func newLink(t *target, most time.Duration) *link {
	return &link{reads: t.connect(most), writes: t.connect(most), made: time.Now()}
}

func (l *link) close() error { return errors.Join(l.reads.Close(), l.writes.Close()) }
