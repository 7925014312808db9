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

// renew has the store go on with new connections, unless those it has were made after the given time. Each that a silent
// network has left behind would cost a call its time-out; closed, what waits on them fails now, and reads are repeated.
func (s *Store) renew(after time.Time) {
	var old *link
	s.gate.While(func() {
		if l := s.link.Load(); !l.made.After(after) {
			old = l
			s.link.Store(newLink(s.target, s.timeout))
		}
	})
	if old != nil {
		_ = old.close()
	}
}
