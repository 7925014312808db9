// Package postgres is a store in a PostgreSQL database, by jackc/pgx.
//
// # Durability
//
// Durable: a write that was acknowledged is in the server's write-ahead log. It survives the death of the node and of
// the server if fsync and synchronous_commit are on, which is their default. If they are off, a warning is logged. What
// a failover to another server keeps depends on its replication, see docs/postgres.md.
//
// # One node or many
//
// Many. Each node sees the others' writes at its next read. Watch tells of them through NOTIFY, usually within
// milliseconds. Revisions are issued under the lock of the channel's row, by the database's clock, so the nodes' clocks
// don't matter. Nodes may start together; one of them brings the schema up to date.
//
// # Options
//
// A clock for tests, a logger, the most that a call takes, the schema, how many connections, and what a pooler in between
// asks for. The configuration has the URL: {type: postgres, url: postgres://...}.
//
// New takes the app's pool, and a schema. Store.In writes in a transaction of the app: the app's rows and a post are stored
// together or not at all. See docs/own-database.md.
//
// # Limits
//
// Writes to one channel are serial, each with one sync of the server's disk; those to different channels share syncs.
// Writes to one namespace of records are serial too. It needs PostgreSQL 14 or newer and a database in UTF8. A server
// that is away, refuses or hangs is ErrUnavailable, within the deadline of the call. The store goes on by itself when
// the server is back.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
	"go.uber.org/zap"
)

// grace is how long Close waits for running calls before it cuts them off.
const grace = 3 * time.Second

// Options are a Store's settings; nil and zero fields mean the defaults.
type Options struct {
	Clock   motacilla.Clock // gives revisions their time, and says what is 24 hours old; the database's clock
	Logger  *zap.Logger     // nil logs nothing
	Timeout time.Duration   // the most that a call takes; 10 s

	// Schema has the store's tables and functions. It is created if it is missing. The name is taken as it is: it needs no
	// quotes, and capitals count. The default is the first schema of the search_path that there is.
	Schema string

	Connections int // of Open: the most connections for calls; each Watch has one more; 10

	// Pooler is for Open. It says that the URL leads to a pooler in transaction mode, such as pgbouncer. Then no statements are prepared
	// and no parameters are set. Migrations and LISTEN need DirectURL, which must lead to the database itself.
	Pooler    bool
	DirectURL string // the URL, or where the pool of New leads to, unless it is set

	silence time.Duration // of a server that is asked whether it is there; a fifth of Timeout, at most 2 s
}

// Store is a storage.Store in a PostgreSQL database. Use Open or New.
type Store struct {
	session
	logger   *zap.Logger
	server   *server
	direct   direct
	same     bool   // direct leads the same way as the server's connections
	schema   string // that has the tables
	topic    string // of NOTIFY
	name     string // of this Store, among those that tell on it
	teller   *teller
	watchers storage.Watchers
	edits    storage.Edits
	gate     calls.Gate      // counts Watches too
	soft     context.Context // ends when Close begins, and Watches with it
	end      context.CancelFunc
}

var (
	_ storage.Store = (*Store)(nil)
	_ storage.Mover = (*Store)(nil)
	_ runner        = (*Store)(nil)
)

// Open connects to the database at url, postgres://user:password@host:port/database?parameters, and brings its schema
// up to date. A schema of a newer version is an error. What the URL leaves out is taken from the PG* variables of the
// environment. No error and no log has the password.
func Open(ctx context.Context, url string, o *Options) (*Store, error) {
	s, err := open(ctx, url, o.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL store: %w", err)
	}
	return s, nil
}

// New returns a store in the database of the app's pool. It brings the store's tables in o.Schema up to date, next to the
// tables of the app. A schema of a newer version is an error. [Store.In] writes in transactions of the app. Close leaves
// the pool open; the app closes it later.
//
// The store takes connections of the pool for its calls, and leaves them as they are. Their default isolation must be READ
// COMMITTED. Migrations, and each Watch, have a connection of their own, made as the pool makes its own. If the pool leads
// to a pooler in transaction mode, o.DirectURL must bypass it.
func New(ctx context.Context, pool *pgxpool.Pool, o *Options) (*Store, error) {
	s, err := within(ctx, pool, o.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL store in a pool: %w", err)
	}
	return s, nil
}

