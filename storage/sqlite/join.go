package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Tx writes in a transaction of the app. See [Store.In].
type Tx struct{ session }

var _ storage.Tx = (*Tx)(nil)

// In returns the store's writes in tx, a transaction of the app in the file of the store, by the driver modernc.org/sqlite.
// It costs nothing and needs no Close. They are stored when the app commits tx, as safely as the app's connection stores
// anything (PRAGMA synchronous). The contract is that of storage.Tx.
//
// The first write takes SQLite's lock for writing, which the file has only one of. Until the end of tx all other writes wait,
// those of the store for as long as its BusyTimeout. The app must not call the store itself while tx has the lock. If tx has
// read before, and somebody else has written since, SQLite refuses the lock at once (SQLITE_BUSY_SNAPSHOT), and the call
// fails with ErrUnavailable: begin such a transaction with the lock, by the parameter _txlock=immediate.
//
// Nothing tells of the commit, so each Watch looks for it: often at first, then less and less, up to every 500 ms. So readers
// of this process are told within a few milliseconds if the commit comes soon, otherwise within half of the time that the
// transaction took, and always within the time that it takes to learn of another process's write.
func (s *Store) In(tx *sql.Tx) *Tx { return &Tx{session{run: joined{s, tx}}} }

// joined runs queries in a transaction of the app.
type joined struct {
	store *Store
	tx    *sql.Tx
}

func (j joined) queries(ctx context.Context) *queries {
	return &queries{ctx: ctx, clock: j.store.file.clock, tx: j.tx, names: j.store.file.names}
}

func (j joined) read(ctx context.Context, f func(*queries) error) error {
	if err := j.store.gate.Begin(ctx); err != nil {
		return err
	}
	defer j.store.gate.Done()
	return j.fault(ctx, f(j.queries(ctx)))
}

func (j joined) find(ctx context.Context, scan func(scanner) error, text string, args ...any) error {
	return j.read(ctx, func(q *queries) error { return scan(q.row(text, args...)) })
}

// write runs f with SQLite's lock for writing: what f reads is then what nobody else can change any more. If f fails, what
// it has written is undone, and nothing else of the transaction.
func (j joined) write(ctx context.Context, f func(*queries) error) error {
	if err := j.store.gate.Begin(ctx); err != nil {
		return err
	}
	defer j.store.gate.Done()
	q := j.queries(ctx)
	err := q.plain(qTakeLock)
	if err == nil {
		err = f(q)
	}
	switch {
	case err == nil && q.saved:
		err = q.plain(qRelease)
	case q.saved:
		err = errors.Join(err, q.plain(qUndo), q.plain(qRelease))
	}
	if err == nil && len(q.moved) > 0 {
		j.store.joins.ring()
	}
	return j.fault(ctx, err)
}

// fault translates errors, as that of file does.
func (j joined) fault(ctx context.Context, err error) error {
	var broken *sqlite.Error
	switch {
	case ctx.Err() == nil && errors.Is(err, sql.ErrTxDone):
		return fmt.Errorf("%w: %w", motacilla.ErrClosed, err)
	case errors.As(err, &broken) && broken.Code() == sqlite3.SQLITE_BUSY_SNAPSHOT && ctx.Err() == nil:
		return fmt.Errorf("%w: the transaction has read before it writes, and somebody else has written since; begin it with the "+
			"lock for writing (_txlock=immediate): %w", motacilla.ErrUnavailable, err)
	}
	return j.store.file.fault(ctx, err)
}
