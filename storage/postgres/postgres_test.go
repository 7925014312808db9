package postgres

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/storagetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := realserver.StopShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
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

func TestStore(t *testing.T) {
	realserver.SharedPostgres(t)
	storagetest.Run(t, func(t *testing.T, clock motacilla.Clock) storage.Store {
		return opened(t, database(t), &Options{Clock: clock})
	}, &storagetest.Options{Operations: 5_000})
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
