package storagetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// RunDurableRecords is RunDurable for storage.Records: it looks for every write of a record that was acknowledged to a
// process that was killed. The test that calls it must not be a subtest.
func RunDurableRecords(t *testing.T, open func(ctx context.Context, path string) (storage.Store, error)) {
	if asVictim(t, open, recordWriter{}) {
		return
	}
	if err := durableRecords(t, t.TempDir()+"/live.db", unlessShort(10, 3), open); err != nil {
		t.Fatal(err)
	}
}

// recordWriter is the child of RunDurableRecords.
type recordWriter struct{}

func (recordWriter) make(ctx context.Context, s storage.Store, name, text string) (ack, error) {
	return recordWriter{}.change(ctx, s, ack{Key: name}, text)
}

func (recordWriter) change(ctx context.Context, s storage.Store, was ack, text string) (ack, error) {
	r, err := s.Records().Put(ctx, storage.Record{Namespace: "crash", Key: was.Key, Value: []byte(text), Version: was.Revision})
	return ack{Key: was.Key, Revision: r.Version, Text: text}, err
}

func (recordWriter) remove(ctx context.Context, s storage.Store, was ack) (ack, error) {
	return ack{Key: was.Key}, s.Records().Delete(ctx, "crash", was.Key, was.Revision)
}

// durableRecords returns an error that names what was lost.
func durableRecords(t *testing.T, path string, rounds int, open openPath) error {
	acked, last := make(map[string]ack), int64(0)
	return kills(t, path, rounds, open, func(round int, s storage.Store, said []ack) error {
		for _, a := range said {
			if a.Text != "" && a.Revision <= last {
				return fmt.Errorf("version %d issued after %d", a.Revision, last)
			}
			acked[a.Key], last = a, max(last, a.Revision)
		}
		if err := survivedRecords(t.Context(), s.Records(), acked); err != nil {
			return err
		}
		r, err := s.Records().Put(t.Context(), storage.Record{Namespace: "crash", Key: fmt.Sprint("after round ", round)})
		if err == nil && r.Version <= last {
			err = fmt.Errorf("version %d issued after %d", r.Version, last)
		}
		last = r.Version
		return err
	})
}

// survivedRecords looks for every acknowledged write. The write that was under way at the kill may be stored, at once
// or later.
func survivedRecords(ctx context.Context, records storage.Records, acked map[string]ack) error {
	for key, a := range acked {
		r, err := records.Get(ctx, "crash", key)
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return err
		}
		got := ack{Key: key, Revision: r.Version, Text: string(r.Value)}
		deleted := a.Next == "" && got.Text == ""
		if !deleted && !a.allows(got) {
			return fmt.Errorf("record %q is %+v, acknowledged was %+v", key, got, a)
		}
	}
	return nil
}
