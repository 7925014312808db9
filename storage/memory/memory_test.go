package memory_test

import (
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/storage/storagetest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func open(_ *testing.T, clock motacilla.Clock) storage.Store {
	return memory.New(&memory.Options{Clock: clock})
}

func TestStore(t *testing.T) { storagetest.Run(t, open, nil) }

func TestMover(t *testing.T) { storagetest.RunMover(t, open, nil) }
