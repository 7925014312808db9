package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// statements are prepared queries, by their text.
type statements map[string]*sql.Stmt

func prepare(ctx context.Context, db *sql.DB, lists ...[]string) (statements, error) {
	all := make(statements)
	for _, list := range lists {
		for _, text := range list {
			stmt, err := db.PrepareContext(ctx, text)
			if err != nil {
				all.close()
				return nil, fmt.Errorf("prepare %q: %w", text, err)
			}
			all[text] = stmt
		}
	}
	return all, nil
}

func (s statements) close() {
	for _, stmt := range s {
		_ = stmt.Close()
	}
}

// queries runs prepared queries in one transaction.
type queries struct {
	ctx  context.Context
	tx   *sql.Tx
	from statements

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
		err = s.look(ctx, f)
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
		err = s.share(ctx, func(q *queries) (err error) {
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
		bounded, cancel := context.WithTimeout(ctx, s.timeout)
		defer cancel()
		var found T
		if found, err = scan(s.reads[text].QueryRowContext(bounded, args...)); err == nil {
			return found, nil
		}
		err = s.fault(ctx, err)
	}
	return none, calls.Said(err, format, of...)
}

// look runs f in a transaction that reads.
func (s *Store) look(parent context.Context, f func(*queries) error) error {
	ctx, cancel := context.WithTimeout(parent, s.timeout)
	defer cancel()
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s.fault(parent, err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := f(&queries{ctx: ctx, tx: tx, from: s.reads}); err != nil {
		return s.fault(parent, err)
	}
	return s.fault(parent, tx.Commit())
}

// fault translates errors of SQLite. If the caller's context has ended, it returns the context's error; otherwise an error
// of the file or the disk becomes ErrUnavailable. Other errors stay as they are.
func (s *Store) fault(parent context.Context, err error) error {
	var broken *sqlite.Error
	switch {
	case err == nil:
		return nil
	case parent.Err() != nil && (errors.As(err, &broken) || errors.Is(err, sql.ErrTxDone)):
		return parent.Err()
	case parent.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer within %v", motacilla.ErrUnavailable, s.timeout)
	case errors.As(err, &broken) && reasons[broken.Code()&0xff] != "":
		return &motacilla.UnavailableError{Reason: reasons[broken.Code()&0xff], Err: err}
	case errors.As(err, &broken), errors.Is(err, sql.ErrTxDone), errors.Is(err, sql.ErrConnDone):
		return fmt.Errorf("%w: %w", motacilla.ErrUnavailable, err)
	}
	return err
}

// reasons are what clients are told, by SQLite's primary result code.
var reasons = map[int]string{
	sqlite3.SQLITE_FULL:     "the disk is full",
	sqlite3.SQLITE_READONLY: "the file is read-only",
	sqlite3.SQLITE_BUSY:     "another process keeps the file locked",
	sqlite3.SQLITE_IOERR:    "the disk can't be read or written",
}
