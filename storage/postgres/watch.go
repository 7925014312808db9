package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

const (
	quiet = time.Second // after so long without a hint the connection is asked whether it is there

	// What moved while nobody listened is found by its revision, which is not before its time. Clocks of nodes or of
	// servers that take over may differ by so much.
	margin = 24 * time.Hour
)

// Watch calls notify for every channel that moves. A write through this Store is told at once, before the write
// returns. Writes of other nodes are told as their NOTIFY arrives on a connection of this Watch. If the connection is
// lost, Watch connects again and tells of what moved meanwhile. After Close it returns ErrClosed.
func (s *Store) Watch(ctx context.Context, notify func(motacilla.Moved)) error {
	if err := s.gate.Begin(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("watch: %w", err)
	}
	defer s.gate.Done()
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.soft, cancel)()

	l := &listener{s: s, seen: time.Now()}
	defer l.drop()
	l.connect(inner) // so that what others write from now on is told
	tell, end := s.watchers.Begin(notify)
	defer end()
	l.run(inner, tell)
	if ctx.Err() == nil {
		return fmt.Errorf("watch: %w", motacilla.ErrClosed)
	}
	return nil
}

// listener is the connection of one Watch.
type listener struct {
	s    *Store
	conn *pgx.Conn // nil while there is none
	seen time.Time // when the server last answered on it
	lost bool      // a loss was logged
}

func (l *listener) run(ctx context.Context, tell func(motacilla.Moved)) {
	const first, last = 50 * time.Millisecond, 2 * time.Second
	pause := first
	for ctx.Err() == nil {
		if l.conn == nil {
			select {
			case <-time.After(pause/2 + rand.N(pause)):
			case <-ctx.Done():
				return
			}
			if pause = min(2*pause, last); !l.connect(ctx) || !l.catchUp(ctx, tell) {
				continue
			}
			pause = first
		}
		l.hear(ctx, tell)
	}
}

// connect listens on a new connection.
func (l *listener) connect(ctx context.Context) bool {
	bounded, cancel := context.WithTimeout(ctx, l.s.server.timeout/2)
	defer cancel()
	conn, err := l.s.direct.connect(bounded)
	if err == nil {
		l.conn = conn
		_, err = conn.Exec(bounded, `LISTEN `+pgx.Identifier{l.s.topic}.Sanitize())
	}
	if err != nil {
		l.fail(ctx, err)
	}
	return err == nil
}

// hear waits for a hint. If none comes for a while, it asks the server for a sign of life.
func (l *listener) hear(ctx context.Context, tell func(motacilla.Moved)) {
	waiting, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	n, err := l.conn.WaitForNotification(waiting)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil && !l.conn.IsClosed() {
		asking, cancel := context.WithTimeout(ctx, l.s.server.silence)
		defer cancel()
		err = l.conn.Ping(asking)
		if err != nil && asking.Err() != nil && ctx.Err() == nil && l.s.same {
			l.s.server.hangUp()
		}
	}
	if err != nil {
		l.fail(ctx, err)
		return
	}
	l.seen = time.Now()
	if n == nil {
		return
	}
	sender, moved := parsePayload(n.Payload)
	if sender == l.s.name {
		return // told at once
	}
	for _, m := range moved {
		tell(m)
	}
}

// catchUp tells of what moved since the last connection was heard of.
func (l *listener) catchUp(ctx context.Context, tell func(motacilla.Moved)) bool {
	bounded, cancel := context.WithTimeout(ctx, l.s.server.timeout)
	defer cancel()
	now := l.s.own()
	if now == nil {
		now = new(int64)
		if err := l.conn.QueryRow(bounded, l.s.server.names.of(qNow)).Scan(now); err != nil {
			l.fail(ctx, err)
			return false
		}
	}
	since := *now - (time.Since(l.seen) + margin).Microseconds()
	rows, err := l.conn.Query(bounded, l.s.server.names.of(qMoved), since)
	if err == nil {
		for rows.Next() {
			var m motacilla.Moved
			if m, err = scanMoved(rows); err != nil {
				break
			}
			tell(m)
		}
		rows.Close()
		err = errors.Join(err, rows.Err())
	}
	if err != nil {
		l.fail(ctx, err)
		return false
	}
	l.seen = time.Now()
	if l.lost {
		l.lost = false
		l.s.logger.Info("listening for writes of other nodes again")
	}
	return true
}

func (l *listener) fail(ctx context.Context, err error) {
	l.drop()
	if ctx.Err() == nil && !l.lost {
		l.lost = true
		l.s.logger.Warn("can't listen for writes of other nodes; trying again", zap.Error(err))
	}
}

// drop closes the connection.
func (l *listener) drop() {
	if l.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.conn.Close(ctx)
	select {
	case <-l.conn.PgConn().CleanupDone():
	case <-ctx.Done():
	}
	l.conn = nil
}
