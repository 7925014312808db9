package postgres

import (
	"context"
	"fmt"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/storagetest"
)

// Expired records are removed by later writes to their namespace, some by each.
func TestExpiredRecordsAreRemoved(t *testing.T) {
	s := opened(t, database(t), nil)
	put := func(r storage.Record) storage.Record {
		t.Helper()
		r, err := s.Records().Put(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	count := func() (n int) {
		t.Helper()
		if err := s.server.pool.QueryRow(t.Context(), "SELECT count(*) FROM motacilla_records WHERE namespace = 'ns'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	kept := put(storage.Record{Namespace: "ns", Key: "kept", TTL: time.Hour})
	_, err := s.server.pool.Exec(t.Context(), `INSERT INTO motacilla_records
		SELECT 'ns', convert_to('expired ' || i, 'UTF8'), '', i, i FROM generate_series(1, 100) AS i`)
	if err != nil {
		t.Fatal(err)
	}
	for left := 100 - 16; ; left = max(left-16, 0) {
		kept = put(kept)
		if n := count(); n != left+1 {
			t.Fatalf("%d records are left, want %d", n, left+1)
		}
		if left == 0 {
			return
		}
	}
}

// A database of the first version gets the tables of records when it is opened.
func TestDatabaseBeforeRecords(t *testing.T) {
	db := database(t)
	first, err := migrations.ReadFile("migrations/00001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), direct{config: connect(t, db).Config()}, fstest.MapFS{"migrations/00001_init.sql": {Data: first}}, guard); err != nil {
		t.Fatal(err)
	}
	s := opened(t, db, nil)
	if _, err := s.Records().Put(t.Context(), storage.Record{Namespace: "ns", Key: "key"}); err != nil {
		t.Error(err)
	}
}

// The expiry and the version come from the database's clock.
func TestRecordsByTheServersClock(t *testing.T) {
	s := opened(t, database(t), nil)
	var before, after int64
	now := func(into *int64) {
		t.Helper()
		if err := s.server.pool.QueryRow(t.Context(), "SELECT motacilla_now()").Scan(into); err != nil {
			t.Fatal(err)
		}
	}
	now(&before)
	r, err := s.Records().Put(t.Context(), storage.Record{Namespace: "ns", Key: "key", TTL: time.Hour})
	now(&after)
	began := r.Expires.Add(-time.Hour).UnixMicro()
	if err != nil || began < before || began > after || r.Version < before || r.Version > after {
		t.Errorf("%+v (%v), put between %d and %d", r, err, before, after)
	}
}

// A list reads no more rows than it needs: both of its bounds are conditions of the index.
func TestListUsesTheIndex(t *testing.T) {
	s := opened(t, database(t), nil)
	if _, err := s.server.pool.Exec(t.Context(), `INSERT INTO motacilla_records
		SELECT 'ns', convert_to(lpad(i::text, 6, '0'), 'UTF8'), '', i, NULL FROM generate_series(1, 5000) AS i; `); err != nil {
		t.Fatal(err)
	}
	if _, err := s.server.pool.Exec(t.Context(), "ANALYZE motacilla_records"); err != nil {
		t.Fatal(err)
	}
	from, to := storage.KeyRange("0010", "")
	rows, err := s.server.pool.Query(t.Context(), "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "+qListRecords,
		"ns", []byte(from), s.own(), []byte(to), 50)
	if err != nil {
		t.Fatal(err)
	}
	plan := ""
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan += line + "\n"
	}
	if err := rows.Err(); err != nil || !contains(fmt.Errorf("%s", plan), "Index Scan using motacilla_records_pkey") {
		t.Errorf("the plan is (%v)\n%s", err, plan)
	}
}

func TestRecordsAreDurable(t *testing.T) {
	if os.Getenv(durableEnv) == "" {
		t.Setenv(durableEnv, database(t))
	}
	storagetest.RunDurableRecords(t, func(ctx context.Context, _ string) (storage.Store, error) {
		return Open(ctx, os.Getenv(durableEnv), patient(nil))
	})
}
