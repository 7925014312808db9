package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the file up to date. Another process may do the same at the same time. Each step is one transaction,
// which fails in one of the two processes; that process then finds the step done.
func migrate(ctx context.Context, db *sql.DB, n names, files fs.FS) error {
	var err error
	for range 5 {
		if err = migrateOnce(ctx, db, n, files); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return err
}

func migrateOnce(ctx context.Context, db *sql.DB, n names, files fs.FS) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, db, n.migrations(files),
		goose.WithDisableGlobalRegistry(true), goose.WithTableName(n.versions()))
	if err != nil {
		return err
	}
	current, newest, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > newest {
		return fmt.Errorf("the file has schema %d, made by a newer version; this one knows up to %d: use the newer one",
			current, newest)
	}
	_, err = p.Up(ctx)
	return err
}
