package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
)

// queries runs prepared queries in one transaction.
type queries struct {
	ctx   context.Context
	clock motacilla.Clock
	tx    *sql.Tx
	from  statements // nil in a transaction of the app, whose connection has none of them
	names names

	// Only a transaction that writes has these.
	kept  statements        // the statements that were used in it; nil keeps none
	saved bool              // the write has changed something, so it has a savepoint
	fault error             // of a query that changes something; the transaction may have ended, so no other may follow
	moved []motacilla.Moved // what is told when the transaction is stored
}

func (q *queries) stmt(text string) *sql.Stmt {
	stmt := q.kept[text]
	if stmt == nil {
		stmt = q.tx.StmtContext(q.ctx, q.from[text])
		if q.kept != nil {
			q.kept[text] = stmt
		}
	}
	return stmt
}

func (q *queries) row(text string, args ...any) *sql.Row {
	if q.from == nil {
		return q.tx.QueryRowContext(q.ctx, q.names.of(text), args...)
	}
	return q.stmt(text).QueryRowContext(q.ctx, args...)
}

func (q *queries) rows(text string, args ...any) (*sql.Rows, error) {
	if q.from == nil {
		return q.tx.QueryContext(q.ctx, q.names.of(text), args...)
	}
	return q.stmt(text).QueryContext(q.ctx, args...)
}

// exec runs a query that changes something, in the write's savepoint. After a query that failed it runs none.
func (q *queries) exec(text string, args ...any) error {
	if q.fault == nil && !q.saved {
		q.fault = q.plain(qSave)
		q.saved = q.fault == nil
	}
	if q.fault == nil {
		q.fault = q.plain(text, args...)
	}
	return q.fault
}

func (q *queries) plain(text string, args ...any) error {
	if q.from == nil {
		_, err := q.tx.ExecContext(q.ctx, q.names.of(text), args...)
		return err
	}
	_, err := q.stmt(text).ExecContext(q.ctx, args...)
	return err
}

// tell notes a hint, which Watch is told when the write is stored.
func (q *queries) tell(m motacilla.Moved) { q.moved = append(q.moved, m) }

// session has the writes, and the reads that belong to them, of a Store and of a Tx.
type session struct{ run runner }

// runner runs queries: a Store on its own connections, a Tx in the app's transaction. After Close it returns ErrClosed.
type runner interface {
	// read runs f on one snapshot of the file.
	read(ctx context.Context, f func(*queries) error) error

	// find runs a query and calls scan with its row.
	find(ctx context.Context, scan func(scanner) error, text string, args ...any) error

	// write runs f once in a transaction that writes. If f returns an error, nothing that it has written is kept. f may
	// run in another goroutine, and may do so after write has returned an error.
	write(ctx context.Context, f func(*queries) error) error
}

func (s *Store) read(ctx context.Context, f func(*queries) error) error {
	if err := s.gate.Begin(ctx); err != nil {
		return err
	}
	defer s.gate.Done()
	return s.file.look(ctx, f)
}

// find needs no transaction: a single query sees one snapshot.
func (s *Store) find(ctx context.Context, scan func(scanner) error, text string, args ...any) error {
	if err := s.gate.Begin(ctx); err != nil {
		return err
	}
	defer s.gate.Done()
	bounded, cancel := context.WithTimeout(ctx, s.file.timeout)
	defer cancel()
	return s.file.fault(ctx, scan(s.file.reads[text].QueryRowContext(bounded, args...)))
}

func (s *Store) write(ctx context.Context, f func(*queries) error) error {
	if err := s.gate.Begin(ctx); err != nil {
		return err
	}
	defer s.gate.Done()
	return s.committer.share(ctx, f)
}

// snapshot runs f on one snapshot of the file. An error names the operation.
func (s session) snapshot(ctx context.Context, f func(*queries) error, format string, args ...any) error {
	return calls.Said(s.run.read(ctx, f), format, args...)
}

// change runs f as runner.write does. With ErrExists and ErrConflict it returns what f has returned; with any other error
// it returns the zero value.
func change[T any](ctx context.Context, r runner, f func(*queries) (T, error), format string, args ...any) (T, error) {
	var none T
	result := new(T) // is not read if f may still run
	err := r.write(ctx, func(q *queries) (err error) {
		*result, err = f(q)
		return err
	})
	switch {
	case err == nil:
		return *result, nil
	case errors.Is(err, motacilla.ErrExists), errors.Is(err, motacilla.ErrConflict):
		return *result, calls.Said(err, format, args...)
	}
	return none, calls.Said(err, format, args...)
}

// lookup runs one query that finds one row.
func lookup[T any](
	ctx context.Context, r runner, scan func(scanner) (T, error), text string, args []any, format string, of ...any,
) (T, error) {
	var found T
	err := r.find(ctx, func(from scanner) (err error) {
		found, err = scan(from)
		return err
	}, text, args...)
	if err != nil {
		var none T
		return none, calls.Said(err, format, of...)
	}
	return found, nil
}
