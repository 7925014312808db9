package storagetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
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
				h.begins()
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
		p, err := store.PutPost(s.ctx, ch, motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText(text)}}, 0)
		if err != nil {
			return err
		}
		h.wrote(p)
		*own = append(*own, p.ID)
	case pick < 8:
		p, err := store.Post(s.ctx, ch, (*own)[random.IntN(n)])
		if err != nil {
			return err
		}
		p.Content = []motacilla.Block{motacilla.PlainText(text)}
		if p, err = store.PutPost(s.ctx, ch, p, p.Revision); err != nil {
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
		rev, err := store.DeletePost(s.ctx, ch, id, 0)
		if err != nil {
			return err
		}
		h.deleted(id, rev)
		*own = slices.Delete(*own, at, at+1)
	}
	return nil
}

// reading calls read from many goroutines until stop is called, and once after that. Each of them reads again when a write
// of h has begun or ended since its last read began, or at once if h is nil.
func (s *suite) reading(n int, h *history, read func(reader int) error) (stop func()) {
	ended, always := make(chan struct{}), make(chan struct{})
	close(always)
	var wg sync.WaitGroup
	for r := range n {
		wg.Go(func() {
			for last := false; ; {
				var moved <-chan struct{} = always
				if h != nil {
					moved = h.next()
				}
				if err := read(r); err != nil {
					s.Errorf("reader %d: %v", r, err)
					return
				}
				if last {
					return
				}
				select {
				case <-moved:
				case <-ended:
					last = true
				}
			}
		})
	}
	return func() {
		close(ended)
		wg.Wait()
	}
}

