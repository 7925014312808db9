package publisher_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func TestLostHintsAreRepaired(t *testing.T) {
	f := setUp(t, &publisher.FeedOptions{Repair: 20 * time.Millisecond})
	f.source.deaf.Store(true)
	head := f.since(0).Revision
	f.post("unheard")
	step, err := f.feed.Next(t.Context(), match, head)
	if err != nil || len(step.Renders) != 1 {
		t.Fatalf("got %v, %v", step, err)
	}
}

func TestOutage(t *testing.T) {
	f := setUp(t, &publisher.FeedOptions{Repair: 10 * time.Millisecond, Heartbeat: 20 * time.Millisecond})
	p := f.post("before")
	head := f.since(0).Revision
	sub, err := publishertest.Subscribe(t.Context(), f.feed, match, head)
	if err != nil {
		t.Fatal(err)
	}
	f.source.down.Store(true)
	f.edit(p.ID, func(p *motacilla.Post) { p.Content[0] = motacilla.PlainText("meanwhile") })

	if step := f.since(head); !step.Heartbeat() {
		t.Errorf("what memory has is not served: %+v", step.Update)
	}
	if _, err := f.feed.Since(t.Context(), match, head+1_000_000_000); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("an unknown cursor: %v, want ErrUnavailable", err)
	}
	if _, err := f.feed.Since(t.Context(), "other", 0); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("a channel that is not in memory: %v, want ErrUnavailable", err)
	}
	for range 3 {
		if step, err := sub.Next(t.Context()); err != nil || !step.Heartbeat() {
			t.Fatalf("the stream got %v, %v", step, err)
		}
	}
	f.source.down.Store(false)
	for {
		step, err := sub.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if step.Heartbeat() {
			continue
		}
		if len(step.Renders) != 1 || !strings.Contains(step.Renders[0].Content, "meanwhile") || step.Reset {
			t.Fatalf("got %+v", step.Update)
		}
		return
	}
}

func TestARestoredBackupResets(t *testing.T) {
	f := setUp(t, &publisher.FeedOptions{Repair: 10 * time.Millisecond})
	older := memory.New(&memory.Options{Clock: func() time.Time { return time.Now().Add(-time.Hour) }})
	defer older.Close()
	if _, err := older.PutChannel(t.Context(), motacilla.Channel{ID: match}, 0); err != nil {
		t.Fatal(err)
	}
	p, err := older.PutPost(t.Context(), match, motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText("old")}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	head := f.post("lost with the disk").Revision
	f.since(0)
	f.source.put(older)
	step, err := f.feed.Next(t.Context(), match, head)
	if err != nil || !step.Reset || step.Revision != p.Revision || step.Renders[0].ID != p.ID {
		t.Fatalf("got %+v, %v; want a reset to %d", step.Update, err, p.Revision)
	}
}
