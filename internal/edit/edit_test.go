package edit_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/edit"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// counted is a store that counts reads and puts of posts, and has each put wait at gate, if it has one.
type counted struct {
	*memory.Store
	reads, puts atomic.Int64
	put         chan struct{} // gets one for each put that begins; nil: nobody looks
	gate        chan struct{} // each value lets one put continue
	after       func()        // runs between a put and its answer; nil: nothing
}

func (s *counted) Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error) {
	s.reads.Add(1)
	return s.Store.Post(ctx, ch, id)
}

func (s *counted) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	s.puts.Add(1)
	if s.put != nil {
		s.put <- struct{}{}
		<-s.gate
	}
	stored, err := s.Store.PutPost(ctx, ch, p, replaces)
	if s.after != nil {
		s.after()
	}
	return stored, err
}

// plain is a store without Edits.
type plain struct{ edit.Posts }

func made(t *testing.T, author string) (*counted, motacilla.Post) {
	t.Helper()
	s := &counted{Store: memory.New(nil)}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	p, err := s.Store.PutPost(t.Context(), "c", motacilla.Post{Author: author}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

func add(word string) func(*motacilla.Post) error {
	return func(p *motacilla.Post) error { p.Author += word; return nil }
}

func TestOneEdit(t *testing.T) {
	s, p := made(t, "a")
	for i, store := range []edit.Posts{s, plain{s}} {
		got, err := edit.Post(t.Context(), store, "c", p.ID, add("b"))
		if err != nil || got.Author != "a"+strings.Repeat("b", i+1) || got.Revision <= p.Revision {
			t.Errorf("%+v (%v)", got, err)
		}
		own := fmt.Errorf("no: %w", motacilla.ErrConflict)                                                              // even this one is the caller's own
		if _, err := edit.Post(t.Context(), store, "c", p.ID, func(*motacilla.Post) error { return own }); err != own { //nolint:errorlint // as it is
			t.Errorf("an edit that fails: %v", err)
		}
		_, err = edit.Post(t.Context(), store, "c", motacilla.NewPostID(p.Created), add("b"))
		if !errors.Is(err, motacilla.ErrNotFound) {
			t.Errorf("a post that is not there: %v", err)
		}
		got, err = edit.Post(t.Context(), store, "c", p.ID, func(q *motacilla.Post) error { q.ID = "x"; return nil })
		if err != nil || got.ID != p.ID {
			t.Errorf("an edit of the ID: %+v (%v)", got, err)
		}
	}
	if reads, puts := s.reads.Load(), s.puts.Load(); reads != 8 || puts != 4 {
		t.Errorf("%d reads and %d puts, want a read for each edit and a put for each that does not fail", reads, puts)
	}
}

// An edit runs again on what is stored after a conflict, and not forever.
func TestConflicts(t *testing.T) {
	s, p := made(t, "")
	for _, store := range []edit.Posts{s, plain{s}} {
		for _, times := range []int{1, 5, 1000} {
			before, err := s.Store.Post(t.Context(), "c", p.ID)
			if err != nil {
				t.Fatal(err)
			}
			runs := 0
			_, err = edit.Post(t.Context(), store, "c", p.ID, func(q *motacilla.Post) error {
				if runs++; runs <= times { // another comes first
					next := *q
					next.SourceVersion++
					_, err := s.Store.PutPost(t.Context(), "c", next, q.Revision)
					return err
				}
				q.Author += "x"
				return nil
			})
			now, other := s.Store.Post(t.Context(), "c", p.ID)
			if other != nil {
				t.Fatal(other)
			}
			switch {
			case times < 1000 && (err != nil || runs != times+1 || now.Author != before.Author+"x" ||
				now.SourceVersion != before.SourceVersion+int64(times)):
				t.Errorf("after %d conflicts, %d runs: %+v (%v)", times, runs, now, err)
			case times == 1000 && (!errors.Is(err, motacilla.ErrConflict) || now.Author != before.Author):
				t.Errorf("with a conflict each time, after %d runs: %+v (%v)", runs, now, err)
			}
		}
	}
}

func TestChannel(t *testing.T) {
	s, _ := made(t, "")
	runs := 0
	c, err := edit.Channel(t.Context(), s, "c", func(c *motacilla.Channel) error {
		if runs++; runs == 1 {
			next := *c
			next.Access = motacilla.Private
			_, err := s.PutChannel(t.Context(), next, c.Changed)
			return err
		}
		c.Title = "New"
		return nil
	})
	if err != nil || c.Title != "New" || c.Access != motacilla.Private || runs != 2 {
		t.Errorf("%+v (%v) after %d runs", c, err, runs)
	}
}

// gathered begins an edit that waits at the gate of the store, and edits that wait for it, in their order.
func gathered(t *testing.T, s *counted, id motacilla.PostID, edits ...func()) (first chan error) {
	t.Helper()
	s.put, s.gate = make(chan struct{}, 100), make(chan struct{})
	first = make(chan error, 1)
	go func() {
		_, err := edit.Post(context.Background(), s, "c", id, add("1"))
		first <- err
	}()
	<-s.put
	for i, e := range edits {
		go e()
		for s.Edits().Waiting("c", id) <= i {
			runtime.Gosched()
		}
	}
	return first
}

// Edits that come while one is stored are stored together, each on what the one before made.
func TestBatch(t *testing.T) {
	s, p := made(t, "")
	type outcome struct {
		p     motacilla.Post
		err   error
		panic any
	}
	own := errors.New("own")
	outcomes := make([]chan outcome, 6)
	do := func(i int, ctx context.Context, f func(*motacilla.Post) error) func() {
		outcomes[i] = make(chan outcome, 1)
		return func() {
			o := outcome{err: errors.New("the goroutine has ended")}
			defer func() {
				o.panic = recover()
				outcomes[i] <- o
			}()
			o.p, o.err = edit.Post(ctx, s, "c", p.ID, f)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := gathered(t, s, p.ID,
		do(0, t.Context(), add("2")),
		do(1, t.Context(), func(p *motacilla.Post) error { p.Author += "fails"; return own }),
		do(2, t.Context(), func(p *motacilla.Post) error { p.Author = strings.Repeat("x", motacilla.MaxID+1); return nil }),
		do(3, t.Context(), func(p *motacilla.Post) error { p.Author += "panics"; panic("at the edit") }),
		do(4, ctx, add("left")),
		do(5, t.Context(), add("3")),
	)
	cancel()
	if o := <-outcomes[4]; !errors.Is(o.err, context.Canceled) {
		t.Errorf("an edit whose context has ended: %+v", o)
	}
	close(s.gate)
	if err := <-first; err != nil {
		t.Error(err)
	}
	for i, want := range []error{nil, own, motacilla.ErrInvalid, nil} {
		o := <-outcomes[i]
		switch {
		case i == 3 && o.panic != "at the edit":
			t.Errorf("edit 3: %+v", o)
		case i != 3 && !errors.Is(o.err, want), i == 0 && o.p.Author != "123":
			t.Errorf("edit %d: %+v, want %v", i, o, want)
		}
	}
	last := <-outcomes[5]
	if last.err != nil || last.p.Author != "123" {
		t.Errorf("last edit: %+v", last)
	}
	if puts, reads := s.puts.Load(), s.reads.Load(); puts != 2 || reads != 2 {
		t.Errorf("%d puts and %d reads for two batches", puts, reads)
	}
	if n := s.Edits().Waiting("c", p.ID); n != 0 {
		t.Errorf("%d edits are left", n)
	}
}

// If the first of a batch leaves, panics or fails, the others are stored all the same.
func TestBatchWithoutItsLeader(t *testing.T) {
	for name, lead := range map[string]func(s *counted, id motacilla.PostID, ctx context.Context){
		"leaves": func(s *counted, id motacilla.PostID, ctx context.Context) {
			_, _ = edit.Post(ctx, s, "c", id, add("left"))
		},
		"fails": func(s *counted, id motacilla.PostID, _ context.Context) {
			_, _ = edit.Post(context.Background(), s, "c", id, func(p *motacilla.Post) error { p.Author += "x"; return errors.New("no") })
		},
		"panics": func(s *counted, id motacilla.PostID, _ context.Context) {
			defer func() { _ = recover() }()
			_, _ = edit.Post(context.Background(), s, "c", id, func(*motacilla.Post) error { panic("no") })
		},
		"ends its goroutine": func(s *counted, id motacilla.PostID, _ context.Context) {
			_, _ = edit.Post(context.Background(), s, "c", id, func(*motacilla.Post) error { runtime.Goexit(); return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := made(t, "")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var wg sync.WaitGroup
			wg.Add(3)
			follow := func(word string) func() {
				return func() {
					defer wg.Done()
					if _, err := edit.Post(t.Context(), s, "c", p.ID, add(word)); err != nil {
						t.Errorf("edit %q: %v", word, err)
					}
				}
			}
			first := gathered(t, s, p.ID, func() { defer wg.Done(); lead(s, p.ID, ctx) }, follow("2"), follow("2"))
			if name == "leaves" {
				cancel()
				for s.Edits().Waiting("c", p.ID) == 3 {
					runtime.Gosched()
				}
			}
			close(s.gate)
			if err := <-first; err != nil {
				t.Error(err)
			}
			wg.Wait()
			if p, err := s.Store.Post(t.Context(), "c", p.ID); err != nil || p.Author != "122" {
				t.Errorf("%+v (%v)", p, err)
			}
		})
	}
}

// A batch meets a write that is no edit.
func TestBatchConflict(t *testing.T) {
	s, p := made(t, "")
	runs := atomic.Int64{}
	var wg sync.WaitGroup
	follow := func() {
		defer wg.Done()
		_, err := edit.Post(t.Context(), s, "c", p.ID, func(q *motacilla.Post) error {
			if runs.Add(1) == 2 {
				next := *q
				next.Author, next.SourceVersion = "1", 7
				if _, err := s.Store.PutPost(t.Context(), "c", next, q.Revision); err != nil {
					return err
				}
			}
			q.Author += "2"
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	wg.Add(3)
	first := gathered(t, s, p.ID, follow, follow, follow)
	close(s.gate)
	if err := <-first; err != nil {
		t.Error(err)
	}
	wg.Wait()
	if p, err := s.Store.Post(t.Context(), "c", p.ID); err != nil || p.Author != "1222" || p.SourceVersion != 7 || runs.Load() != 6 {
		t.Errorf("%+v (%v) after %d runs", p, err, runs.Load())
	}
}

// Edits that all change something need no read: they begin with what the batch before has stored.
func TestBatchReadsNothing(t *testing.T) {
	s, p := made(t, "")
	var wg sync.WaitGroup
	wg.Add(3)
	follow := func() {
		defer wg.Done()
		if _, err := edit.Post(t.Context(), s, "c", p.ID, add("2")); err != nil {
			t.Error(err)
		}
	}
	first := gathered(t, s, p.ID, follow, follow, follow)
	close(s.gate)
	if err := <-first; err != nil {
		t.Error(err)
	}
	wg.Wait()
	if p, err := s.Store.Post(t.Context(), "c", p.ID); err != nil || p.Author != "1222" || s.reads.Load() != 1 || s.puts.Load() != 2 {
		t.Errorf("%+v (%v) after %d reads and %d puts", p, err, s.reads.Load(), s.puts.Load())
	}
}

// An edit that fails or changes nothing has seen what was stored before its call, also what no edit has written.
func TestNoDecisionOnOldState(t *testing.T) {
	s, p := made(t, "")
	other := sync.OnceFunc(func() { // is stored when the edits below wait already, and the put before has its answer
		now, err := s.Store.Post(t.Context(), "c", p.ID)
		if err == nil {
			now.SourceVersion = 7
			_, err = s.Store.PutPost(t.Context(), "c", now, now.Revision)
		}
		if err != nil {
			t.Error(err)
		}
	})
	s.after = other
	old := errors.New("saw an old state")
	var wg sync.WaitGroup
	follow := func() {
		defer wg.Done()
		got, err := edit.Post(t.Context(), s, "c", p.ID, func(p *motacilla.Post) error {
			if p.SourceVersion != 7 {
				return old
			}
			return nil
		})
		if err != nil || got.SourceVersion != 7 {
			t.Errorf("%+v (%v)", got, err)
		}
	}
	wg.Add(2)
	first := gathered(t, s, p.ID, follow, follow)
	close(s.gate)
	if err := <-first; err != nil {
		t.Error(err)
	}
	wg.Wait()
}
