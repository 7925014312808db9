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
// A clock for tests, a logger, and two durations. The configuration has the file's path: {type: sqlite, path: ...}.
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
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
	"go.uber.org/zap"
	"modernc.org/sqlite"
)

// readers is how many connections read at once.
const readers = 4

// Options are a Store's settings; nil and zero fields mean the defaults.
type Options struct {
	Clock       motacilla.Clock // gives revisions their time, and says what is 24 hours old; time.Now
	Logger      *zap.Logger     // nil logs nothing
	BusyTimeout time.Duration   // how long to wait for another process's lock; 5 s
	Timeout     time.Duration   // the most that a call takes; 10 s
}

// Store is a storage.Store in an SQLite file. Use Open.
type Store struct {
	clock   motacilla.Clock
	logger  *zap.Logger
	timeout time.Duration
	write   *sql.DB // one connection, whose transactions begin immediate
	read    *sql.DB // connections that can't write
	writes  statements
	reads   statements

	gate     calls.Gate
	watchers storage.Watchers
	done     chan struct{} // closed by Close

	edits      storage.Edits
	queueing   sync.Mutex
	queue      []*write // the writes that wait for their turn
	committing bool     // a goroutine makes batches of the queue; it counts as a call
	longest    time.Duration
	commits    atomic.Int64
}

var (
	_ storage.Store = (*Store)(nil)
	_ storage.Mover = (*Store)(nil)
)

// Open opens the file at path. If there is none, it makes one; the directory must exist. A file of an older version is
// brought up to date. A file of a newer version is an error.
func Open(ctx context.Context, path string, o *Options) (*Store, error) {
	s, err := open(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("open SQLite store %q: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string, o *Options) (_ *Store, err error) {
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
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if err := create(path); err != nil {
		return nil, err
	}
	s := &Store{
		clock: options.Clock, logger: options.Logger, timeout: options.Timeout, done: make(chan struct{}),
		longest: longestBatch,
	}
	defer func() {
		if err != nil {
			err = errors.Join(s.fault(ctx, err), s.release())
		}
	}()
	if s.write, err = connect(path, options.BusyTimeout, url.Values{
		"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_txlock": {"immediate"},
	}, 1); err != nil {
		return nil, err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	if err = migrate(ctx, s.write, files); err != nil {
		return nil, err
	}
	if s.read, err = connect(path, options.BusyTimeout, url.Values{"_query_only": {"1"}}, readers); err != nil {
		return nil, err
	}
	if s.writes, err = prepare(ctx, s.write, readQueries, recordReads, writeQueries, recordWrites); err != nil {
		return nil, err
	}
	s.reads, err = prepare(ctx, s.read, readQueries, recordReads)
	return s, err
}

// create makes the file with mode 0600. SQLite gives its other files the same mode.
func create(path string) error {
	dir := filepath.Dir(path)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the operator chooses the path
	switch {
	case errors.Is(err, os.ErrExist):
		return nil
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("there is no directory %q: make it, or choose another path", dir)
	case err != nil:
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the directory of the operator's path
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func connect(path string, busy time.Duration, params url.Values, connections int) (*sql.DB, error) {
	params.Set("_busy_timeout", fmt.Sprint(busy.Milliseconds()))
	params.Set("_foreign_keys", "1")
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: params.Encode()}
	c, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// Ping reads from the file.
func (s *Store) Ping(ctx context.Context) error {
	return s.snapshot(ctx, func(q *queries) error {
		var one int
		return q.row(qPing).Scan(&one)
	}, "ping store")
}

// Close ends Watches, waits for the running calls, and moves the write-ahead log into the file.
func (s *Store) Close() error {
	if !s.gate.Shut() {
		return nil
	}
	close(s.done)
	s.gate.Wait()
	if err := s.release(); err != nil {
		return fmt.Errorf("close SQLite store: %w", err)
	}
	return nil
}

// release closes the connections. SQLite makes a checkpoint when the last one is closed.
func (s *Store) release() error {
	var errs []error
	s.reads.close()
	s.writes.close()
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
