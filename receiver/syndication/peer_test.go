package syndication

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage/memory"
)

const secret = "a long secret of the other server"

// other is another Motacilla.
type other struct {
	*httptest.Server
	store *memory.Store
	in    *receiver.Ingest
}

func newOther(t testing.TB) *other {
	t.Helper()
	store := newStore(t)
	site, err := live.New(live.Options{
		Store: store, Token: secret,
		Publishers: func(p *live.Parts) []publisher.Publisher {
			return []publisher.Publisher{sse.New(p.Feed, nil), polling.NewLong(p.Feed, nil)}
		},
		Receivers: func(p *live.Parts) []receiver.Receiver {
			return []receiver.Receiver{webapp.New(p.Sink(), p.Authorize, nil)}
		},
	})
	if err == nil {
		err = site.Start(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	o := &other{Server: httptest.NewServer(site), store: store, in: receiver.NewIngest(store, "webapp", nil)}
	t.Cleanup(func() {
		if err := site.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		o.Close()
	})
	return o
}

func (o *other) feed(here motacilla.ChannelID) string {
	return "motacilla+" + o.URL + "/channels/" + string(home) + "=" + string(here)
}

func (o *other) post(t testing.TB, id, text string) motacilla.Post {
	t.Helper()
	p, _, err := o.in.Post(context.Background(), home, receiver.Message{ID: id, Author: "Ann", Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (o *other) change(t testing.TB, p motacilla.Post, change func(*motacilla.Post)) {
	t.Helper()
	if _, err := o.in.Change(context.Background(), home, p.ID, func(p *motacilla.Post) error { change(p); return nil }); err != nil {
		t.Fatal(err)
	}
}

func containsText(list []motacilla.Post, text string) *motacilla.Post {
	for i, p := range list {
		if strings.Contains(textOf(p), text) {
			return &list[i]
		}
	}
	return nil
}

func TestFollow(t *testing.T) {
	there, store := newOther(t), newStore(t)
	old := there.post(t, "0", "before all")
	there.post(t, "1", "first")
	r := newReceiver(t, newKit(t, store), func(o *Options) { o.Backfill = 1 }, there.feed(home))
	start(t, r)
	here := func(text string) *motacilla.Post { return containsText(posts(t, store), text) }
	eventually(t, "the newest post", func() bool { return here("first") != nil })
	second := there.post(t, "2", "second <b>bold</b>")
	eventually(t, "a new post", func() bool { return here("second") != nil })
	p := here("second")
	if p.Author != "Ann" || p.Source != Name || p.MessageID != "motacilla "+string(second.ID)+" "+way(r.peers[0].target) ||
		!strings.Contains(textOf(*p), `<p>Source: <a href="`+there.URL+`/channels/match-42" rel="nofollow noopener">A match</a></p>`) ||
		!strings.Contains(textOf(*p), "<b>bold</b>") {
		t.Errorf("the copy is %+v", p)
	}
	there.change(t, second, func(p *motacilla.Post) {
		p.Pinned, p.KeyEvent, p.Content = true, true, []motacilla.Block{motacilla.PlainText("changed")}
	})
	eventually(t, "an edit", func() bool { p := here("changed"); return p != nil && p.Pinned && p.KeyEvent })
	there.change(t, second, func(p *motacilla.Post) { p.Show = false })
	eventually(t, "hidden", func() bool { return !here("changed").Show })
	there.change(t, second, func(p *motacilla.Post) { p.Show, p.Pinned = true, false })
	eventually(t, "shown again", func() bool { p := here("changed"); return p.Show && !p.Pinned && p.KeyEvent })
	there.change(t, old, func(p *motacilla.Post) { p.Content = []motacilla.Block{motacilla.PlainText("an old one, changed")} })
	if err := there.in.Remove(context.Background(), home, "1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "removed", func() bool { return here("first") == nil })
	if here("old") != nil {
		t.Error("a post that was there before came with its edit")
	}
	if n := len(posts(t, store)); n != 1 {
		t.Errorf("there are %d posts", n)
	}
}

// A node stops, and another one goes on at the cursor. What changed meanwhile is not lost, and no post is made twice.
func TestFollowGoesOn(t *testing.T) {
	there, store := newOther(t), newStore(t)
	there.post(t, "1", "number 1.")
	for n := 2; n < 12; n++ {
		r := newReceiver(t, newKit(t, store), nil, there.feed(home))
		if err := r.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "all posts", func() bool {
			return len(posts(t, store)) == n-1 && containsText(posts(t, store), fmt.Sprintf("number %d.", n-1)) != nil
		})
		if err := r.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		there.post(t, fmt.Sprint(n), fmt.Sprintf("number %d.", n))
	}
	if err := there.in.Remove(context.Background(), home, "1"); err != nil {
		t.Fatal(err)
	}
	r := newReceiver(t, newKit(t, store), nil, there.feed(home))
	start(t, r)
	eventually(t, "a removal while nobody followed", func() bool {
		return len(posts(t, store)) == 10 && containsText(posts(t, store), "number 11.") != nil && containsText(posts(t, store), "number 1.") == nil
	})

}

// A reset: the other store has forgotten the cursor.
func TestFollowAfterAReset(t *testing.T) {
	there, store := newOther(t), newStore(t)
	kept, hidden, gone := there.post(t, "1", "kept"), there.post(t, "2", "hidden"), there.post(t, "3", "gone")
	one := newReceiver(t, newKit(t, store), nil, there.feed(home))
	if err := one.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all posts", func() bool { return len(posts(t, store)) == 3 })
	if err := one.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	there.change(t, kept, func(p *motacilla.Post) { p.Content = []motacilla.Block{motacilla.PlainText("kept, changed")} })
	there.change(t, hidden, func(p *motacilla.Post) { p.Show = false })
	if err := there.in.Remove(context.Background(), home, gone.MessageID); err != nil {
		t.Fatal(err)
	}
	there.post(t, "4", "new")
	err := change(t.Context(), one.states, one.peers[0].key, func(st *peerState) error { st.Cursor = 12345; return nil }) // is unknown there
	if err != nil {
		t.Fatal(err)
	}
	two := newReceiver(t, newKit(t, store), nil, there.feed(home))
	start(t, two)
	eventually(t, "what changed meanwhile", func() bool {
		list := posts(t, store)
		h, g := containsText(list, "hidden"), containsText(list, "gone")
		return containsText(list, "kept, changed") != nil && containsText(list, "new") != nil && h != nil && !h.Show && (g == nil || !g.Show)
	})
}

// A private channel is followed with a token, which nobody else gets.
func TestFollowAPrivateChannel(t *testing.T) {
	there, store := newOther(t), newStore(t)
	ch, err := there.store.Channel(t.Context(), home)
	if err == nil {
		ch.Access = motacilla.Private
		_, err = there.store.PutChannel(t.Context(), ch, ch.Head)
	}
	if err != nil {
		t.Fatal(err)
	}
	there.post(t, "1", "first")
	kit := newKit(t, store)
	without := newReceiver(t, kit, func(o *Options) { o.Name = "without" }, there.feed(home))
	if _, err := without.peers[0].follow(t.Context()); !errors.Is(err, motacilla.ErrUnauthorized) && !errors.Is(err, motacilla.ErrForbidden) && !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("without a token: %v", err)
	}
	var leaked atomic.Bool
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			leaked.Store(true)
		}
		_, _ = w.Write([]byte(atomOf("", item{id: "1", content: "of a feed"})))
	}))
	defer stranger.Close()
	r := newReceiver(t, kit, func(o *Options) { o.Token = secret }, there.feed(home), stranger.URL+"/feed=match-42")
	start(t, r)
	eventually(t, "a post of the private channel", func() bool {
		return containsText(posts(t, store), "first") != nil && containsText(posts(t, store), "of a feed") != nil
	})
	if leaked.Load() {
		t.Error("the token went to the server of a feed")
	}
}

