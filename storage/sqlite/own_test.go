package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// patient returns options for tests that are not about time: a machine that stalls is no error.
func patient() *Options {
	return &Options{BusyTimeout: 5 * time.Minute, Timeout: 10 * time.Minute}
}

func opened(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, patient())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestPragmasOfTheWritingConnection(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "live.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.file.write.SetMaxIdleConns(-1) // each query gets a new connection
	for range 3 {
		for pragma, want := range map[string]string{
			"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "5000",
		} {
			var got string
			if err := s.file.write.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("PRAGMA %s is %q (%v), want %q", pragma, got, err, want)
			}
		}
	}
	if _, err := s.file.read.Exec("DELETE FROM posts"); err == nil {
		t.Error("a reading connection writes")
	}
}

func TestPaths(t *testing.T) {
	for _, name := range []string{"a b.db", "q?x=1&mode=ro.db", "50%.db", "%41.db", "h#h.db", "ü.db", "file:x.db"} {
		path := filepath.Join(t.TempDir(), name)
		s := opened(t, path)
		if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		for _, file := range []string{path, path + "-wal", path + "-shm"} {
			info, err := os.Stat(file)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%q: %v, %v", file, info, err)
			}
		}
	}
}

func TestDirectoryMissing(t *testing.T) {
	_, err := Open(t.Context(), filepath.Join(t.TempDir(), "none", "live.db"), nil)
	if err == nil || !strings.Contains(err.Error(), "there is no directory") {
		t.Fatalf("error is %v", err)
	}
}

func TestNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	s := opened(t, path)
	_, err := s.file.write.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, nil); err == nil || !strings.Contains(err.Error(), "made by a newer version") {
		t.Fatalf("error is %v", err)
	}
}

func TestOpenedTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := Open(t.Context(), path, patient())
			if err != nil {
				t.Error(err)
				return
			}
			_ = s.Close()
		})
	}
	wg.Wait()
}

func TestLockedByAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	a := opened(t, path)
	b, err := Open(t.Context(), path, &Options{BusyTimeout: 20 * time.Millisecond, Timeout: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	tx, err := a.file.write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("error is %v", err)
	}
	_ = tx.Rollback()
	if _, err := b.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestWatchOfAnotherHandle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	a, b := opened(t, path), opened(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hints := make(chan motacilla.Moved, 100)
	ended := make(chan error, 1)
	go func() { ended <- b.Watch(ctx, func(m motacilla.Moved) { hints <- m }) }()
	<-hints // it has begun
	c, err := a.PutChannel(ctx, motacilla.Channel{ID: "c"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if m := <-hints; m.Head != c.Head {
		t.Errorf("the hint is %+v, the head %d", m, c.Head)
	}
	cancel()
	<-ended
}

func contains(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

func TestDeletedChannelForgets(t *testing.T) {
	s := opened(t, filepath.Join(t.TempDir(), "live.db"))
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	_, err := s.file.write.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO log SELECT 'c', i FROM n`, storage.Remember+50)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteChannel(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	for since, want := range map[motacilla.Revision]bool{1: false, 52: false, 53: true, storage.Remember: true} {
		facts, err := s.Changes(t.Context(), "c", since, 0)
		if err != nil || !facts.Deleted || facts.Known != want {
			t.Errorf("since %d: %+v (%v), want known %v", since, facts, err, want)
		}
	}
}
