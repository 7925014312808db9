package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/motacilla-live/motacilla"
)

// tries is how often a write is begun if the server asks to begin it again.
const tries = 5

// server is the connections for calls, and what is done if the server does not answer on them.
type server struct {
	timeout time.Duration // the most that a call takes
	silence time.Duration // of a server that is asked whether it is there
	pool    *pgxpool.Pool
	own     bool // the pool belongs to the store, not to the app
	names   names
	line    atomic.Pointer[line]
	writing chan struct{}   // has room for as many writes as may be under way; in an outage they wait long, and reads must not
	hard    context.Context // ends when Close has waited long enough
	cut     context.CancelFunc
}

func newServer(timeout time.Duration, connections int) *server {
	s := &server{timeout: timeout, silence: min(timeout/5, 2*time.Second), writing: make(chan struct{}, max(1, connections/2))}
	s.line.Store(newLine())
	s.hard, s.cut = context.WithCancel(context.Background())
	return s
}

// do runs f, which is begun again if that can do no harm.
func (s *server) do(parent context.Context, f func(*queries) error, reads bool) error {
	ctx, cancel := context.WithTimeout(parent, s.timeout)
	defer cancel()
	defer context.AfterFunc(s.hard, cancel)()
	for try := 1; ; try++ {
		sent, silent, err := s.attempt(ctx, f, reads)
		if err == nil || ours(err) {
			return err
		}
		lost := sent && broken(err)
		if lost && silent && parent.Err() == nil {
			s.reset() // the other connections are as old
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

// attempt takes a connection and runs f on it. sent is true if f was begun, silent if the connection has ended, or nothing
// came over it for so long that it, and others of its age, must be dead. A read waits for the first answer for at most 3/10
// of the call's time, and is then tried on another connection.
func (s *server) attempt(ctx context.Context, f func(*queries) error, reads bool) (sent, silent bool, err error) {
	ctx, end := s.on(ctx)
	defer end()
	defer func() {
		if err != nil && !ours(err) && errors.Is(context.Cause(ctx), errSilent) {
			err = errSilent
		}
	}()
	if !reads {
		if err := s.turn(ctx); err != nil {
			return false, false, err
		}
		defer func() { <-s.writing }()
	}
	conn, err := s.acquire(ctx)
	if err != nil {
		return false, false, err
	}
	defer conn.Release()
	q := &queries{ctx: ctx, conn: conn, names: s.names, got: func() {}}
	if reads {
		first, cancel := context.WithCancel(ctx)
		defer cancel()
		timer := time.AfterFunc(s.timeout*3/10, cancel)
		defer timer.Stop()
		q.ctx, q.got = first, func() { timer.Stop() }
	}
	began := time.Now()
	err = f(q)
	impatient := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	return true, !impatient || quietFor(conn.Conn(), began) >= s.silence, err
}

var errBusy = errors.New("the writes before this one take too long")

// turn waits until fewer writes are under way than may be, for half of the time that is left. A write that began later than
// that would hardly be answered in time. Its connection would be closed in the middle, and the next write would wait for a
// new one: more writes than the server can do would end in none.
func (s *server) turn(ctx context.Context) error {
	select {
	case s.writing <- struct{}{}:
		return nil
	default:
	}
	until, _ := ctx.Deadline()
	late := time.NewTimer(time.Until(until) / 2)
	defer late.Stop()
	select {
	case s.writing <- struct{}{}:
		return nil
	case <-late.C:
		return errBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reset has the pool make its connections anew. The app's pool is the app's business.
func (s *server) reset() {
	if s.own {
		s.pool.Reset()
	}
}

// acquire takes a connection. If it takes long to make one, or to ask an idle one whether it is alive, another is
// tried.
func (s *server) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	for {
		short, cancel := context.WithTimeout(context.WithValue(ctx, callKey{}, ctx), s.silence)
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
func (s *server) fault(parent context.Context, err error) error {
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

// ours reports whether err is one of those that the contract of storage.Store names. Callers get it unchanged.
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
