package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
)

// tries is how often a write is begun if the server asks to begin it again.
const tries = 5

// queries runs statements on one connection.
type queries struct {
	ctx  context.Context
	conn *pgxpool.Conn
	got  func() // is called when the server has begun to answer
}

// row runs one statement that returns one row.
func row[T any](q *queries, scan func(pgx.Row) (T, error), text string, args ...any) (T, error) {
	one, err := scan(q.conn.QueryRow(q.ctx, text, args...))
	q.got()
	return one, err
}

// rows runs one statement and scans every row.
func rows[T any](q *queries, scan func(pgx.Row) (T, error), text string, args ...any) ([]T, error) {
	answer, err := q.conn.Query(q.ctx, text, args...)
	q.got()
	return list(answer, err, scan)
}

// batch is statements that are sent in one round trip. Their answers are scanned in order, until one fails.
type batch struct {
	pgx.Batch
	q *queries
}

// begin returns a batch that begins a transaction.
func (q *queries) begin(text string) *batch {
	b := &batch{q: q}
	b.Queue(text).Exec(func(pgconn.CommandTag) error { q.got(); return nil })
	return b
}

// one adds a statement that returns one row.
func one[T any](b *batch, into *T, scan func(pgx.Row) (T, error), text string, args ...any) {
	b.Queue(text, args...).QueryRow(func(row pgx.Row) (err error) {
		*into, err = scan(row)
		return err
	})
}

// many adds a statement that returns rows.
func many[T any](b *batch, into *[]T, scan func(pgx.Row) (T, error), text string, args ...any) {
	b.Queue(text, args...).Query(func(rows pgx.Rows) (err error) {
		*into, err = list(rows, nil, scan)
		return err
	})
}

func (b *batch) run() error { return b.q.conn.SendBatch(b.q.ctx, &b.Batch).Close() }

// commit adds the end of the transaction, and runs.
func (b *batch) commit() error {
	b.Queue(qCommit)
	return b.run()
}

// rollback ends a transaction in which no statement has failed. Any other is ended by closing its connection.
func (q *queries) rollback() { _, _ = q.conn.Exec(q.ctx, qRollback) }

// read runs f, which only reads. If the server does not answer, it runs f again on another connection: a restart, a
// failover or a cut may have left the first one behind.
func (s *Store) read(ctx context.Context, f func(*queries) error, format string, args ...any) error {
	return s.call(ctx, f, true, format, args...)
}

// write runs f. It runs f again only if the server has said that nothing was written.
func (s *Store) write(ctx context.Context, f func(*queries) error, format string, args ...any) error {
	return s.call(ctx, f, false, format, args...)
}

func (s *Store) call(
	parent context.Context, f func(*queries) error, reads bool, format string, args ...any,
) error {
	err := s.gate.Begin(parent)
	if err == nil {
		defer s.gate.Done()
		err = s.bounded(parent, f, reads)
	}
	return calls.Said(err, format, args...)
}

func (s *Store) bounded(parent context.Context, f func(*queries) error, reads bool) error {
	ctx, cancel := context.WithTimeout(parent, s.timeout)
	defer cancel()
	defer context.AfterFunc(s.hard, cancel)()
	for try := 1; ; try++ {
		sent, err := s.attempt(ctx, f, reads)
		if err == nil || ours(err) {
			return err
		}
		lost := sent && broken(err)
		if lost && parent.Err() == nil {
			s.pool.Reset() // the other connections are as old
		}
		repeat := again(err) || lost && (reads || pgconn.SafeToRetry(err)) || !sent && errors.Is(err, errSilent)
		if !repeat || try == tries || ctx.Err() != nil {
			return s.fault(parent, err)
		}
		select {
		case <-time.After(rand.N(time.Duration(try) * 5 * time.Millisecond)):
		case <-ctx.Done():
			return s.fault(parent, err)
		}
	}
}

