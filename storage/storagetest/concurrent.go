package storagetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

const (
	writers = 6
	readers = 4
)

// churn writes to ch from many goroutines over all the stores, each of them 40 times, and keeps a history of it.
func (s *suite) churn(ch motacilla.ChannelID, h *history, stores ...storage.Store) {
	var wg sync.WaitGroup
	for w := range writers {
		store := stores[w%len(stores)]
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1))
			var own []motacilla.PostID
			for i := range 40 {
				if err := s.write(store, ch, h, random, &own, fmt.Sprintf("%d of writer %d", i, w)); err != nil {
					s.Errorf("write %d of writer %d: %v", i, w, err)
					return
				}
				runtime.Gosched() // a store in memory would be done before anyone reads
			}
		})
	}
	wg.Wait()
}

func (s *suite) write(
	store storage.Store, ch motacilla.ChannelID, h *history, random *rand.Rand, own *[]motacilla.PostID, text string,
) error {
	n := len(*own)
	switch pick := random.IntN(10); {
	case n == 0 || pick < 5:
		p, err := store.CreatePost(s.ctx, ch, motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(text)}})
		if err != nil {
			return err
		}
		h.wrote(p)
		*own = append(*own, p.ID)
	case pick < 8:
		p, err := store.UpdatePost(s.ctx, ch, (*own)[random.IntN(n)], func(p *motacilla.Post) error {
			p.Content = []motacilla.Block{motacilla.Text(text)}
			return nil
		})
		if errors.Is(err, motacilla.ErrConflict) {
			return nil
		}
		if err != nil {
			return err
		}
		h.wrote(p)
		read, err := store.Channel(s.ctx, ch)
		if err != nil {
			return err
		}
		if read.Head < p.Revision {
			return fmt.Errorf("wrote revision %d and then read head %d", p.Revision, read.Head)
		}
	default:
		at := random.IntN(n)
		id := (*own)[at]
		rev, err := store.DeletePost(s.ctx, ch, id, nil)
		if errors.Is(err, motacilla.ErrConflict) {
			return nil
		}
		if err != nil {
			return err
		}
		h.deleted(id, rev)
		*own = slices.Delete(*own, at, at+1)
	}
	return nil
}

// reading calls read from many goroutines until stop is called, and once after that.
func (s *suite) reading(n int, read func(reader int) error) (stop func()) {
	var ended atomic.Bool
	var wg sync.WaitGroup
	for r := range n {
		wg.Go(func() {
			for last := false; !last; {
				last = ended.Load()
				if err := read(r); err != nil {
					s.Errorf("reader %d: %v", r, err)
					return
				}
			}
		})
	}
	return func() {
		ended.Store(true)
		wg.Wait()
	}
}

// Every page of posts is what had been written up to its head.
func testSnapshots(s *suite) {
	s.channel("c")
	h := &history{}
	snapshots := make([][]snapshot, readers)
	stop := s.reading(readers, func(r int) error {
		page, err := s.Posts(s.ctx, "c", motacilla.Query{Limit: 1 << 20})
		if n := len(snapshots[r]); err == nil && (n == 0 || snapshots[r][n-1].head != page.Head) {
			snapshots[r] = append(snapshots[r], snapshot{page.Head, page.Posts})
		}
		return err
	})
	s.churn("c", h, s.Store)
	stop()
	h.judge(s, slices.Concat(snapshots...))
}

// Who follows a channel by Changes sees every revision, in order, and holds at each head what was written up to it.
func testFollowers(s *suite) {
	s.follow(s.Store)
}

func (s *suite) follow(stores ...storage.Store) {
	s.Helper()
	first := s.channel("c").Head
	h := &history{}
	followers := make([]follower, readers)
	snapshots := make([][]snapshot, readers)
	for r := range followers {
		followers[r] = follower{head: first, posts: make(map[motacilla.PostID]motacilla.Post)}
	}
	stop := s.reading(readers, func(r int) error {
		f := &followers[r]
		c, err := stores[r%len(stores)].Changes(s.ctx, "c", f.head, 0)
		if err != nil || c.Head == f.head {
			return err
		}
		f.apply(errorer{s}, c)
		snapshots[r] = append(snapshots[r], f.snapshot())
		return nil
	})
	s.churn("c", h, stores...)
	stop()
	if s.Failed() {
		s.FailNow()
	}
	var issued []motacilla.Revision
	for _, e := range h.sorted(s) {
		issued = append(issued, e.revision)
	}
	for r, f := range followers {
		equalList(s, fmt.Sprintf("revisions that follower %d saw", r), f.issued, issued)
	}
	equalList(s, "issued", s.changes("c", first, 0).Issued, issued)
	h.judge(s, slices.Concat(snapshots...))
}

// errorer is a suite for goroutines, which must not call FailNow.
type errorer struct{ *suite }

func (e errorer) Fatalf(format string, args ...any) { e.Helper(); e.Errorf(format, args...) }

