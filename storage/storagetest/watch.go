package storagetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/goleak"
)

// watching is one Watch and what it was told.
type watching struct {
	cancel context.CancelFunc
	ended  chan error

	mu    sync.Mutex
	moved map[motacilla.ChannelID]motacilla.Moved // the hint with the highest head
	told  int
	fresh chan struct{} // closed at the next hint
	begun chan struct{} // closed at the zero Moved
}

// watch begins to watch and returns when it has begun, so that every later write is told of.
func (s *suite) watch() *watching {
	s.Helper()
	return s.watchStore(s.Store)
}

func (s *suite) watchStore(store storage.Store) *watching {
	s.Helper()
	ctx, cancel := context.WithCancel(s.ctx)
	w := &watching{
		cancel: cancel, ended: make(chan error, 1), moved: make(map[motacilla.ChannelID]motacilla.Moved),
		fresh: make(chan struct{}), begun: make(chan struct{}),
	}
	s.Cleanup(cancel)
	go func() { w.ended <- store.Watch(ctx, w.notify) }()
	select {
	case err := <-w.ended:
		s.Fatalf("Watch ended: %v", err)
	case <-w.begun:
	case <-time.After(s.Patience):
		s.Fatalf("Watch does not say that it has begun, by the zero Moved")
	}
	return w
}

func (w *watching) notify(m motacilla.Moved) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m == (motacilla.Moved{}) {
		select {
		case <-w.begun:
		default:
			close(w.begun)
		}
		return
	}
	w.told++
	if m.Head >= w.moved[m.Channel].Head {
		w.moved[m.Channel] = m
	}
	close(w.fresh)
	w.fresh = make(chan struct{})
}

func (w *watching) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fresh
}

func (w *watching) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told
}

// reaches waits for a hint of rev, or of a later head.
func (w *watching) reaches(s *suite, what string, ch motacilla.ChannelID, rev motacilla.Revision) motacilla.Moved {
	s.Helper()
	patience := time.After(s.Patience)
	for {
		fresh := w.next()
		w.mu.Lock()
		m := w.moved[ch]
		w.mu.Unlock()
		if m.Head >= rev {
			return m
		}
		select {
		case <-fresh:
		case <-patience:
			s.Fatalf("no hint of %s: channel %s is at %d, the last hint said %d", what, ch, rev, m.Head)
		}
	}
}

// wait waits for Watch to return.
func (w *watching) wait(s *suite) error {
	s.Helper()
	select {
	case err := <-w.ended:
		return err
	case <-time.After(s.Patience):
		s.Fatalf("Watch does not end")
		return nil
	}
}

func testWatch(s *suite) {
	w := s.watch()
	exactly := func(what string, rev motacilla.Revision, deleted bool) {
		s.Helper()
		m := w.reaches(s, what, "c", rev)
		if m.Head != rev || m.Deleted != deleted {
			s.Fatalf("hint of %s is %+v, want head %d, deleted %v", what, m, rev, deleted)
		}
	}
	exactly("a new channel", s.channel("c").Head, false)
	for i := range 20 {
		p := s.text("c", "one")
		exactly("a new post", p.Revision, false)
		exactly("an edit", s.reword("c", p.ID, "two").Revision, false)
		exactly("a changed channel", s.retitle("c", fmt.Sprintf("New %d", i)).Head, false)
		exactly("a removal", s.deletePost("c", p.ID), false)
	}
	exactly("a deleted channel", s.deleteChannel("c"), true)
	exactly("a channel made anew", s.channel("c").Head, false)
}

func testWatchMany(s *suite) {
	first, second := s.watch(), s.watch()
	const channels, posts = 20, 15
	heads := make([]motacilla.Revision, channels)
	name := func(i int) motacilla.ChannelID { return motacilla.ChannelID(fmt.Sprintf("many-%02d", i)) }
	var wg sync.WaitGroup
	for i := range channels {
		wg.Go(func() {
			if _, err := s.PutChannel(s.ctx, motacilla.Channel{ID: name(i)}, 0); err != nil {
				s.Errorf("create channel: %v", err)
				return
			}
			for range posts {
				p, err := s.PutPost(s.ctx, name(i), motacilla.Post{Show: true}, 0)
				if err != nil {
					s.Errorf("create post: %v", err)
					return
				}
				heads[i] = p.Revision
			}
		})
	}
	wg.Wait()
	if s.Failed() {
		return
	}
	for i, head := range heads {
		for _, w := range []*watching{first, second} {
			if m := w.reaches(s, "many writes at once", name(i), head); m.Head != head {
				s.Fatalf("a hint of channel %s says %d, beyond its head %d", name(i), m.Head, head)
			}
		}
	}
	// One that ends takes nothing from the other.
	first.cancel()
	if err := first.wait(s); err != nil {
		s.Fatalf("Watch: %v", err)
	}
	second.reaches(s, "a write after another Watch ended", name(0), s.text(name(0), "x").Revision)
}

func testWatchEnds(s *suite) {
	w := s.watch()
	w.cancel()
	if err := w.wait(s); err != nil {
		s.Fatalf("Watch returned %v when its context ended", err)
	}
	told := w.count()
	s.channel("after")
	s.texts("after", 5)
	again := s.watch() // what it is told of comes after all of these
	if n := w.count(); n != told {
		s.Fatalf("notify was called %d times after Watch had returned", n-told)
	}
	again.reaches(s, "a write to a second Watch", "after", s.text("after", "x").Revision)
}

func testWatchLeaks(t *testing.T, open Open, o Options) {
	before := goleak.IgnoreCurrent()
	h := newHand()
	s := &suite{T: t, Store: open(t, h.Now), ctx: t.Context(), hand: h, Options: o}
	ended, closed := s.watch(), s.watch()
	s.channel("watched")
	s.texts("watched", 10)
	ended.cancel()
	_ = ended.wait(s)
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	_ = closed.wait(s)
	for late := time.Now().Add(s.Patience); ; { // Find waits less than a second
		err := goleak.Find(before)
		if err == nil {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("after Close: %v", err)
		}
	}
}
