package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// locate returns the path of the file that an app's database is in. It checks whether the store may have connections of its
// own to the file.
func locate(ctx context.Context, db *sql.DB) (path string, err error) {
	if _, ok := db.Driver().(*sqlite.Driver); !ok {
		return "", fmt.Errorf("its driver is a %T; it must be that of modernc.org/sqlite: another copy of SQLite in the same process "+
			"would break the locks of the file", db.Driver())
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path); err != nil {
		return "", err
	}
	if path == "" {
		return "", errors.New("it is in memory; it must be in a file")
	}
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return "", err
	}
	if !strings.EqualFold(mode, "wal") {
		return "", fmt.Errorf("its journal_mode is %q; it must be \"wal\", so that readers and writers do not wait for each other: "+
			"PRAGMA journal_mode = WAL", mode)
	}
	var busy int
	if err := conn.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&busy); err != nil {
		return "", err
	}
	if busy == 0 {
		return "", errors.New("its busy_timeout is 0, so it fails whenever the store writes; it must wait: " +
			"open it with ?_pragma=busy_timeout(5000)")
	}
	return path, nil
}
