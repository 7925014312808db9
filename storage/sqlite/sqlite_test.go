package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/storagetest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func empty(t *testing.T, clock motacilla.Clock) storage.Store {
	return withClock(t, filepath.Join(t.TempDir(), "live.db"), clock)
}

func withClock(t *testing.T, path string, clock motacilla.Clock) storage.Store {
	o := patient()
	o.Clock = clock
	s, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) { storagetest.Run(t, empty, &storagetest.Options{Operations: 10_000}) }

func TestMover(t *testing.T) {
	storagetest.RunMover(t, empty, &storagetest.Options{Operations: 10_000})
}

func TestShared(t *testing.T) {
	storagetest.RunShared(t, func(t *testing.T, clock motacilla.Clock) (storage.Store, storage.Store) {
		path := filepath.Join(t.TempDir(), "live.db")
		return withClock(t, path, clock), withClock(t, path, clock)
	}, nil)
}
