package publisher_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher"
)

// stuck is a source that does not answer what happened after an old cursor until it is released.
type stuck struct {
	*faulty
	old      motacilla.Revision // cursors before it are old
	asked    atomic.Int64
	released chan struct{}
}

func (s *stuck) Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error) {
	if since < s.old {
		s.asked.Add(1)
		select {
		case <-s.released:
		case <-ctx.Done():
			return motacilla.Changes{}, ctx.Err()
		}
	}
	return s.faulty.Changes(ctx, ch, since, limit)
}

// TestLookupsDoNotDelayUpdates has a crowd come with invented cursors while the store is slow: whoever is up to date gets the next
// post at once.
func TestLookupsDoNotDelayUpdates(t *testing.T) {
	f := setUp(t, nil)
	first := f.head()
	for i := range 10 {
		f.post(fmt.Sprint(i))
	}
	head := f.head()
	source := &stuck{faulty: f.source, old: head, released: make(chan struct{})}
	feed := publisher.NewFeed(source, renderFunc(plain), &publisher.FeedOptions{Timeout: time.Hour})
	if err := feed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	if _, err := feed.Channel(t.Context(), match); err != nil {
		t.Fatal(err)
	}
	leave, cancel := context.WithCancel(t.Context())
	var crowd sync.WaitGroup
	for i := range 500 {
		crowd.Go(func() { _, _ = feed.Since(leave, match, first+motacilla.Revision(i%5)+1) })
	}
	for source.asked.Load() == 0 {
		runtime.Gosched()
	}
	for i := range 20 {
		p := f.post(fmt.Sprint("new ", i))
		patient, stop := context.WithTimeout(t.Context(), time.Minute)
		d, err := feed.Next(patient, match, head)
		stop()
		if err != nil || d.Revision != p.Revision || d.Reset {
			t.Fatalf("post %d: %+v, %v", i, d, err)
		}
		head = d.Revision
	}
	cancel()
	close(source.released)
	crowd.Wait()
}

// TestFarBehindWithFewPosts has a reader come back from more revisions ago than the log keeps, while only one post has changed.
func TestFarBehindWithFewPosts(t *testing.T) {
	f := setUp(t, nil)
	p := f.post("0 - 0")
	cursor := p.Revision
	for i := range 5000 {
		p = f.edit(p.ID, func(p *motacilla.Post) { p.Content[0] = motacilla.PlainText(fmt.Sprint(i)) })
	}
	feed := publisher.NewFeed(f.source, renderFunc(plain), nil)
	defer feed.Close()
	var reads int64
	for i := range 10 {
		d, err := feed.Since(t.Context(), match, cursor)
		if err != nil || d.Reset || len(d.Renders) != 1 || d.Revision != p.Revision {
			t.Fatalf("%+v, %v; want one post without a reset", d, err)
		}
		if n := f.source.reads.Load(); i > 0 && n != reads {
			t.Fatalf("asking again reads the store %d times", n-reads)
		}
		reads = f.source.reads.Load()
	}
}

// TestInventedCursorsCostNoMemory has hundreds of cursors be invented for a channel whose snapshot is large.
func TestInventedCursorsCostNoMemory(t *testing.T) {
	f := setUp(t, nil)
	for i := range 50 {
		f.post(fmt.Sprint(i, strings.Repeat("x", 4000)))
	}
	other := &publisher.Format{Name: "other", Append: publisher.JSON.Append}
	size := len(f.since(0).Encode(publisher.JSON))
	before := leaktest.Heap()
	for i := range 300 {
		d := f.since(motacilla.Revision(i + 1))
		for _, format := range []*publisher.Format{publisher.JSON, other} {
			if n := len(d.Encode(format)); !d.Reset || n < size {
				t.Fatalf("since %d: %d bytes, reset %v; want a snapshot of %d bytes", i+1, n, d.Reset, size)
			}
		}
	}
	if grown := leaktest.Heap() - before; grown > 100*int64(size) {
		t.Errorf("300 invented cursors keep %d bytes for a snapshot of %d", grown, size)
	}
}

// TestOldCursorsCostLittleMemory has hundreds of cursors come that memory can't reach back to, each with a large delta.
func TestOldCursorsCostLittleMemory(t *testing.T) {
	f := setUp(t, nil)
	score := f.post("0:0")
	var cursors []motacilla.Revision
	for i := range motacilla.MaxIssued + 300 {
		score = f.edit(score.ID, func(p *motacilla.Post) { p.Content[0] = motacilla.PlainText(fmt.Sprint(i)) })
		if i < 300 {
			cursors = append(cursors, score.Revision)
		}
	}
	for i := range 50 {
		f.post(fmt.Sprint(i, strings.Repeat("x", 4000)))
	}
	feed := publisher.NewFeed(f.source, renderFunc(plain), nil)
	defer feed.Close()
	size := 0
	var before int64
	for i, cursor := range cursors {
		d, err := feed.Since(t.Context(), match, cursor)
		if err != nil || d.Reset {
			t.Fatalf("since %d: %+v, %v", cursor, d, err)
		}
		if size = len(d.Encode(publisher.JSON)); i == 0 {
			before = leaktest.Heap()
		}
	}
	if grown, most := leaktest.Heap()-before, int64(32<<20); grown > most {
		t.Errorf("%d old cursors keep %d bytes for deltas of %d", len(cursors), grown, size)
	}
}
