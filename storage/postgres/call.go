package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
)

// connection is one of the pool, or a transaction of the app.
type connection interface {
	Exec(ctx context.Context, text string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, text string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, text string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

var (
	_ connection = (*pgxpool.Conn)(nil)
	_ connection = (pgx.Tx)(nil)
)

// queries runs statements on one connection.
type queries struct {
	ctx    context.Context
	conn   connection
	names  names
	got    func()            // is called when the server has begun to answer
	joined bool              // the connection is in a transaction of the app
	moved  []motacilla.Moved // what is told when it is stored
}

// tell notes a hint, which is told when the write is stored.
func (q *queries) tell(m motacilla.Moved) { q.moved = append(q.moved, m) }

// row runs one statement that returns one row.
func row[T any](q *queries, scan func(pgx.Row) (T, error), text string, args ...any) (T, error) {
	one, err := scan(q.conn.QueryRow(q.ctx, q.names.of(text), args...))
	q.got()
	return one, err
}

// rows runs one statement and scans every row.
func rows[T any](q *queries, scan func(pgx.Row) (T, error), text string, args ...any) ([]T, error) {
	answer, err := q.conn.Query(q.ctx, q.names.of(text), args...)
	q.got()
	return list(answer, err, scan)
}

// batch is statements that are sent in one round trip. Their answers are scanned in order, until one fails.
type batch struct {
	pgx.Batch
	q *queries
}

// Queue adds a statement.
func (b *batch) Queue(text string, args ...any) *pgx.QueuedQuery {
	return b.Batch.Queue(b.q.names.of(text), args...)
}

// begin returns a batch that begins a transaction, unless it is in one of the app's.
func (q *queries) begin(text string) *batch {
	b := &batch{q: q}
	if q.joined {
		return b
	}
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

// commit adds the end of the transaction that begin began, and runs.
func (b *batch) commit() error {
	if !b.q.joined {
		b.Queue(qCommit)
	}
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
// It tells of what f has noted.
func (s *Store) write(ctx context.Context, f func(*queries) error, format string, args ...any) error {
	var moved []motacilla.Moved
	err := s.call(ctx, func(q *queries) error {
		err := f(q)
		moved = q.moved
		return err
	}, false, format, args...)
	if err == nil {
		for _, m := range moved {
			s.tell(m)
		}
	}
	return err
}

func (s *Store) call(
	parent context.Context, f func(*queries) error, reads bool, format string, args ...any,
) error {
	err := s.gate.Begin(parent)
	if err == nil {
		defer s.gate.Done()
		err = s.server.do(parent, f, reads)
	}
	return calls.Said(err, format, args...)
}
