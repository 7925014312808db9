package postgres

import (
	"context"
	"os"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/storagetest"
)

func TestMain(m *testing.M) {
	realserver.Main(m)
}

// opened opens the database and closes it with the test.
func opened(t testing.TB, url string, o *Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// database returns the URL of an empty one.
func database(t testing.TB) string {
	t.Helper()
	return realserver.SharedPostgres(t).Database(t)
}

func empty(t *testing.T, clock motacilla.Clock) storage.Store {
	return opened(t, database(t), &Options{Clock: clock})
}

func TestStore(t *testing.T) {
	realserver.SharedPostgres(t)
	storagetest.Run(t, empty, &storagetest.Options{Operations: 5_000})
}

func TestMover(t *testing.T) {
	realserver.SharedPostgres(t)
	storagetest.RunMover(t, empty, &storagetest.Options{Operations: 5_000})
}

func TestShared(t *testing.T) {
	realserver.SharedPostgres(t)
	storagetest.RunShared(t, func(t *testing.T, clock motacilla.Clock) (a, b storage.Store) {
		url := database(t)
		return opened(t, url, &Options{Clock: clock}), opened(t, url, &Options{Clock: clock})
	}, nil)
}

// durableEnv is the URL of the database that a child process of TestDurable shares with the test.
const durableEnv = "MOTACILLA_POSTGRES_DURABLE"

func TestDurable(t *testing.T) {
	if os.Getenv(durableEnv) == "" {
		t.Setenv(durableEnv, database(t))
	}
	storagetest.RunDurable(t, func(ctx context.Context, _ string) (storage.Store, error) {
		return Open(ctx, os.Getenv(durableEnv), nil)
	})
}

// As it is behind a pooler: nothing is prepared, and no parameters are set.
func TestPooler(t *testing.T) {
	realserver.SharedPostgres(t)
	storagetest.RunShared(t, func(t *testing.T, clock motacilla.Clock) (a, b storage.Store) {
		url := database(t)
		o := &Options{Clock: clock, Pooler: true, DirectURL: url}
		return opened(t, url, o), opened(t, url, o)
	}, nil)
	s := opened(t, database(t), &Options{Pooler: true, DirectURL: database(t)})
	var prepared int
	if err := s.server.pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_prepared_statements").Scan(&prepared); err != nil || prepared != 0 {
		t.Errorf("%d prepared statements (%v)", prepared, err)
	}
}

func TestDeletedChannelForgets(t *testing.T) {
	s := opened(t, database(t), nil)
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	_, err := s.server.pool.Exec(t.Context(), "INSERT INTO motacilla_log SELECT 'c', generate_series(1, $1::int)", storage.Remember+50)
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
