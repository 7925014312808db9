package publisher_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func (f fixture) mover() storage.Mover { return f.store.(storage.Mover) }

// restored returns a store that is as this one is now.
func (f fixture) restored() storage.Store {
	f.Helper()
	ctx := context.Background()
	list, err := f.mover().ChannelRecords(ctx, "", 0)
	if err != nil {
		f.Fatal(err)
	}
	store := memory.New(nil)
	for _, c := range list {
		records, err := f.mover().ChangeRecords(ctx, c.ID, 0, 1<<20)
		if err != nil {
			f.Fatal(err)
		}
		if err := store.Import(ctx, c, records); err != nil {
			f.Fatal(err)
		}
	}
	return store
}

// swaps is a source that changes to another store after posts have been read for the first time.
type swaps struct {
	*faulty
	once  sync.Once
	store storage.Store
}

func (s *swaps) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	page, err := s.faulty.Posts(ctx, ch, q)
	s.once.Do(func() { s.put(s.store) })
	return page, err
}

// A snapshot that was read just before the store lost a write must not be served any longer, though the feed had not heard of
// that write.
func TestPageOfALostWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t, nil)
		head := f.head()
		source := &swaps{faulty: &faulty{store: f.store}, store: f.restored()}
		source.deaf.Store(true)
		feed := publisher.NewFeed(source, renderFunc(plain), nil)
		if err := feed.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer feed.Close()
		if step, err := feed.Since(t.Context(), match, head); err != nil || !step.Heartbeat() {
			t.Fatal(step, err)
		}
		lost := f.post("lost").Revision
		step, err := feed.Since(t.Context(), match, 0)
		if err != nil || step.Revision != lost {
			t.Fatal(step, err) // the write was there when the snapshot was read
		}
		time.Sleep(2 * time.Second) // of the bubble: losses are repaired within that time
		for _, cursor := range []motacilla.Revision{0, lost} {
			step, err := feed.Since(t.Context(), match, cursor)
			if err != nil || !step.Reset || step.Revision != head || len(step.Renders) > 0 {
				t.Fatalf("since %d: %+v, %v; want a reset to %d without posts", cursor, step.Update, err, head)
			}
		}
		// A reader that has the lost write is reset once, and then waits.
		sub, err := publishertest.Subscribe(t.Context(), feed, match, lost)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			step, err := sub.Next(t.Context())
			if err != nil || step.Reset != (i == 0) || step.Revision != head {
				t.Fatalf("step %d: %+v, %v", i, step.Update, err)
			}
		}
	})
}

// Whoever waits for the head to move must be told when it goes back.
func TestWaitSeesTheHeadGoBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t, nil)
		head := f.head()
		backup := f.restored()
		lost := f.post("lost").Revision
		synctest.Wait()
		got := make(chan motacilla.Revision, 1)
		go func() {
			rev, err := publisher.WagtailOf(f.feed).Wait(t.Context(), match, lost)
			if err != nil {
				t.Error(err)
			}
			got <- rev
		}()
		synctest.Wait()
		f.source.put(backup)
		select {
		case rev := <-got:
			if rev != head {
				t.Fatalf("told of %d, want %d", rev, head)
			}
		case <-time.After(2 * time.Second):
			t.Fatal("not told within 2 s")
		}
		window, err := publisher.WagtailOf(f.feed).Window(t.Context(), match)
		if err != nil || window.Head != head || len(window.Posts) > 0 {
			t.Fatalf("the window has %d posts at %d (%v), want none at %d", len(window.Posts), window.Head, err, head)
		}
	})
}
