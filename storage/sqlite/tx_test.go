package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/storagetest"
)

// tables of the app that have the names of the store's, but other columns: a query that lacks the prefix fails.
const lookalikes = `CREATE TABLE channels (x); CREATE TABLE posts (x); CREATE TABLE tombstones (x); CREATE TABLE log (x);
	CREATE TABLE namespaces (x); CREATE TABLE records (x); CREATE TABLE goose_db_version (version_id, is_applied);
	INSERT INTO goose_db_version VALUES (999, 1); CREATE TABLE orders (name TEXT PRIMARY KEY)`

// database opens a database of an app. parameters are added to those that the store asks for.
func database(t testing.TB, path, parameters string) *sql.DB {
	t.Helper()
	name := url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=journal_mode(WAL)&_pragma=busy_timeout(300000)&" + parameters}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// founded returns a database with tables of an app, and a store in it.
func founded(t testing.TB, clock motacilla.Clock) (*sql.DB, *Store) {
	t.Helper()
	db := database(t, filepath.Join(t.TempDir(), "app.db"), "_txlock=immediate")
	if _, err := db.ExecContext(t.Context(), lookalikes); err != nil {
		t.Fatal(err)
	}
	o := patient()
	o.Clock, o.Prefix = clock, "live_"
	s, err := New(t.Context(), db, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return db, s
}

// owner is a store that closes the database of the app with it.
type owner struct {
	*Store
	db *sql.DB
}

func (o owner) Close() error { return errors.Join(o.Store.Close(), o.db.Close()) }

func within(t *testing.T, clock motacilla.Clock) storage.Store {
	db, s := founded(t, clock)
	return owner{s, db}
}

func TestStoreInDatabase(t *testing.T) {
	storagetest.Run(t, within, &storagetest.Options{Operations: 2_000})
}

func TestMoverInDatabase(t *testing.T) {
	storagetest.RunMover(t, within, &storagetest.Options{Operations: 2_000})
}

func app(db *sql.DB, s *Store) *storagetest.App {
	return &storagetest.App{
		Store: s,
		Begin: func(ctx context.Context) (*storagetest.AppTx, error) {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return nil, err
			}
			return &storagetest.AppTx{
				Tx: s.In(tx),
				Order: func(ctx context.Context, name string) error {
					_, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES (?)", name)
					return err
				},
				Commit:   func(context.Context) error { return tx.Commit() },
				Rollback: func(context.Context) error { return tx.Rollback() },
			}, nil
		},
		Orders: func(ctx context.Context) (names []string, err error) {
			rows, err := db.QueryContext(ctx, "SELECT name FROM orders")
			return scanned(rows, err)
		},
	}
}

func scanned(rows *sql.Rows, err error) ([]string, error) {
	return list(rows, err, func(from scanner) (name string, err error) {
		err = from.Scan(&name)
		return name, err
	})
}

func TestTx(t *testing.T) {
	storagetest.RunTx(t, func(t *testing.T, clock motacilla.Clock) *storagetest.App {
		return app(founded(t, clock))
	}, nil)
}

// A store that was opened by its path takes transactions too.
func TestTxOfAnOpenedFile(t *testing.T) {
	storagetest.RunTx(t, func(t *testing.T, clock motacilla.Clock) *storagetest.App {
		path := filepath.Join(t.TempDir(), "live.db")
		s := withClock(t, path, clock).(*Store)
		db := database(t, path, "_txlock=immediate")
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE orders (name TEXT PRIMARY KEY)"); err != nil {
			t.Fatal(err)
		}
		return app(db, s)
	}, nil)
}