func (o *Options) withDefaults() Options {
	options := Options{}
	if o != nil {
		options = *o
	}
	if options.Logger == nil {
		options.Logger = zap.NewNop()
	}
	if options.Timeout <= 0 {
		options.Timeout = 10 * time.Second
	}
	if options.Connections <= 0 {
		options.Connections = 10
	}
	return options
}

func open(ctx context.Context, url string, o Options) (*Store, error) {
	n, err := newNames(o.Schema)
	if err != nil {
		return nil, err
	}
	s := newStore(o, o.Connections)
	s.server.own, s.server.names = true, n
	config, straight, err := s.server.configure(url, o)
	if err != nil {
		return nil, err
	}
	s.direct, s.same = direct{config: straight, names: n}, o.DirectURL == ""
	if s.server.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	if err := s.start(ctx, o.Pooler); err != nil {
		s.server.pool.Close()
		return nil, opening(ctx, err)
	}
	return s, nil
}

func within(ctx context.Context, pool *pgxpool.Pool, o Options) (*Store, error) {
	n, err := newNames(o.Schema)
	if err != nil {
		return nil, err
	}
	s := newStore(o, int(pool.Config().MaxConns))
	s.server.pool, s.server.names = pool, n
	if s.direct, err = past(pool, o.DirectURL, n); err != nil {
		return nil, err
	}
	if err := s.start(ctx, true); err != nil {
		return nil, opening(ctx, err)
	}
	return s, nil
}

func newStore(o Options, connections int) *Store {
	sv := newServer(o.Timeout, connections)
	if o.silence > 0 {
		sv.silence = o.silence
	}
	s := &Store{logger: o.Logger, server: sv, schema: o.Schema, name: rand.Text()}
	s.session = session{run: s, clock: o.Clock}
	return s
}

// start checks the server, brings its schema up to date, and starts the teller.
func (s *Store) start(ctx context.Context, shared bool) (err error) {
	checking, cancel := context.WithTimeout(ctx, s.server.timeout)
	defer cancel()
	if s.topic, err = s.check(checking, shared); err != nil {
		return err
	}
	if !s.server.own && s.server.names.schema == "" { // the app may change the search_path of its connections
		if s.server.names, err = newNames(s.schema); err != nil {
			return err
		}
		s.direct.names = s.server.names
	}
	if err := migrate(ctx, s.direct, migrations, s.server.timeout); err != nil {
		return err
	}
	s.soft, s.end = context.WithCancel(context.Background())
	s.teller = newTeller(s.notify)
	return nil
}

// opening translates an error of Open. If the caller's context has ended, it returns the context's error. A wrongServer
// stays as it is. Any other error becomes ErrUnavailable.
func opening(ctx context.Context, err error) error {
	var wrong wrongServer
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &wrong):
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Errorf("%w: %w%s", motacilla.ErrUnavailable, err, advice[pg.Code])
	}
	return fmt.Errorf("%w: %w", motacilla.ErrUnavailable, err)
}

// Ping asks the database whether it can serve. A standby can't.
func (s *Store) Ping(ctx context.Context) error {
	return s.read(ctx, func(q *queries) error {
		readOnly, err := row(q, scanBool, qPing)
		if err == nil && readOnly {
			err = fmt.Errorf("%w: the server is a standby, or set to be read only", motacilla.ErrUnavailable)
		}
		return err
	}, "ping store")
}

// Close ends Watches, waits up to 3 s for the running calls, cuts the rest off, and closes the connections. The pool of New
// stays open.
func (s *Store) Close() error {
	if !s.gate.Shut() {
		return nil
	}
	s.end()
	late := time.AfterFunc(grace, s.server.cut)
	s.gate.Wait()
	late.Stop()
	s.teller.close()
	s.server.cut()
	if s.server.own {
		s.server.pool.Close()
	}
	return nil
}
