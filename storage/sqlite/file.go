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
	"time"

	"github.com/motacilla-live/motacilla"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// readers is how many connections read at once.
const readers = 4

// file is an SQLite file with connections and prepared queries.
type file struct {
	clock   motacilla.Clock
	names   names
	timeout time.Duration // the most that a call takes
	write   *sql.DB       // one connection, whose transactions begin immediate
	read    *sql.DB       // connections that can't write
	writes  statements
	reads   statements
}

func openFile(ctx context.Context, path string, o Options) (_ *file, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if err := create(path); err != nil {
		return nil, err
	}
	n, err := newNames(o.Prefix)
	if err != nil {
		return nil, err
	}
	f := &file{clock: o.Clock, names: n, timeout: o.Timeout}
	defer func() {
		if err != nil {
			err = errors.Join(f.fault(ctx, err), f.close())
		}
	}()
	if f.write, err = connect(path, o.BusyTimeout, url.Values{
		"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_txlock": {"immediate"},
	}, 1); err != nil {
		return nil, err
	}
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	if err = migrate(ctx, f.write, n, steps); err != nil {
		return nil, err
	}
	if f.read, err = connect(path, o.BusyTimeout, url.Values{"_query_only": {"1"}}, readers); err != nil {
		return nil, err
	}
	if f.writes, err = prepare(ctx, f.write, n, readQueries, recordReads, writeQueries, recordWrites); err != nil {
		return nil, err
	}
	f.reads, err = prepare(ctx, f.read, n, readQueries, recordReads)
	return f, err
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

// close closes the connections. SQLite makes a checkpoint when the last one is closed.
func (f *file) close() error {
	var errs []error
	f.reads.close()
	f.writes.close()
	for _, db := range []*sql.DB{f.read, f.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// statements are prepared queries, by their text.
type statements map[string]*sql.Stmt

func prepare(ctx context.Context, db *sql.DB, n names, lists ...[]string) (statements, error) {
	all := make(statements)
	for _, list := range lists {
		for _, text := range list {
			stmt, err := db.PrepareContext(ctx, n.of(text))
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

// look runs f in a transaction that reads.
func (f *file) look(parent context.Context, use func(*queries) error) error {
	ctx, cancel := context.WithTimeout(parent, f.timeout)
	defer cancel()
	tx, err := f.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return f.fault(parent, err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := use(&queries{ctx: ctx, clock: f.clock, tx: tx, from: f.reads, names: f.names}); err != nil {
		return f.fault(parent, err)
	}
	return f.fault(parent, tx.Commit())
}

// fault translates errors of SQLite. If the caller's context has ended, it returns the context's error; otherwise an error
// of the file or the disk becomes ErrUnavailable. Other errors stay as they are.
func (f *file) fault(parent context.Context, err error) error {
	var broken *sqlite.Error
	switch {
	case err == nil:
		return nil
	case parent.Err() != nil && (errors.As(err, &broken) || errors.Is(err, sql.ErrTxDone)):
		return parent.Err()
	case parent.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer within %v", motacilla.ErrUnavailable, f.timeout)
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
