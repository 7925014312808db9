package publishertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// testConvergence makes random edits and faults while readers come and go.
func testConvergence(t *testing.T, run func(settings) *site) {
	run(settings{}).random(t, 300)
}

// Differential runs several publishers on one channel, with random edits, cut connections, outages of the store and readers
// that come back. Again and again it compares what all readers hold with the store. MOTACILLA_OPERATIONS, if set, is how many
// edits there are.
func Differential(t *testing.T, entries map[string]Entry, operations int) {
	if n, err := strconv.Atoi(os.Getenv("MOTACILLA_OPERATIONS")); err == nil {
		operations = n
	}
	s := open(t, entries, settings{})
	s.random(t, operations)
}

func (s *site) random(t *testing.T, operations int) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	readers := map[string][]*reader{}
	for name := range s.parts {
		for range 3 {
			readers[name] = append(readers[name], s.read(name, Channel, motacilla.View{}))
		}
	}
	w := &writer{site: s, rng: rng}
	for i := range operations {
		w.write(t)
		switch n := rng.IntN(200); {
		case n < 2:
			s.cut()
		case n < 4:
			s.Source.Fail(true)
		case n < 20:
			s.Source.Fail(false)
		case n < 26:
			for name, list := range readers { // one leaves, and comes back with what it holds, at once or later
				at := rng.IntN(len(list))
				list[at].close()
				for range rng.IntN(5) {
					w.write(t)
				}
				list[at] = s.read(name, Channel, list[at].held())
			}
		case n < 60:
			pause(t.Context(), time.Duration(rng.IntN(3))*time.Millisecond)
		}
		if i%100 == 99 || i == operations-1 {
			s.Source.Fail(false)
			for _, list := range readers {
				for _, r := range list {
					r.at(t, s.Head(Channel))
					s.check(t, r)
				}
			}
			if t.Failed() {
				t.Fatalf("after %d operations", i+1)
			}
		}
	}
	for _, list := range readers {
		for _, r := range list {
			r.close()
		}
	}
}

// writer makes random changes to the channel.
type writer struct {
	*site
	rng   *rand.Rand
	posts []motacilla.PostID
	made  int
}

func (w *writer) write(t *testing.T) {
	t.Helper()
	ctx, n := t.Context(), w.rng.IntN(100)
	if len(w.posts) == 0 {
		n = 0
	}
	var err error
	edit := func(change func(p *motacilla.Post)) {
		_, err = storage.Edit(ctx, w.Store, Channel, w.posts[w.rng.IntN(len(w.posts))], func(p *motacilla.Post) error {
			change(p)
			return nil
		})
	}
	w.made++
	text := []motacilla.Block{motacilla.PlainText(fmt.Sprintf("change %d", w.made))}
	switch {
	case n < 35:
		p := motacilla.Post{Show: w.rng.IntN(10) > 0, Pinned: w.rng.IntN(20) == 0, Content: text}
		if w.rng.IntN(10) == 0 {
			p.Created = time.Now().Add(-time.Duration(w.rng.IntN(60)) * time.Second)
		}
		if p, err = w.Store.PutPost(ctx, Channel, p, 0); err == nil {
			w.posts = append(w.posts, p.ID)
		}
	case n < 60:
		edit(func(p *motacilla.Post) { p.Content = text })
	case n < 72:
		edit(func(p *motacilla.Post) { p.Show = !p.Show })
	case n < 78:
		edit(func(p *motacilla.Post) { p.Pinned = !p.Pinned })
	case n < 82:
		edit(func(p *motacilla.Post) {
			p.Created = p.Created.Add(time.Duration(w.rng.IntN(2e6)-1e6) * time.Microsecond)
		})
	case n < 97:
		at := w.rng.IntN(len(w.posts))
		_, err = w.Store.DeletePost(ctx, Channel, w.posts[at], 0)
		w.posts[at] = w.posts[len(w.posts)-1]
		w.posts = w.posts[:len(w.posts)-1]
	default:
		_, err = storage.EditChannel(ctx, w.Store, Channel, func(c *motacilla.Channel) error {
			c.Title = fmt.Sprintf("title %d", w.made)
			if c.Ended.IsZero() {
				c.Ended = time.Now()
			} else {
				c.Ended = time.Time{}
			}
			return nil
		})
	}
	if err != nil && !errors.Is(err, motacilla.ErrExists) {
		t.Fatalf("write: %v", err)
	}
}
