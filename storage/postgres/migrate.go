package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	versions = "motacilla_migrations" // goose's table
	lockID   = 0x6d6f7461_63696c6c    // of the advisory lock: "motacill"
	patience = 5 * time.Minute        // the most that migrating takes, with the wait for a node that is at it
)

// migrate brings the schema up to date. If it is up to date, the database is only read. Otherwise one node at a time
// migrates; the others wait and then find it done.
func migrate(ctx context.Context, d direct, files fs.FS, timeout time.Duration) error {
	db := d.open()
	defer func() { _ = db.Close() }()
	files, err := fs.Sub(files, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, d.names.migrations(files), goose.WithDisableGlobalRegistry(true),
		goose.WithTableName(versions), goose.WithSessionLocker(advisory{}))
	if err != nil {
		return err
	}
	sources := p.ListSources()
	newest := sources[len(sources)-1].Version
	looking, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	current, err := schema(looking, db)
	if err != nil {
		return err
	}
	if current < newest {
		up, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := d.create(up, db); err != nil {
			return fmt.Errorf("create the schema %s: %w", d.names.schema, err)
		}
		if _, err := p.Up(up); err != nil {
			return fmt.Errorf("migrate the schema from %d to %d: %w", current, newest, err)
		}
		if current, err = schema(up, db); err != nil {
			return err
		}
	}
	if current > newest {
		return wrongServer(fmt.Sprintf("the database has schema %d, made by a newer version; this one knows up to %d: "+
			"use the newer one", current, newest))
	}
	pinning, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return d.pin(pinning, db)
}

// create creates the schema if it is missing.
func (d direct) create(ctx context.Context, db *sql.DB) error {
	if d.names.schema == "" {
		return nil
	}
	return alone(ctx, db, func(conn *sql.Conn) error {
		var there bool
		err := conn.QueryRowContext(ctx, "SELECT to_regnamespace($1) IS NOT NULL", d.names.schema).Scan(&there)
		if err == nil && !there { // the privilege is needed only now
			_, err = conn.ExecContext(ctx, "CREATE SCHEMA "+d.names.schema)
		}
		return err
	})
}

// pin has all functions of the schema find the tables, whoever has made them.
func (d direct) pin(ctx context.Context, db *sql.DB) error {
	if d.names.schema == "" {
		return nil
	}
	return alone(ctx, db, func(conn *sql.Conn) error {
		return conn.Raw(func(driver any) error { return d.names.pin(ctx, driver.(*stdlib.Conn).Conn()) })
	})
}

// alone calls f with a connection that holds the lock of migrations.
func alone(ctx context.Context, db *sql.DB, f func(*sql.Conn) error) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := (advisory{}).SessionLock(ctx, conn); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, advisory{}.SessionUnlock(ctx, conn)) }()
	return f(conn)
}

// schema returns the version of the database's schema, or 0 if it has none.
func schema(ctx context.Context, db *sql.DB) (version int64, err error) {
	var table sql.NullString
	if err := db.QueryRowContext(ctx, "SELECT to_regclass($1)::text", versions).Scan(&table); err != nil || !table.Valid {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+versions+" WHERE is_applied").Scan(&version)
	return version, err
}

// advisory is an advisory lock of PostgreSQL, held by one session. It waits in the server's queue. goose's own lock
// asks again each second.
type advisory struct{}

var _ lock.SessionLocker = advisory{}

func (advisory) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(lockID))
	return err
}

func (advisory) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var unlocked bool
	err := conn.QueryRowContext(ctx, "SELECT pg_advisory_unlock($1)", int64(lockID)).Scan(&unlocked)
	if err == nil && !unlocked {
		err = errors.New("the advisory lock of migrations was lost")
	}
	return err
}
