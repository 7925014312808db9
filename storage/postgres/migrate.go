package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
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
func migrate(ctx context.Context, config *pgx.ConnConfig, files fs.FS, timeout time.Duration) error {
	db := stdlib.OpenDB(*config)
	defer func() { _ = db.Close() }()
	files, err := fs.Sub(files, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true),
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
	return nil
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
