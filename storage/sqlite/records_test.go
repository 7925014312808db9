package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/storagetest"
)

// Expired records are removed by later writes to their namespace, some by each.
func TestExpiredRecordsAreRemoved(t *testing.T) {
	s := opened(t, filepath.Join(t.TempDir(), "live.db"))
	count := func(namespace string) (n int) {
		t.Helper()
		if err := s.file.write.QueryRow("SELECT count(*) FROM records WHERE namespace = ?", namespace).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	put := func(r storage.Record) storage.Record {
		t.Helper()
		r, err := s.Records().Put(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	put(storage.Record{Namespace: "other", Key: "expired", Expires: time.UnixMicro(1)})
	kept := put(storage.Record{Namespace: "ns", Key: "kept", TTL: time.Hour})
	_, err := s.file.write.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
		INSERT INTO records SELECT 'ns', 'expired ' || i, x'', i, i FROM n`)
	if err != nil {
		t.Fatal(err)
	}
	for left := 100 - sweep; ; left = max(left-sweep, 0) {
		kept = put(kept)
		if n := count("ns"); n != left+1 {
			t.Fatalf("%d records are left, want %d", n, left+1)
		}
		if left == 0 {
			break
		}
	}
	if err := s.Records().Delete(t.Context(), "ns", "kept", kept.Version); err != nil || count("ns") != 0 {
		t.Errorf("%d records are left (%v)", count("ns"), err)
	}
	if n := count("other"); n != 1 {
		t.Errorf("the other namespace has %d records", n)
	}
}

// A file of the first version gets the tables of records when it is opened.
func TestFileBeforeRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	first, err := migrations.ReadFile("migrations/00001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := connect(path, time.Second, map[string][]string{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), db, names{}, fstest.MapFS{"00001_init.sql": {Data: first}}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO channels VALUES ('c', 'kept', 'public', 1, NULL, 1, 1, 1, 0)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := opened(t, path)
	if c, err := s.Channel(t.Context(), "c"); err != nil || c.Title != "kept" {
		t.Errorf("channel is %+v (%v)", c, err)
	}
	if _, err := s.Records().Put(t.Context(), storage.Record{Namespace: "ns", Key: "key"}); err != nil {
		t.Error(err)
	}
}

// A backup has the records, and versions go on from it.
func TestBackupOfRecords(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, "live.db"), filepath.Join(dir, "copy.db")
	s := opened(t, path)
	made, err := s.Records().Put(t.Context(), storage.Record{Namespace: "ns", Key: "key", Value: []byte("value")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Backup(t.Context(), path, to, nil); err != nil {
		t.Fatal(err)
	}
	lost, err := s.Records().Put(t.Context(), made)
	if err != nil {
		t.Fatal(err)
	}
	again := opened(t, to).Records()
	found, err := again.Get(t.Context(), "ns", "key")
	if err != nil || fmt.Sprint(found) != fmt.Sprint(made) {
		t.Errorf("the copy has %v (%v), want %v", found, err, made)
	}
	if next, err := again.Put(t.Context(), found); err != nil || next.Version <= lost.Version {
		t.Errorf("the copy issued version %d (%v), the store had issued %d", next.Version, err, lost.Version)
	}
}

// A batch of writes stores those that succeed and refuses the others.
func TestRecordsShareACommit(t *testing.T) {
	s := opened(t, filepath.Join(t.TempDir(), "live.db"))
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 20)
	for i := range cap(errs) {
		go func() {
			if i%2 == 0 {
				_, err := s.PutPost(t.Context(), "c", motacilla.Post{}, 0)
				errs <- err
				return
			}
			_, err := s.Records().Put(t.Context(), storage.Record{Namespace: "ns", Key: "one"})
			errs <- err
		}()
	}
	refused := 0
	for range cap(errs) {
		if err := <-errs; err != nil {
			refused++
		}
	}
	if refused != cap(errs)/2-1 {
		t.Errorf("%d writes were refused, want %d", refused, cap(errs)/2-1)
	}
}

func TestRecordsAreDurable(t *testing.T) {
	storagetest.RunDurableRecords(t, func(ctx context.Context, path string) (storage.Store, error) {
		return Open(ctx, path, patient())
	})
}
