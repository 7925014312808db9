package memory_test

import (
	"testing"

	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/media/mediatest"
	"github.com/motacilla-live/motacilla/media/memory"
)

func TestStore(t *testing.T) {
	mediatest.Run(t, func(*testing.T) media.Store { return memory.New() })
}

func TestShared(t *testing.T) {
	mediatest.RunShared(t, func(*testing.T) (a, b media.Store) { s := memory.New(); return s, s })
}
