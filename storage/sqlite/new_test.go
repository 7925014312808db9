package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
)

func TestUnfitDatabases(t *testing.T) {
	at := func(parameters string) *sql.DB {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+"?"+parameters)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	memory, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = memory.Close() })
	for _, c := range []struct {
		db     *sql.DB
		prefix string
		want   string
	}{
		{memory, "", "it must be in a file"},
		{at("_pragma=busy_timeout(1000)"), "", `journal_mode is "delete"; it must be "wal"`},
		{at("_pragma=journal_mode(WAL)"), "", "busy_timeout is 0"},
		{at("_pragma=journal_mode(WAL)&_pragma=busy_timeout(1000)"), "1x", "prefix: must be"},
		{at("_pragma=journal_mode(WAL)&_pragma=busy_timeout(1000)"), "a b", "prefix: must be"},
		{at("_pragma=journal_mode(WAL)&_pragma=busy_timeout(1000)"), "sqlite_x", "prefix: must be"},
	} {
		if s, err := New(t.Context(), c.db, &Options{Prefix: c.prefix}); !contains(err, c.want) {
			t.Errorf("New with %q returned %v, %v; want an error with %q", c.prefix, s, err, c.want)
		}
		if err := c.db.PingContext(t.Context()); err != nil {
			t.Errorf("the database afterwards: %v", err)
		}
	}
}

// Two stores in one file have nothing to do with each other, and what closes them leaves the database open.
func TestPrefixes(t *testing.T) {
	db, a := founded(t, nil)
	b, err := New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Channel(t.Context(), "c"); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("channel of the other prefix: %v", err)
	}
	if err := errors.Join(a.Ping(t.Context()), b.Ping(t.Context()), a.Close(), b.Close()); err != nil {
		t.Error(err)
	}
	for table, want := range map[string]int{"live_channels": 1, "motacilla_channels": 0, "channels": 0, "goose_db_version": 1} {
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil || n != want {
			t.Errorf("%s has %d rows (%v), want %d", table, n, err, want)
		}
	}
}

// A store does not wait for the app's only connection, as long as the app has not written.
func TestOneConnection(t *testing.T) {
	db, s := founded(t, nil)
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Error(err)
	}
	tx, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := s.In(tx).PutPost(t.Context(), "c", text("x"), 0); err != nil {
		t.Error(err)
	}
	if page, err := s.Posts(t.Context(), "c", motacilla.Query{}); err != nil || len(page.Posts) != 0 {
		t.Errorf("read while the app writes: %+v, %v", page, err)
	}
}

// A transaction that begins without the lock gets it with its first write, unless it has read what is not so any more.
func TestDeferredTransaction(t *testing.T) {
	_, s := founded(t, nil)
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	var path string
	if err := s.file.read.QueryRow("SELECT file FROM pragma_database_list").Scan(&path); err != nil {
		t.Fatal(err)
	}
	db := database(t, path, "_txlock=deferred")
	for _, reads := range []bool{false, true} {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if reads {
			var n int
			if err := tx.QueryRowContext(t.Context(), "SELECT count(*) FROM orders").Scan(&n); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.PutPost(t.Context(), "c", text("meanwhile"), 0); err != nil {
			t.Fatal(err)
		}
		_, err = s.In(tx).PutPost(t.Context(), "c", text("x"), 0)
		if !reads && err != nil {
			t.Error(err)
		}
		if reads && (!errors.Is(err, motacilla.ErrUnavailable) || !contains(err, "_txlock=immediate")) {
			t.Errorf("after a read that is old: %v", err)
		}
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

// What a write has done before it failed is undone, and nothing else of the transaction.
func TestWriteThatFailsInATransaction(t *testing.T) {
	db, s := founded(t, nil)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	in := s.In(tx)
	if _, err := in.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	_, err = change(t.Context(), in.run, func(q *queries) (int, error) {
		return 0, errors.Join(q.exec(qSetHead, 1, "c"), refused)
	}, "refuse")
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	c, err := in.Channel(t.Context(), "c")
	if err != nil || c.Head == 1 {
		t.Errorf("channel is %+v, %v", c, err)
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
}

func TestBackupOfAPrefix(t *testing.T) {
	_, s := founded(t, nil)
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	var path string
	if err := s.file.read.QueryRow("SELECT file FROM pragma_database_list").Scan(&path); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "backup.db")
	if _, err := Backup(t.Context(), path, to, &BackupOptions{Prefix: "other_"}); !contains(err, "no table other_channels") {
		t.Errorf("error is %v", err)
	}
	copied, err := Backup(t.Context(), path, to, &BackupOptions{Prefix: "live_"})
	if err != nil || copied.Channels != 1 {
		t.Errorf("copied %+v, %v", copied, err)
	}
}

// A write in a transaction that has begun without the lock takes it before it reads.
func TestLockBeforeReads(t *testing.T) {
	_, s := founded(t, nil)
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	var path string
	if err := s.file.read.QueryRow("SELECT file FROM pragma_database_list").Scan(&path); err != nil {
		t.Fatal(err)
	}
	other, err := Open(t.Context(), path, &Options{BusyTimeout: time.Millisecond, Timeout: 10 * time.Minute, Prefix: "live_"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := database(t, path, "_txlock=deferred").BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	_, err = change(t.Context(), s.In(tx).run, func(q *queries) (motacilla.Revision, error) {
		head, err := q.liveHead("c")
		if _, err := other.PutPost(t.Context(), "c", text("between"), 0); !errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("a write between the read and the write of another: %v", err)
		}
		return head, err
	}, "read")
	if err != nil {
		t.Error(err)
	}
}

// Watch tells of a commit after at most half of the time that the transaction took, also if that was long.
func TestHintSoonAfterCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, s := founded(t, nil)
		if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended, hints := make(chan error, 1), make(chan motacilla.Moved, 100)
		go func() { ended <- s.Watch(ctx, func(m motacilla.Moved) { hints <- m }) }()
		<-hints // it has begun
		for _, takes := range []time.Duration{0, 20 * time.Millisecond, 200 * time.Millisecond, time.Hour} {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			p, err := s.In(tx).PutPost(t.Context(), "c", text("x"), 0)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(takes) // of the bubble
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			committed := time.Now()
			for m := range hints {
				if m.Head >= p.Revision {
					break
				}
			}
			if late := time.Since(committed); late > min(soonest+takes/2, lookout) {
				t.Errorf("the hint came %v after the commit of a transaction that took %v", late, takes)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := errors.Join(s.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
}
