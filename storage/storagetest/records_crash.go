package storagetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// RunDurableRecords is RunDurable for storage.Records: it looks for every write of a record that was acknowledged to a
// process that was killed. The test that calls it must not be a subtest.
func RunDurableRecords(t *testing.T, open func(ctx context.Context, path string) (storage.Store, error)) {
	if path := os.Getenv(crashEnv); path != "" {
		putUntilKilled(t, open, path)
		return
	}
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	if err := durableRecords(t, t.TempDir()+"/live.db", rounds, open); err != nil {
		t.Fatal(err)
	}
}

// putUntilKilled runs in the child. It prints each acknowledgement before it begins the next write. In an ack ID is the
// key, Revision the version and Text the value.
func putUntilKilled(t *testing.T, open func(context.Context, string) (storage.Store, error), path string) {
	s, err := open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	acks := os.NewFile(3, "acks")
	say := func(a ack) {
		line, _ := json.Marshal(a)
		if _, err := acks.Write(append(line, '\n')); err != nil {
			os.Exit(0) // the parent is gone
		}
	}
	for n := 0; ; n++ {
		key := fmt.Sprintf("%d of %d", n, os.Getpid())
		value, changed := "value "+key, "changed "+key
		after := changed // the value after the change
		if n%3 == 0 {
			after = "" // it is deleted
		}
		r, err := s.Records().Put(t.Context(), storage.Record{Namespace: "crash", Key: key, Value: []byte(value)})
		if err != nil {
			t.Fatal(err)
		}
		say(ack{motacilla.PostID(key), motacilla.Revision(r.Version), value, changed})
		r.Value = []byte(changed)
		if r, err = s.Records().Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		say(ack{motacilla.PostID(key), motacilla.Revision(r.Version), changed, after})
		if after == "" {
			if err := s.Records().Delete(t.Context(), "crash", key, r.Version); err != nil {
				t.Fatal(err)
			}
			say(ack{ID: motacilla.PostID(key)})
		}
	}
}

// durableRecords returns an error that names what was lost.
func durableRecords(
	t *testing.T, path string, rounds int, open func(context.Context, string) (storage.Store, error),
) error {
	acked, last := make(map[motacilla.PostID]ack), motacilla.Revision(0)
	for round := range rounds {
		said, err := killed(t, path)
		if err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		for _, a := range said {
			if a.Text != "" && a.Revision <= last {
				return fmt.Errorf("round %d: version %d issued after %d", round, a.Revision, last)
			}
			acked[a.ID], last = a, max(last, a.Revision)
		}
		s, err := open(t.Context(), path)
		if err != nil {
			return fmt.Errorf("round %d: open after a kill: %w", round, err)
		}
		err = survivedRecords(t.Context(), s.Records(), acked)
		if err == nil {
			var r storage.Record
			r, err = s.Records().Put(t.Context(), storage.Record{Namespace: "crash", Key: fmt.Sprint("after round ", round)})
			if err == nil && motacilla.Revision(r.Version) <= last {
				err = fmt.Errorf("version %d issued after %d", r.Version, last)
			}
			last = motacilla.Revision(r.Version)
		}
		if closed := s.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return fmt.Errorf("round %d, %d acknowledged: %w", round, len(said), err)
		}
	}
	return nil
}

// survivedRecords looks for every acknowledged write. The write that was under way at the kill may be stored, at once
// or later.
func survivedRecords(ctx context.Context, records storage.Records, acked map[motacilla.PostID]ack) error {
	for key, a := range acked {
		r, err := records.Get(ctx, "crash", string(key))
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return err
		}
		got := ack{ID: key, Revision: motacilla.Revision(r.Version), Text: string(r.Value)}
		deleted := a.Next == "" && got.Text == ""
		if !deleted && !a.allows(got) {
			return fmt.Errorf("record %q is %+v, acknowledged was %+v", key, got, a)
		}
	}
	return nil
}