// attempt takes a connection and runs f on it. sent is true if f was begun. A read waits for the first answer for at
// most 3/10 of the call's time, and is then tried on another connection.
func (s *Store) attempt(ctx context.Context, f func(*queries) error, reads bool) (sent bool, err error) {
	ctx, end := s.on(ctx)
	defer end()
	defer func() {
		if err != nil && !ours(err) && errors.Is(context.Cause(ctx), errSilent) {
			err = errSilent
		}
	}()
	if !reads {
		select {
		case s.writing <- struct{}{}:
			defer func() { <-s.writing }()
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	conn, err := s.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	q := &queries{ctx: ctx, conn: conn, got: func() {}}
	if reads {
		first, cancel := context.WithCancel(ctx)
		defer cancel()
		timer := time.AfterFunc(s.timeout*3/10, cancel)
		defer timer.Stop()
		q.ctx, q.got = first, func() { timer.Stop() }
	}
	return true, f(q)
}

// acquire takes a connection. If it takes long to make one, or to ask an idle one whether it is alive, another is
// tried.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	for {
		short, cancel := context.WithTimeout(ctx, s.silence)
		conn, err := s.pool.Acquire(short)
		cancel()
		silent := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, net.ErrClosed) // or its wire was closed for that
		if err == nil || ctx.Err() != nil || !silent {
			return conn, err
		}
	}
}

// fault translates errors. A database error becomes ErrUnavailable. If the caller's context has ended, fault returns
// the context's error.
func (s *Store) fault(parent context.Context, err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil, ours(err):
		return err
	case parent.Err() != nil:
		return parent.Err()
	case again(err):
		return fmt.Errorf("%w: the server undid the transaction in each of %d attempts: %w", motacilla.ErrUnavailable, tries, err)
	case s.hard.Err() != nil:
		return fmt.Errorf("%w: %w", motacilla.ErrClosed, err)
	case errors.As(err, &pg):
		return fmt.Errorf("%w: %w%s", motacilla.ErrUnavailable, err, advice[pg.Code])
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		busy := ""
		if n := s.pool.Stat(); n.AcquiredConns() == n.MaxConns() {
			busy = fmt.Sprintf("; all %d connections are in use", n.MaxConns())
		}
		return fmt.Errorf("%w: no answer within %v%s", motacilla.ErrUnavailable, s.timeout, busy)
	}
	return fmt.Errorf("%w: %w", motacilla.ErrUnavailable, err)
}

// advice is what an operator can do, by SQLSTATE.
var advice = map[string]string{
	"08P01": "; behind a pooler such as pgbouncer set the option pooler",
	"26000": "; behind a pooler such as pgbouncer set the option pooler",
	"42P05": "; behind a pooler such as pgbouncer set the option pooler",
	"53300": "; raise max_connections of the server, or lower the option connections of the nodes",
	"42501": "; the role needs the privileges that docs/postgres.md lists",
	"25006": "; the server is a standby, or set to be read only",
}

// again reports whether the server has undone the transaction and it may be begun again.
func again(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case "40001", "40P01", // serialization failure, deadlock
		"23505": // a key that another has put in meanwhile
		return true
	case "0A000": // a prepared statement from before a migration
		return pg.Routine == "RevalidateCachedQuery"
	}
	return false
}

// broken reports whether the connection that returned err, and others of its age, can't be used any more.
func broken(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return true
	}
	switch pg.Code {
	case "57P01", "57P02", "57P03", // shut down, crashed, starting
		"25006": // a primary that has become a standby
		return true
	}
	return len(pg.Code) == 5 && pg.Code[:2] == "08"
}

// ours reports whether err is one that crosses the port as it is.
func ours(err error) bool {
	for _, known := range []error{
		motacilla.ErrNotFound, motacilla.ErrExists, motacilla.ErrDeleted, motacilla.ErrConflict, motacilla.ErrInvalid,
		motacilla.ErrUnavailable, motacilla.ErrClosed,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
