package publisher_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// gates is a source that keeps back calls until it is opened. A nil channel keeps back nothing.
type gates struct {
	*faulty
	mu             sync.Mutex
	posts, changes chan struct{}
	since          motacilla.Revision // changes after it are kept back
}

func (s *gates) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	if s.posts != nil {
		<-s.posts
	}
	return s.faulty.Posts(ctx, ch, q)
}

func (s *gates) Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error) {
	s.mu.Lock()
	gate := s.changes
	s.mu.Unlock()
	if gate != nil && since == s.since {
		<-gate
	}
	return s.faulty.Changes(ctx, ch, since, limit)
}

func (s *gates) keepBack(since motacilla.Revision) (open func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.changes = since, make(chan struct{})
	return func() { close(s.changes) }
}

// After a barrier that lies ahead, the next revision is known beforehand. A reader that names it gets a snapshot. If the
// revision is issued while the snapshot is read, readers at this head have nothing to get all the same.
func TestACursorThatIsIssuedWhileItIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t, nil)
		bar, err := f.mover().Barrier(t.Context(), match, motacilla.Revision(time.Now().Add(time.Hour).UnixMicro()))
		if err != nil {
			t.Fatal(err)
		}
		source := &gates{faulty: f.source, posts: make(chan struct{})}
		f.feed = publisher.NewFeed(source, renderFunc(plain), nil)
		if err := f.feed.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer f.feed.Close()
		if d := f.since(bar); !d.Heartbeat() {
			t.Fatalf("at the head: %+v", d.Update)
		}
		answered := make(chan *publisher.Delta)
		go func() { answered <- f.since(bar + 1) }()
		synctest.Wait()
		p := f.post("issued meanwhile")
		if p.Revision != bar+1 {
			t.Fatalf("the revision is %d, want %d", p.Revision, bar+1)
		}
		if d, err := f.feed.Next(t.Context(), match, bar); err != nil || d.Revision != p.Revision {
			t.Fatal(d, err)
		}
		close(source.posts)
		if d := <-answered; d.Revision != p.Revision {
			t.Fatalf("the reader ahead: %+v", d.Update)
		}
		if d := f.since(p.Revision); !d.Heartbeat() {
			t.Errorf("at the head: %+v", d.Update)
		}
		if d := f.feed.Idle(match, p.Revision); d == nil || !d.Heartbeat() {
			t.Errorf("the heartbeat is %+v", d)
		}
	})
}

// A reader gets a delta to a revision that memory has not heard of, and the store loses this revision before memory
// reads it. The reader must be reset, though memory's head does not move.
func TestADeltaToALostRevision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t, nil)
		p := f.post("score")
		source := &gates{faulty: f.source}
		feed := publisher.NewFeed(source, renderFunc(plain), &publisher.FeedOptions{Heartbeat: time.Hour})
		if err := feed.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer feed.Close()
		streams := publisher.NewStreams(feed, &publisher.Wire{Name: "test", Format: publisher.JSON})
		st, err := streams.Open(httptest.NewRequest(http.MethodGet, "/", nil), match, p.Revision)
		if err != nil {
			t.Fatal(err)
		}
		got, ended := make(chan *publisher.Delta), make(chan struct{})
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			defer close(ended)
			defer st.Close()
			st.Run(ctx, func(d *publisher.Delta) error { got <- d; return nil })
		}()
		synctest.Wait()                            // the first write is under way
		for i := range motacilla.MaxIssued + 100 { // more than memory keeps
			f.edit(p.ID, func(p *motacilla.Post) { p.Content[0] = motacilla.PlainText(fmt.Sprint(i)) })
		}
		synctest.Wait()
		head, backup := f.head(), f.restored()
		defer backup.Close()
		open := source.keepBack(head)
		f.source.deaf.Store(true)
		lost := f.post("lost").Revision
		if d := <-got; !d.Heartbeat() {
			t.Fatalf("first: %+v", d.Update)
		}
		if d := <-got; d.Reset || d.Revision != lost {
			t.Fatalf("second: %+v; want a delta to %d", d.Update, lost)
		}
		f.source.put(backup)
		open()
		select {
		case d := <-got:
			if !d.Reset || d.Revision != head {
				t.Errorf("third: %+v; want a reset to %d", d.Update, head)
			}
		case <-time.After(time.Minute):
			t.Error("the reader keeps what was lost")
		}
		leave()
		<-ended
	})
}
