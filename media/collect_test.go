package media_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media"
)

// channel makes a channel for posts.
func channel(t *testing.T, s *shelf) {
	t.Helper()
	if _, err := s.store.PutChannel(t.Context(), motacilla.Channel{ID: "c", Access: motacilla.Private}, 0); err != nil {
		t.Fatal(err)
	}
}

func post(t *testing.T, s *shelf, blocks ...motacilla.Block) motacilla.Post {
	t.Helper()
	p, err := s.store.PutPost(t.Context(), "c", motacilla.Post{Content: blocks}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func collect(t *testing.T, c *media.Collector, want media.Collected) {
	t.Helper()
	if got, err := c.Collect(t.Context()); err != nil || got != want {
		t.Errorf("collected %+v, %v; want %+v", got, err, want)
	}
}

func TestCollect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, nil)
		channel(t, s)
		c := media.NewCollector(s.Library, s.store, func(_ context.Context, use func(string)) error { use("draft"); return nil })
		for _, id := range []string{"block", "card", "link", "draft", "unused", "late"} {
			if _, err := s.Add(t.Context(), id, bytes.NewReader(jpegOf(t, photo(8, 8)))); err != nil {
				t.Fatal(err)
			}
		}
		image, err := s.Image(t.Context(), "block")
		if err != nil {
			t.Fatal(err)
		}
		held := post(t, s, image)
		post(t, s, motacilla.Block{Type: motacilla.EmbedBlock, URL: "https://example.org/", Card: motacilla.Card{Picture: "/media/card/8.jpg"}})
		post(t, s, motacilla.Text(motacilla.TrustedHTML(`<a href="https://example.org/news/media/link/8.jpg">x</a>`)))

		collect(t, c, media.Collected{Images: 6, Condemned: 2})
		time.Sleep(7*24*time.Hour - time.Minute)
		collect(t, c, media.Collected{Images: 6})
		if _, err := s.Image(t.Context(), "late"); err != nil { // somebody writes a post with it
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		collect(t, c, media.Collected{Images: 6, Condemned: 1, Removed: 1})
		if _, err := s.Image(t.Context(), "unused"); !errors.Is(err, motacilla.ErrNotFound) {
			t.Errorf("the unused image: %v", err)
		}
		if names := strings.Join(s.files.Names(), " "); strings.Contains(names, "unused") || len(s.files.Names()) != 5 {
			t.Errorf("files are %s", names)
		}
		if _, err := s.store.DeletePost(t.Context(), "c", held.ID, 0); err != nil {
			t.Fatal(err)
		}
		collect(t, c, media.Collected{Images: 5, Condemned: 1})
		time.Sleep(8 * 24 * time.Hour)
		collect(t, c, media.Collected{Images: 5, Removed: 2})
		// An ID that was removed may be used again.
		if _, err := s.Add(t.Context(), "unused", bytes.NewReader(jpegOf(t, photo(9, 9)))); err != nil {
			t.Fatal(err)
		}
		if w := get(handler(t, s.node(t, nil)), "GET", "/media/unused/9.jpg"); w.Code != 200 {
			t.Errorf("status %d", w.Code)
		}
	})
}

// source is media.Posts under a name that is not its method's.
type source interface{ media.Posts }

// brokenPosts can't list posts.
type brokenPosts struct{ source }

func (brokenPosts) Posts(context.Context, motacilla.ChannelID, motacilla.Query) (motacilla.Page, error) {
	return motacilla.Page{}, motacilla.ErrUnavailable
}

// TestCollectFails: if posts can't be read, nothing is condemned.
func TestCollectFails(t *testing.T) {
	s := newShelf(t, nil)
	channel(t, s)
	if _, err := s.Add(t.Context(), "one", bytes.NewReader(jpegOf(t, photo(8, 8)))); err != nil {
		t.Fatal(err)
	}
	if _, err := media.NewCollector(s.Library, brokenPosts{s.store}).Collect(t.Context()); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("error is %v", err)
	}
	drafts := func(context.Context, func(string)) error { return motacilla.ErrUnavailable }
	if _, err := media.NewCollector(s.Library, s.store, drafts).Collect(t.Context()); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("error is %v", err)
	}
	collect(t, media.NewCollector(s.Library, s.store), media.Collected{Images: 1, Condemned: 1})
}

// counted counts runs: each lists the channels once.
type counted struct {
	source

	runs atomic.Int64
}

func (c *counted) Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error) {
	c.runs.Add(1)
	return c.source.Channels(ctx, after, limit)
}