// Every page has what was written up to its head.
func testSnapshots(s *suite) {
	s.channel("c")
	h := newHistory()
	snapshots := make([][]snapshot, readers)
	stop := s.reading(readers, h, func(r int) error {
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

// A reader that follows a channel by Changes sees every revision, in order, and has at each head what was written up to
// it.
func testFollowers(s *suite) {
	s.follow(s.Store)
}

func (s *suite) follow(stores ...storage.Store) {
	s.Helper()
	first := s.channel("c").Head
	h := newHistory()
	followers := make([]follower, readers)
	snapshots := make([][]snapshot, readers)
	for r := range followers {
		followers[r] = follower{head: first, posts: make(map[motacilla.PostID]motacilla.Post)}
	}
	stop := s.reading(readers, h, func(r int) error {
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

// errorer is a suite for goroutines, in which FailNow must not be called.
type errorer struct{ *suite }

func (e errorer) Fatalf(format string, args ...any) { e.Helper(); e.Errorf(format, args...) }

// A put is compared and stored in one step: if many writers count by it, no count is lost.
func testCounter(s *suite) {
	s.channel("c")
	s.count(s.Store)
}

func (s *suite) count(stores ...storage.Store) {
	s.Helper()
	const each = 25
	first := s.text("c", "counter")
	var wg sync.WaitGroup
	for w := range writers {
		store := stores[w%len(stores)]
		wg.Go(func() {
			for counted := 0; counted < each; {
				p, err := store.Post(s.ctx, "c", first.ID)
				if err == nil {
					p.SourceVersion++
					runtime.Gosched() // lets other writers in
					_, err = store.PutPost(s.ctx, "c", p, p.Revision)
				}
				switch {
				case err == nil:
					counted++
				case !errors.Is(err, motacilla.ErrConflict):
					s.Errorf("count: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	equal(s, "counter", must[motacilla.Post](s)(s.Post(s.ctx, "c", first.ID)).SourceVersion, writers*each)
	equal(s, "number of revisions", len(s.changes("c", first.Revision, 0).Issued), writers*each)
}

// storage.Edit loses no edit, however many edit the same post at once. An edit may fail with ErrConflict, unless the
// store lets edits share a put.
func testEdit(s *suite) {
	s.channel("c")
	const editors, each = 16, 10
	first := s.text("c", "counter")
	_, shares := s.Store.(interface{ Edits() *storage.Edits })
	var done atomic.Int64
	var wg sync.WaitGroup
	for range editors {
		wg.Go(func() {
			for range each {
				before := int64(0)
				p, err := storage.Edit(s.ctx, s.Store, "c", first.ID, func(p *motacilla.Post) error {
					before = p.SourceVersion
					p.SourceVersion++
					return nil
				})
				switch {
				case err == nil && p.SourceVersion > before:
					done.Add(1)
				case shares || !errors.Is(err, motacilla.ErrConflict):
					s.Errorf("edit of %d: %d (%v)", before, p.SourceVersion, err)
					return
				}
			}
		})
	}
	wg.Wait()
	equal(s, "counter", must[motacilla.Post](s)(s.Post(s.ctx, "c", first.ID)).SourceVersion, done.Load())
	for range editors {
		wg.Go(func() {
			_, err := storage.EditChannel(s.ctx, s.Store, "c", func(c *motacilla.Channel) error { c.Title += "x"; return nil })
			if err != nil {
				s.Errorf("edit of the channel: %v", err)
			}
		})
	}
	wg.Wait()
	title := must[motacilla.Channel](s)(s.Channel(s.ctx, "c")).Title
	equal(s, "title", title, "Title of c"+strings.Repeat("x", editors))
	own := errors.New("own")
	_, err := storage.Edit(s.ctx, s.Store, "c", first.ID, func(p *motacilla.Post) error { p.Author = "never"; return own })
	want(s, "an edit that fails", err, own)
	_, err = storage.Edit(s.ctx, s.Store, "c", motacilla.NewPostID(s.hand.Now()), func(*motacilla.Post) error { return own })
	want(s, "edit a post that is not there", err, motacilla.ErrNotFound)
	equal(s, "author", must[motacilla.Post](s)(s.Post(s.ctx, "c", first.ID)).Author, "")
}

// If many writers do the same at once, exactly one succeeds.
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
	var serial atomic.Int64
	author := func() string { return fmt.Sprint("author ", serial.Add(1)) }
	for i := range 10 {
		ch := motacilla.ChannelID(fmt.Sprintf("race-%d", i))
		once("a new channel", motacilla.ErrExists, func(store storage.Store) error {
			_, err := store.PutChannel(s.ctx, motacilla.Channel{ID: ch}, 0)
			return err
		})
		made := make(chan motacilla.Post, 2*writers)
		once("a new post", motacilla.ErrExists, func(store storage.Store) error {
			p, err := store.PutPost(s.ctx, ch, motacilla.Post{MessageID: "m", Show: true}, 0)
			made <- p
			return err
		})
		p := <-made
		for range 2*writers - 1 {
			equalPost(s, "the post that all of them got", <-made, p)
		}
		once("a put", motacilla.ErrConflict, func(store storage.Store) error {
			next := p
			next.Author = author()
			_, err := store.PutPost(s.ctx, ch, next, p.Revision)
			return err
		})
		c := must[motacilla.Channel](s)(s.Channel(s.ctx, ch))
		once("a put of the channel", motacilla.ErrConflict, func(store storage.Store) error {
			next := c
			next.Title = author()
			_, err := store.PutChannel(s.ctx, next, c.Changed)
			return err
		})
		q := s.post(ch, motacilla.Post{Show: true})
		once("a put or a removal", motacilla.ErrConflict, func(store storage.Store) error {
			var err error
			next := q
			if next.Author = author(); serial.Load()%2 == 0 {
				_, err = store.DeletePost(s.ctx, ch, q.ID, q.Revision)
			} else {
				_, err = store.PutPost(s.ctx, ch, next, q.Revision)
			}
			if errors.Is(err, motacilla.ErrNotFound) { // a removal was first
				return motacilla.ErrConflict
			}
			return err
		})
		once("DeletePost", motacilla.ErrNotFound, func(store storage.Store) error {
			_, err := store.DeletePost(s.ctx, ch, p.ID, 0)
			return err
		})
		once("a deletion of the channel", motacilla.ErrNotFound, func(store storage.Store) error {
			_, err := store.DeleteChannel(s.ctx, ch)
			return err
		})
	}
}

// A channel is deleted and made again while others write and read. No revision is issued twice, and no post of one life
// appears in another.
func testLives(s *suite) {
	head := s.channel("c").Head
	h := newHistory()
	stop := s.reading(readers, h, func(int) error {
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
				h.begins()
				p, err := s.PutPost(s.ctx, "c", motacilla.Post{Show: true}, 0)
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