// Two servers follow each other, and a third one follows both. Every post is on each of them once.
func TestLoops(t *testing.T) {
	a, b, c := newOther(t), newOther(t), newOther(t)
	follow := func(here *other, from ...*other) {
		var feeds []string
		for _, o := range from {
			feeds = append(feeds, o.feed(home))
		}
		start(t, newReceiver(t, newKit(t, here.store), nil, feeds...))
	}
	a.post(t, "1", "from A.")
	b.post(t, "1", "from B.")
	follow(a, b)
	follow(b, a)
	follow(c, a, b)
	complete := func(texts ...string) func() bool {
		return func() bool {
			for _, o := range []*other{a, b, c} {
				for _, text := range texts {
					if containsText(posts(t, o.store), text) == nil {
						return false
					}
				}
			}
			return true
		}
	}
	eventually(t, "both posts everywhere", complete("from A.", "from B."))
	// Each of the later posts comes after what a loop would have made of the earlier ones.
	for i := range 5 {
		texts := []string{fmt.Sprintf("round %d of A.", i), fmt.Sprintf("round %d of B.", i)}
		a.post(t, fmt.Sprint("round", i), texts[0])
		b.post(t, fmt.Sprint("round", i), texts[1])
		eventually(t, "one more round", complete(texts...))
	}
	for name, o := range map[string]*other{"A": a, "B": b} {
		if n := len(posts(t, o.store)); n != 12 {
			t.Errorf("%s has %d posts, want 12", name, n)
		}
	}
	// On the third server a post may arrive by both ways at the same moment.
	for _, p := range posts(t, c.store) {
		if !strings.HasPrefix(p.MessageID, "motacilla ") {
			t.Errorf("the post is %+v", p)
		}
	}
	if n := len(posts(t, c.store)); n < 12 || n > 24 {
		t.Errorf("C has %d posts", n)
	}
	if err := a.in.Remove(context.Background(), home, "1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the removal everywhere", func() bool {
		for _, o := range []*other{a, b, c} {
			if containsText(posts(t, o.store), "from A.") != nil {
				return false
			}
		}
		return true
	})
}
