// Package sqlite is a store in one SQLite file, by modernc.org/sqlite, which needs no cgo.
//
// # Durability
//
// Durable: a write that was acknowledged survives the death of the process and of the machine, as far as the disk keeps
// what it was told to sync (write-ahead log, PRAGMA synchronous = FULL). The file's directory is synced when the file
// is made; the write-ahead log's entry in it is SQLite's own business.
//
// # One node or many
//
// One machine. Several processes on it may open the same file. One of them writes at a time. Each sees the others'
// writes at its next read, and Watch tells of them within 2 s. The file must not be on a network file system. Backup
// copies it while it is in use.
//
// # Options
//
// A clock for tests, a logger, two durations, and a prefix of the tables. The configuration has the file's path:
// {type: sqlite, path: ...}.
//
// New takes the app's *sql.DB, and a prefix. Store.In writes in a transaction of the app: the app's rows and a post are
// stored together or not at all. See docs/own-database.md.
//
// # Limits
//
// Writes are serial. Writes that come at the same time share a transaction and its sync of the disk; each has a
// savepoint of its own. A lone write does not wait for others. Only its owner may read a new file (mode 0600). A full
// disk, and a file that is read-only or locked by another process, is ErrUnavailable. The store goes on by itself when
// that is over.
package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
	"go.uber.org/zap"
)

// Options are a Store's settings; nil and zero fields mean the defaults.
type Options struct {
	Clock       motacilla.Clock // gives revisions their time, and says what is 24 hours old; time.Now
	Logger      *zap.Logger     // nil logs nothing
	BusyTimeout time.Duration   // how long to wait for another process's lock; 5 s
	Timeout     time.Duration   // the most that a call takes; 10 s

	// Prefix is what the names of the store's tables and indexes begin with, such as "live_": up to 32 of a-z, 0-9 and '_'.
	// The default is none for Open, and "motacilla_" for New.
	Prefix string
}

// Store is a storage.Store in an SQLite file. Use Open or New.
type Store struct {
	session
	logger    *zap.Logger
	file      *file
	committer committer
	watchers  storage.Watchers
	edits     storage.Edits
	joins     bell // rings when a transaction of the app has written
	gate      calls.Gate
	done      chan struct{} // closed by Close
}

var (
	_ storage.Store = (*Store)(nil)
	_ storage.Mover = (*Store)(nil)
	_ runner        = (*Store)(nil)
)

// Open opens the file at path. If there is none, it makes one; the directory must exist. A file of an older version is
// brought up to date. A file of a newer version is an error.
func Open(ctx context.Context, path string, o *Options) (*Store, error) {
	s, err := open(ctx, path, o.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("open SQLite store %q: %w", path, err)
	}
	return s, nil
}

// New returns a store in the file of the app's database. It brings the store's tables, whose names begin with o.Prefix, up to
// date, next to the tables of the app. Tables of a newer version are an error. [Store.In] writes in transactions of the app.
//
// The store takes no connection of db but once, to find the file and to check it. It has connections of its own, so that
// neither waits for the other's, however few connections db may have. The driver of db must be modernc.org/sqlite, the
// database a file in WAL mode, and the busy_timeout of db's connections not 0. Close leaves db open.
func New(ctx context.Context, db *sql.DB, o *Options) (*Store, error) {
	options := o.withDefaults()
	if options.Prefix == "" {
		options.Prefix = ownPrefix
	}
	path, err := locate(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("open SQLite store in the app's database: %w", err)
	}
	s, err := open(ctx, path, options)
	if err != nil {
		return nil, fmt.Errorf("open SQLite store in the app's database %q: %w", path, err)
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
	if options.BusyTimeout <= 0 {
		options.BusyTimeout = 5 * time.Second
	}
	if options.Timeout <= 0 {
		options.Timeout = 10 * time.Second
	}
	return options
}

func open(ctx context.Context, path string, o Options) (*Store, error) {
	f, err := openFile(ctx, path, o)
	if err != nil {
		return nil, err
	}
	s := &Store{logger: o.Logger, file: f, done: make(chan struct{})}
	s.run = s
	s.committer = committer{file: f, gate: &s.gate, tell: s.watchers.Tell, longest: longestBatch}
	return s, nil
}

// Ping reads from the file.
func (s *Store) Ping(ctx context.Context) error {
	return s.snapshot(ctx, func(q *queries) error {
		var one int
		return q.row(qPing).Scan(&one)
	}, "ping store")
}

// Close ends Watches, waits for the running calls, and moves the write-ahead log into the file. The database of New stays
// open.
func (s *Store) Close() error {
	if !s.gate.Shut() {
		return nil
	}
	close(s.done)
	s.gate.Wait()
	if err := s.file.close(); err != nil {
		return fmt.Errorf("close SQLite store: %w", err)
	}
	return nil
}
