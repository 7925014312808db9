package relay

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func opened(t *testing.T, records motacilla.Records, term int64) *checkpoints {
	t.Helper()
	c := newCheckpoints(records, "test", term)
	if _, err := c.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func cursors(c *checkpoints) map[motacilla.ChannelID]motacilla.Revision {
	all := make(map[motacilla.ChannelID]motacilla.Revision)
	c.each(func(ch motacilla.ChannelID, cursor motacilla.Revision, _ bool) { all[ch] = cursor })
	return all
}

// TestOlderTermWritesNothing: whichever of two leaders writes first, the later one has the last word.
func TestOlderTermWritesNothing(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	before := opened(t, store.Records(), 1)
	before.all()
	before.set("one", 10, false)
	if err := before.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := opened(t, store.Records(), 2)
	before.set("one", 11, false) // it does not know yet that its term is over, and neither does the store
	if err := before.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	after.set("one", 20, false)
	if err := after.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	before.set("one", 12, false)
	if err := before.flush(t.Context()); !errors.Is(err, errOverruled) {
		t.Errorf("the older leader's write: %v, want that it is overruled", err)
	}
	if at := cursors(opened(t, store.Records(), 3)); len(at) != 1 || at["one"] != 20 {
		t.Errorf("stored are %v", at)
	}
	if _, err := newCheckpoints(store.Records(), "test", 1).load(t.Context()); !errors.Is(err, errOverruled) {
		t.Errorf("an older leader that begins: %v", err)
	}
}

// forgetful stores, and says every third time that it has not.
type forgetful struct {
	motacilla.Records
	calls int
}

func (f *forgetful) Put(ctx context.Context, r motacilla.Record) (motacilla.Record, error) {
	r, err := f.Records.Put(ctx, r)
	if f.calls++; err == nil && f.calls%3 == 0 {
		return motacilla.Record{}, fmt.Errorf("a test: %w", motacilla.ErrUnavailable)
	}
	return r, err
}

func TestLostAnswers(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	c := opened(t, &forgetful{Records: store.Records()}, 1)
	first, err := c.load(t.Context())
	if err != nil || !first {
		t.Fatalf("first is %v (%v)", first, err)
	}
	c.all()
	want := make(map[motacilla.ChannelID]motacilla.Revision)
	for i := range 200 {
		ch := motacilla.ChannelID(fmt.Sprintf("match-%d", i))
		want[ch] = motacilla.Revision(i)
		c.set(ch, want[ch], false)
	}
	c.set("gone", 1, false)
	c.forget("gone")
	tries := 0
	for c.flush(t.Context()) != nil {
		if tries++; tries > 10*buckets {
			t.Fatal("it is never written")
		}
	}
	again := newCheckpoints(store.Records(), "test", 2)
	if first, err := again.load(t.Context()); err != nil || first {
		t.Fatalf("first is %v (%v)", first, err)
	}
	got := cursors(again)
	if len(got) != len(want) {
		t.Errorf("stored are %d cursors, want %d", len(got), len(want))
	}
	for ch, cursor := range want {
		if got[ch] != cursor {
			t.Errorf("%s: %d, want %d", ch, got[ch], cursor)
		}
	}
}