// TestCollectorRuns: two nodes collect once a day together, and go on if one of them stops.
func TestCollectorRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, nil)
		channel(t, s)
		if _, err := s.Add(t.Context(), "one", bytes.NewReader(jpegOf(t, photo(8, 8)))); err != nil {
			t.Fatal(err)
		}
		posts := &counted{source: s.store}
		a, b := media.NewCollector(s.Library, posts), media.NewCollector(s.node(t, nil), posts)
		for _, c := range []*media.Collector{a, b} {
			if err := c.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(100 * time.Hour)
		if n := posts.runs.Load(); n != 5 {
			t.Errorf("%d runs in 100 hours, want 5", n)
		}
		if err := a.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(100 * time.Hour)
		if n := posts.runs.Load(); n < 8 || n > 9 {
			t.Errorf("%d runs in 200 hours, want 8 or 9", n)
		}
		if len(s.files.Names()) != 0 {
			t.Errorf("left are %q", s.files.Names())
		}
		if err := b.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// slow lets time pass before each call.
type slow struct {
	motacilla.Records
	media.Store
}

func lag() { time.Sleep(rand.N(20 * time.Second)) }

func (s slow) Get(ctx context.Context, namespace, key string) (motacilla.Record, error) {
	lag()
	return s.Records.Get(ctx, namespace, key)
}

func (s slow) List(ctx context.Context, namespace, prefix, after string, limit int) ([]motacilla.Record, error) {
	defer lag()
	return s.Records.List(ctx, namespace, prefix, after, limit)
}

type slowRecords struct{ slow }

func (s slowRecords) Put(ctx context.Context, r motacilla.Record) (motacilla.Record, error) {
	lag()
	return s.Records.Put(ctx, r)
}

func (s slowRecords) Delete(ctx context.Context, namespace, key string, version int64) error {
	lag()
	return s.Records.Delete(ctx, namespace, key, version)
}

type slowFiles struct{ slow }

func (s slowFiles) Put(ctx context.Context, name string, f media.File, r io.Reader) error {
	lag()
	return s.Store.Put(ctx, name, f, r)
}

func (s slowFiles) Delete(ctx context.Context, name string) error {
	lag()
	return s.Store.Delete(ctx, name)
}

// TestNoImageInUseIsRemoved: nodes add, use and abandon a few images while others collect, and every call takes its time. Each
// image of a post can be read as long as the post is there. In the end nothing is left.
func TestNoImageInUseIsRemoved(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { useAndCollect(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func useAndCollect(t *testing.T, random *rand.Rand) {
	const grace = time.Hour
	s := newShelf(t, nil)
	channel(t, s)
	body := jpegOf(t, photo(8, 8))
	both := slow{s.store.Records(), s.files}
	node := func() *media.Library {
		l, err := media.NewLibrary(slowFiles{both}, slowRecords{both}, &media.Options{Grace: grace})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	nodes := []*media.Library{node(), node()}
	var writing, collecting sync.WaitGroup
	for i := range 4 {
		l, random := nodes[i%2], rand.New(rand.NewPCG(random.Uint64(), 2))
		h := handler(t, nodes[(i+1)%2])
		writing.Go(func() {
			for range 40 {
				id := fmt.Sprintf("image-%d", random.IntN(3))
				b, err := l.Image(t.Context(), id)
				if errors.Is(err, motacilla.ErrNotFound) {
					b, err = l.Add(t.Context(), id, bytes.NewReader(body))
				}
				if err != nil {
					t.Errorf("%s: %v", id, err)
					return
				}
				time.Sleep(time.Duration(random.Int64N(int64(grace / 2))))
				p := post(t, s, b)
				for range random.IntN(5) {
					if w := get(h, "GET", b.URL); w.Code != 200 {
						t.Errorf("%s of a post: status %d", id, w.Code)
					}
					time.Sleep(time.Duration(random.Int64N(int64(grace))))
				}
				if _, err := s.store.DeletePost(t.Context(), "c", p.ID, 0); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Duration(random.Int64N(int64(3 * grace))))
			}
		})
	}
	done := make(chan struct{})
	for _, l := range nodes {
		c, random := media.NewCollector(l, s.store), rand.New(rand.NewPCG(random.Uint64(), 3))
		collecting.Go(func() {
			for {
				if _, err := c.Collect(t.Context()); err != nil {
					t.Errorf("Collect: %v", err)
				}
				select {
				case <-done:
					return
				case <-time.After(time.Duration(random.Int64N(int64(2 * grace)))):
				}
			}
		})
	}
	writing.Wait()
	close(done)
	collecting.Wait()
	last := media.NewCollector(nodes[0], s.store)
	for range 3 {
		if _, err := last.Collect(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * grace)
	}
	if names := s.files.Names(); len(names) > 0 {
		t.Errorf("left are %q", names)
	}
	if list, err := s.store.Records().List(t.Context(), "media", "", "", 0); err != nil || len(list) > 0 {
		t.Errorf("%d records are left, %v", len(list), err)
	}
}
