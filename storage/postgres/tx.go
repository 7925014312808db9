package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
)

// inTx is the sender of hints of transactions of the app. No Store has this name, so that all of them listen.
const inTx = "tx"

// Tx writes in a transaction of the app. See [Store.In].
type Tx struct{ session }

var _ storage.Tx = (*Tx)(nil)

// In returns the store's writes in tx, a transaction of the app in the store's database. It costs nothing and needs no
// Close. They are stored when the app commits tx. The contract is that of storage.Tx.
//
// The commit tells the Watches of all nodes by NOTIFY, this node's too, usually within milliseconds.
//
// The transaction may have any isolation. If it is REPEATABLE READ or SERIALIZABLE, a write to a channel that another
// transaction has changed since tx began fails with the server's serialization failure (40001). A deadlock fails with
// 40P01. Both are in the chain of the ErrUnavailable that is returned; the app begins the transaction again. To survive
// such an error, hand in a savepoint, which is what tx.Begin returns.
func (s *Store) In(tx pgx.Tx) *Tx { return &Tx{session{run: joined{s, tx}, clock: s.clock}} }

// joined runs statements in a transaction of the app.
type joined struct {
	store *Store
	tx    pgx.Tx
}

func (j joined) read(ctx context.Context, f func(*queries) error, format string, args ...any) error {
	return j.write(ctx, f, format, args...)
}

// write runs f, and has the commit tell of what f has noted.
func (j joined) write(ctx context.Context, f func(*queries) error, format string, args ...any) error {
	err := j.store.gate.Begin(ctx)
	if err == nil {
		defer j.store.gate.Done()
		q := &queries{ctx: ctx, conn: j.tx, names: j.store.server.names, got: func() {}, joined: true}
		if err = f(q); err == nil && len(q.moved) > 0 {
			_, err = j.tx.Exec(ctx, qNotify, j.store.topic, payloads(inTx, q.moved))
		}
		err = j.fault(ctx, err)
	}
	return calls.Said(err, format, args...)
}

// fault translates errors, as that of server does. Nothing is tried again: only the app can begin its transaction anew.
func (j joined) fault(ctx context.Context, err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil, ours(err):
		return err
	case errors.Is(err, pgx.ErrTxClosed):
		return fmt.Errorf("%w: %w", motacilla.ErrClosed, err)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &pg) && pg.Code == "25P02":
		return fmt.Errorf("%w: %w; roll the transaction back", motacilla.ErrUnavailable, err)
	case again(err):
		return fmt.Errorf("%w: %w; begin the transaction again", motacilla.ErrUnavailable, err)
	case errors.As(err, &pg):
		return fmt.Errorf("%w: %w%s", motacilla.ErrUnavailable, err, advice[pg.Code])
	}
	return fmt.Errorf("%w: %w", motacilla.ErrUnavailable, err)
}
