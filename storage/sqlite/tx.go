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
	from  statements

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
	return q.stmt(text).QueryRowContext(q.ctx, args...)
}

func (q *queries) rows(text string, args ...any) (*sql.Rows, error) {
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
	_, err := q.stmt(text).ExecContext(q.ctx, args...)
	return err
}

// tell notes a hint, which Watch is told when the write is stored.
func (q *queries) tell(m motacilla.Moved) { q.moved = append(q.moved, m) }

// snapshot runs f on one snapshot of the file.
func (s *Store) snapshot(ctx context.Context, f func(*queries) error, format string, args ...any) error {
	err := s.gate.Begin(ctx)
	if err == nil {
		defer s.gate.Done()
		err = s.file.look(ctx, f)
	}
	return calls.Said(err, format, args...)
}

// change runs f once in a transaction that writes, which is committed if f returns no error. f runs in another goroutine,
// and may do so after change has returned an error. With ErrExists and ErrConflict change returns what f has returned;
// with any other error it returns the zero value.
func change[T any](ctx context.Context, s *Store, f func(*queries) (T, error), format string, args ...any) (T, error) {
	var none T
	result := new(T) // is not read if f may still run
	err := s.gate.Begin(ctx)
	if err == nil {
		defer s.gate.Done()
		err = s.committer.share(ctx, func(q *queries) (err error) {
			*result, err = f(q)
			return err
		})
	}
	switch {
	case err == nil:
		return *result, nil
	case errors.Is(err, motacilla.ErrExists), errors.Is(err, motacilla.ErrConflict):
		return *result, calls.Said(err, format, args...)
	}
	return none, calls.Said(err, format, args...)
}

// lookup runs one query that finds one row. A single query sees one snapshot without a transaction around it.
func lookup[T any](
	ctx context.Context, s *Store, scan func(scanner) (T, error), text string, args []any, format string, of ...any,
) (T, error) {
	var none T
	err := s.gate.Begin(ctx)
	if err == nil {
		defer s.gate.Done()
		bounded, cancel := context.WithTimeout(ctx, s.file.timeout)
		defer cancel()
		var found T
		if found, err = scan(s.file.reads[text].QueryRowContext(bounded, args...)); err == nil {
			return found, nil
		}
		err = s.file.fault(ctx, err)
	}
	return none, calls.Said(err, format, of...)
}
