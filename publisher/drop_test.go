package publisher_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// TestReadersThatFailTakeNobodyAlong opens a channel while the store comes back. Readers whose first read failed leave at the
// moment in which another one succeeds. That one must hear what happens afterwards.
func TestReadersThatFailTakeNobodyAlong(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	source := &faulty{store: store}
	feed := publisher.NewFeed(source, renderFunc(plain), &publisher.FeedOptions{Repair: time.Hour})
	if err := feed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	for i := range 500 {
		id := motacilla.ChannelID(fmt.Sprint("c", i))
		if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: id}, 0); err != nil {
			t.Fatal(err)
		}
		source.down.Store(true)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for {
					if _, err := feed.Since(t.Context(), id, 0); err == nil {
						return
					}
				}
			})
		}
		all.Go(func() { source.down.Store(false) })
		sub, err := publishertest.Subscribe(t.Context(), feed, id, 0)
		for err != nil {
			sub, err = publishertest.Subscribe(t.Context(), feed, id, 0)
		}
		all.Wait()
		if _, err := sub.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := store.PutPost(t.Context(), id, motacilla.Post{Content: []motacilla.Block{motacilla.PlainText("Goal")}}, 0); err != nil {
			t.Fatal(err)
		}
		late, stop := context.WithTimeout(t.Context(), time.Minute)
		if step, err := sub.Next(late); err != nil || step.Heartbeat() {
			t.Fatalf("round %d: the reader hears nothing: %v", i, err)
		}
		stop()
	}
}
