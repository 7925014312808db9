package sqlite

import (
	"context"
	"testing"

	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/storagetest"
)

func TestDurable(t *testing.T) {
	storagetest.RunDurable(t, func(ctx context.Context, path string) (storage.Store, error) {
		return Open(ctx, path, patient())
	})
}
