package storagetest

import (
	"context"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

// sinks keeps records in memory alone.
type sinks struct {
	storage.Store
	memory storage.Store
}

func (s sinks) Records() storage.Records { return s.memory.Records() }

// RunDurableRecords fails a store that acknowledges records and does not store them.
func TestRecordsInMemoryBite(t *testing.T) {
	open := func(ctx context.Context, path string) (storage.Store, error) {
		s, err := sqlite.Open(ctx, path, nil)
		return sinks{s, memory.New(nil)}, err
	}
	if asVictim(t, open, recordWriter{}) {
		return
	}
	err := durableRecords(t, t.TempDir()+"/live.db", 2, open)
	if err == nil || !strings.Contains(err.Error(), "acknowledged was") {
		t.Fatalf("a store that loses its records: %v", err)
	}
}
