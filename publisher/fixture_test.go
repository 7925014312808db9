package publisher_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

const match = motacilla.ChannelID("match-42")

func TestMain(m *testing.M) { leaktest.Main(m) }

// faulty is a source in front of a store. It counts reads. It can fail, keep back hints, and change to another store.
type faulty struct {
	mu    sync.Mutex
	store storage.Store
	reads atomic.Int64
	down  atomic.Bool
	deaf  atomic.Bool
}

func (s *faulty) get() (storage.Store, error) {
	s.reads.Add(1)
	if s.down.Load() {
		return nil, motacilla.ErrUnavailable
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store, nil
}

func (s *faulty) put(store storage.Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store = store
}

func (s *faulty) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	store, err := s.get()
	if err != nil {
		return motacilla.Channel{}, err
	}
	return store.Channel(ctx, id)
}

func (s *faulty) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	store, err := s.get()
	if err != nil {
		return motacilla.Page{}, err
	}
	return store.Posts(ctx, ch, q)
}

func (s *faulty) Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error) {
	store, err := s.get()
	if err != nil {
		return motacilla.Changes{}, err
	}
	return store.Changes(ctx, ch, since, limit)
}

func (s *faulty) Heads(ctx context.Context, chs []motacilla.ChannelID) (map[motacilla.ChannelID]motacilla.Revision, error) {
	store, err := s.get()
	s.reads.Add(-1) // a repair check is not counted
	if err != nil {
		return nil, err
	}
	return store.Heads(ctx, chs)
}

func (s *faulty) Watch(ctx context.Context, notify func(motacilla.Moved)) error {
	s.mu.Lock()
	store := s.store
	s.mu.Unlock()
	return store.Watch(ctx, func(m motacilla.Moved) {
		if !s.deaf.Load() {
			notify(m)
		}
	})
}

type renderFunc func(motacilla.Post) (string, error)

func (f renderFunc) RenderPost(p motacilla.Post) (motacilla.HTML, error) {
	html, err := f(p)
	return motacilla.TrustedHTML(html), err
}

func plain(p motacilla.Post) (string, error) {
	return fmt.Sprintf(`<div class="live-post" data-post-id=%q>%s</div>`, p.ID, p.Content[0].Text), nil
}

type fixture struct {
	*testing.T
	store  storage.Store
	source *faulty
	feed   *publisher.Feed
}

func setUp(t *testing.T, o *publisher.FeedOptions) fixture {
	t.Helper()
	return setUpWith(t, plain, o)
}

func setUpWith(t *testing.T, render renderFunc, o *publisher.FeedOptions) fixture {
	t.Helper()
	store := memory.New(nil)
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: match, Title: "Final"}, 0); err != nil {
		t.Fatal(err)
	}
	source := &faulty{store: store}
	feed := publisher.NewFeed(source, render, o)
	if err := feed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = feed.Close()
		_ = store.Close()
	})
	return fixture{t, store, source, feed}
}

func (f fixture) retitle(title string) {
	f.Helper()
	_, err := storage.EditChannel(context.Background(), f.store, match, func(c *motacilla.Channel) error {
		c.Title = title
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
}

func (f fixture) post(text string) motacilla.Post {
	f.Helper()
	content := []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(text))}
	p, err := f.store.PutPost(context.Background(), match, motacilla.Post{Show: true, Content: content}, 0)
	if err != nil {
		f.Fatal(err)
	}
	return p
}

func (f fixture) edit(id motacilla.PostID, edit func(*motacilla.Post)) motacilla.Post {
	f.Helper()
	p, err := storage.Edit(context.Background(), f.store, match, id, func(p *motacilla.Post) error { edit(p); return nil })
	if err != nil {
		f.Fatal(err)
	}
	return p
}

func (f fixture) since(cursor motacilla.Revision) *publisher.Delta {
	f.Helper()
	step, err := f.feed.Since(context.Background(), match, cursor)
	if err != nil {
		f.Fatal(err)
	}
	return step
}

// same fails unless view shows, above its floor, what the store shows.
func (f fixture) same(view *motacilla.View) {
	f.Helper()
	all, err := f.store.Posts(context.Background(), match, motacilla.Query{Limit: 100_000, Visible: true})
	if err != nil {
		f.Fatal(err)
	}
	want, got := "", ""
	for i := len(all.Posts) - 1; i >= 0; i-- {
		p := all.Posts[i]
		if p.Pinned || view.Floor().IsZero() || p.Key().Compare(view.Floor()) >= 0 {
			html, _ := plain(p)
			want += fmt.Sprintf("%s %v %d\n", html, p.Pinned, p.Revision)
		}
	}
	for _, r := range view.Renders() {
		if r.Show {
			got += fmt.Sprintf("%s %v %d\n", r.Content, r.Pinned, r.Revision)
		}
	}
	if got != want {
		f.Fatalf("the reader holds\n%s\nthe store\n%s", got, want)
	}
	if view.Revision != all.Head {
		f.Fatalf("the reader is at %d, the store at %d", view.Revision, all.Head)
	}
}

// change makes one random change.
func (f fixture) change(rng *rand.Rand, posts *[]motacilla.PostID) {
	f.Helper()
	if len(*posts) == 0 || rng.IntN(3) == 0 {
		*posts = append(*posts, f.post(fmt.Sprint("text ", rng.IntN(1e6))).ID)
		return
	}
	i := rng.IntN(len(*posts))
	id := (*posts)[i]
	switch rng.IntN(6) {
	case 0:
		if _, err := f.store.DeletePost(context.Background(), match, id, 0); err != nil {
			f.Fatal(err)
		}
		*posts = append((*posts)[:i], (*posts)[i+1:]...)
	case 1:
		f.edit(id, func(p *motacilla.Post) { p.Show = !p.Show })
	case 2:
		f.edit(id, func(p *motacilla.Post) { p.Pinned = !p.Pinned })
	case 3:
		f.retitle(fmt.Sprint("title ", rng.IntN(1e6)))
	default:
		f.edit(id, func(p *motacilla.Post) { p.Content[0] = motacilla.PlainText(fmt.Sprint("edited ", rng.IntN(1e6))) })
	}
}

func (f fixture) head() motacilla.Revision {
	f.Helper()
	c, err := f.store.Channel(context.Background(), match)
	if err != nil {
		f.Fatal(err)
	}
	return c.Head
}
