package memory

import (
	"strconv"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/storage"
)

// Expired records are removed by later writes to their namespace, some by each.
func TestExpiredRecordsAreRemoved(t *testing.T) {
	now := time.Now()
	s := New(&Options{Clock: func() time.Time { return now }})
	put := func(r storage.Record) storage.Record {
		t.Helper()
		r.Namespace = "ns"
		r, err := s.Records().Put(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for i := range 100 {
		put(storage.Record{Key: "expires " + strconv.Itoa(i), TTL: time.Minute})
	}
	kept := put(storage.Record{Key: "kept"})
	now = now.Add(time.Hour)
	space := s.records.spaces["ns"]
	for left := 100 - sweep; ; left = max(left-sweep, 0) {
		kept = put(kept)
		if len(space.all) != left+1 || len(space.keys) != left+1 || len(space.expires) != left {
			t.Fatalf("%d records, %d keys and %d expiries are left, want %d, %[4]d and %d",
				len(space.all), len(space.keys), len(space.expires), left+1, left)
		}
		if left == 0 {
			return
		}
	}
}
