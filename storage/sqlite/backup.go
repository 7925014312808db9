package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// BackupOptions are the settings of [Backup]; nil and zero fields mean the defaults.
type BackupOptions struct {
	Overwrite   bool          // replace a file that is there; false is an error that wraps motacilla.ErrExists
	BusyTimeout time.Duration // how long to wait for another process's lock; 5 s
	Prefix      string        // of the store's tables, as in Options; none
}

// Copied is what a backup holds.
type Copied struct {
	Bytes    int64
	Channels int
	Posts    int
}

// Backup writes a copy of the store's file at path to the file at to. Other processes, and a Store of this process, may
// read and write the store meanwhile, and do not wait. The copy is one snapshot that has every write acknowledged
// before Backup was called. It is one file (mode 0600) without a write-ahead log. It is checked (PRAGMA
// integrity_check) and synced before it takes its name in one step, so if Backup fails or the machine dies, a file that
// was there stays. The directory of to needs as much free space as the store takes.
func Backup(ctx context.Context, path, to string, o *BackupOptions) (Copied, error) {
	options := BackupOptions{}
	if o != nil {
		options = *o
	}
	if options.BusyTimeout <= 0 {
		options.BusyTimeout = 5 * time.Second
	}
	copied, err := backup(ctx, path, to, options)
	if err != nil {
		return Copied{}, fmt.Errorf("back up SQLite store %q to %q: %w", path, to, err)
	}
	return copied, nil
}

func backup(ctx context.Context, path, to string, o BackupOptions) (_ Copied, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return Copied{}, err
	}
	if to, err = filepath.Abs(to); err != nil {
		return Copied{}, err
	}
	n, err := newNames(o.Prefix)
	if err != nil {
		return Copied{}, err
	}
	if err := checkPlaces(path, to, o.Overwrite); err != nil {
		return Copied{}, err
	}
	temp, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*.tmp") // mode 0600
	if errors.Is(err, os.ErrNotExist) {
		return Copied{}, fmt.Errorf("there is no directory %q: make it, or choose another path", filepath.Dir(to))
	}
	if err != nil {
		return Copied{}, err
	}
	name := temp.Name()
	defer func() {
		if err != nil {
			for _, file := range []string{name, name + "-journal"} {
				if gone := os.Remove(file); gone != nil && !errors.Is(gone, os.ErrNotExist) {
					err = errors.Join(err, gone)
				}
			}
		}
	}()
	if err := temp.Close(); err != nil {
		return Copied{}, err
	}
	if err := vacuumInto(ctx, path, name, n, o.BusyTimeout); err != nil {
		return Copied{}, interrupted(ctx, err)
	}
	copied, err := inspect(ctx, name, n)
	if err != nil {
		return Copied{}, interrupted(ctx, fmt.Errorf("check the copy: %w", err))
	}
	if copied.Bytes, err = syncFile(name); err != nil {
		return Copied{}, err
	}
	return copied, put(name, to, o.Overwrite)
}

// checkPlaces says what would go wrong before anything is written.
func checkPlaces(path, to string, overwrite bool) error {
	from, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("there is no file %q: %w", path, motacilla.ErrNotFound)
	case err != nil:
		return err
	case !from.Mode().IsRegular():
		return fmt.Errorf("%q is not a file", path)
	}
	for _, own := range []string{path, path + "-wal", path + "-shm", path + "-journal"} {
		if to == own {
			return fmt.Errorf("%q is the store's own: choose another file", to)
		}
	}
	there, err := os.Stat(to)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case os.SameFile(from, there):
		return fmt.Errorf("%q is the store itself: choose another file", to)
	case !there.Mode().IsRegular():
		return fmt.Errorf("%q is not a file: name one", to)
	case !overwrite:
		return motacilla.ErrExists
	}
	return nil
}

const qCount = `SELECT (SELECT count(*) FROM channels WHERE deleted = 0), (SELECT count(*) FROM posts)`

// vacuumInto copies one snapshot. VACUUM INTO reads in one transaction. In WAL mode no writer waits for that. Unlike
// the backup API it does not begin again when somebody writes meanwhile.
func vacuumInto(ctx context.Context, path, to string, n names, busy time.Duration) (err error) {
	db, err := connect(path, busy, url.Values{"mode": {"rw"}}, 1) // rw, for after a crash it is recovered here
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	known, err := tablesOf(ctx, db)
	if err != nil {
		return err
	}
	if missing := lacking(n, known); len(missing) > 0 {
		return fmt.Errorf("it is no store of Motacilla: it has no table %s", strings.Join(missing, ", "))
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	return err
}

// inspect opens a copy and checks whether it is complete.
func inspect(ctx context.Context, path string, n names) (c Copied, err error) {
	db, err := connect(path, 0, url.Values{"mode": {"ro"}, "immutable": {"1"}}, 1)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return c, err
	}
	if verdict != "ok" {
		return c, fmt.Errorf("it is damaged: %s", verdict)
	}
	err = db.QueryRowContext(ctx, n.of(qCount)).Scan(&c.Channels, &c.Posts)
	return c, err
}

// lacking returns what every schema of the store has had, and known lacks.
func lacking(n names, known []string) []string {
	wanted := []string{n.prefix + "channels", n.prefix + "posts", n.versions()}
	return slices.DeleteFunc(wanted, func(name string) bool { return slices.Contains(known, name) })
}

func tablesOf(ctx context.Context, db *sql.DB) ([]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT name FROM sqlite_schema WHERE type = 'table'")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err has what is wrong
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// syncFile has the disk keep the file, which SQLite leaves to the system for a VACUUM INTO.
func syncFile(name string) (size int64, err error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Sync(); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// put gives the file its name, and has the disk keep that. A link, unlike a renaming, never replaces what somebody else
// has made meanwhile; file systems without links have the renaming.
func put(name, to string, overwrite bool) error {
	linked := false
	if !overwrite {
		err := os.Link(name, to)
		if errors.Is(err, os.ErrExist) {
			return motacilla.ErrExists
		}
		linked = err == nil
	}
	if linked {
		if err := os.Remove(name); err != nil {
			return err
		}
	} else if err := os.Rename(name, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

// interrupted returns the error of ctx if ctx has ended, and err otherwise.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