// UpdatePost is atomic: of many that count, none is lost.
func testCounter(s *suite) {
	s.channel("c")
	s.count(s.Store)
}

func (s *suite) count(stores ...storage.Store) {
	s.Helper()
	p := s.text("c", "counter")
	var acknowledged atomic.Int64
	var wg sync.WaitGroup
	for w := range writers {
		store := stores[w%len(stores)]
		wg.Go(func() {
			for range 25 {
				_, err := store.UpdatePost(s.ctx, "c", p.ID, func(p *motacilla.Post) error {
					p.SourceVersion++
					runtime.Gosched() // lets others in, if the store does
					return nil
				})
				if err == nil {
					acknowledged.Add(1)
				} else if !errors.Is(err, motacilla.ErrConflict) {
					s.Errorf("count: %v", err)
				}
			}
		})
	}
	wg.Wait()
	equal(s, "counter", must[motacilla.Post](s)(s.Post(s.ctx, "c", p.ID)).SourceVersion, acknowledged.Load())
	c := s.changes("c", p.Revision, 0)
	equal(s, "number of revisions", int64(len(c.Issued)), acknowledged.Load())
}

// Of many that do the same at once, one does it.
func testRaces(s *suite) { s.race(s.Store) }

func (s *suite) race(stores ...storage.Store) {
	s.Helper()
	once := func(what string, other error, do func(store storage.Store) error) {
		s.Helper()
		errs := make([]error, 2*writers)
		var wg sync.WaitGroup
		for w := range errs {
			wg.Go(func() { errs[w] = do(stores[w%len(stores)]) })
		}
		wg.Wait()
		done := 0
		for _, err := range errs {
			if err == nil {
				done++
			} else {
				want(s, what+", one of many", err, other)
			}
		}
		equal(s, what+" succeeded so many times:", done, 1)
	}
	for i := range 10 {
		ch := motacilla.ChannelID(fmt.Sprintf("race-%d", i))
		once("CreateChannel", motacilla.ErrExists, func(store storage.Store) error {
			_, err := store.CreateChannel(s.ctx, motacilla.Channel{ID: ch})
			return err
		})
		made := make(chan motacilla.Post, 2*writers)
		once("CreatePost", motacilla.ErrExists, func(store storage.Store) error {
			p, err := store.CreatePost(s.ctx, ch, motacilla.Post{MessageID: "m", Show: true})
			made <- p
			return err
		})
		p := <-made
		for range 2*writers - 1 {
			equalPost(s, "the post that all of them got", <-made, p)
		}
		once("DeletePost", motacilla.ErrNotFound, func(store storage.Store) error {
			_, err := store.DeletePost(s.ctx, ch, p.ID, nil)
			return err
		})
		once("DeleteChannel", motacilla.ErrNotFound, func(store storage.Store) error {
			_, err := store.DeleteChannel(s.ctx, ch)
			return err
		})
	}
}

// A channel is deleted and made again while others write and read: no revision comes twice, and no post of one life is
// seen in another.
func testLives(s *suite) {
	head := s.channel("c").Head
	h := &history{}
	stop := s.reading(readers, func(int) error {
		page, err := s.Posts(s.ctx, "c", motacilla.Query{Limit: 1 << 20})
		if errors.Is(err, motacilla.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		c, err := s.Changes(s.ctx, "c", page.Head, 0)
		if err != nil {
			return err
		}
		wellFormed(errorer{s}, page.Head, c)
		if c.Head < page.Head {
			return fmt.Errorf("head went back from %d to %d", page.Head, c.Head)
		}
		for _, p := range page.Posts {
			if p.Revision > page.Head {
				return fmt.Errorf("a page of head %d has a post of %d", page.Head, p.Revision)
			}
			if c.Known && !c.Deleted && p.Revision < c.Floor {
				return fmt.Errorf("a life that began at %d has a post of %d", c.Floor, p.Revision)
			}
		}
		return nil
	})
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range 40 {
				p, err := s.CreatePost(s.ctx, "c", motacilla.Post{Show: true})
				switch {
				case err == nil:
					h.wrote(p)
				case !errors.Is(err, motacilla.ErrNotFound):
					s.Errorf("create post: %v", err)
				}
			}
		})
	}
	for range 15 {
		rev := s.deleteChannel("c")
		again := s.channel("c")
		if rev <= head || again.Head != motacilla.NextRevision(rev, s.hand.Now()) {
			s.Fatalf("deleted at %d, made again at %d, after %d", rev, again.Head, head)
		}
		h.deleted("", rev)
		h.deleted("", again.Head)
		head = again.Head
	}
	wg.Wait()
	stop()
	h.sorted(s)
	for _, p := range s.all("c") {
		if p.Revision <= head {
			s.Fatalf("post %s of revision %d in a life that began at %d", p.ID, p.Revision, head)
		}
	}
}
