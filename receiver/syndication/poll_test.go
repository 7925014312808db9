package syndication

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/outbound/outboundtest"
	"github.com/motacilla-live/motacilla/receiver"
)

func TestPostsOfAFeed(t *testing.T) {
	store, web := newStore(t), newSite(t)
	r := newReceiver(t, newKit(t, store), func(o *Options) { o.Backfill = 2 }, web.URL+"/feed=match-42")
	three := []item{
		{id: "3", title: "Three", content: "<p>third</p>", minute: 3}, {id: "2", title: "Two", content: "second", minute: 2, author: "Ann"},
		{id: "1", title: "One", content: "first", minute: 1},
	}
	web.publish(atomOf("", three...))
	for range 2 {
		refresh(t, r)
		wantPosts(t, store, "third", "second") // the newest two
	}
	p := posts(t, store)[1]
	if p.Author != "Ann" || p.Source != Name || !strings.HasSuffix(p.MessageID, " urn:entry:2") || p.SourceVersion == 0 || p.Created.Equal(noon) {
		t.Errorf("the post is %+v", p)
	}
	const want = `<p><strong>Two</strong></p>second<p>Source: <a href="https://wire.example/2" rel="nofollow noopener">The Wire</a></p>`
	if got := textOf(p); got != want {
		t.Errorf("the text is %q, want %q", got, want)
	}

	three[1].content, three[1].updated = "second, corrected", 5
	three[2].content, three[2].updated = "first, corrected", 5 // it was there before
	web.publish(atomOf("", append([]item{{id: "4", title: "Four", content: "fourth", minute: 9}}, three...)...))
	for range 2 {
		refresh(t, r)
		wantPosts(t, store, "fourth", "third", "second, corrected")
	}
	three[0].content = "third, without a new date"
	web.publish(atomOf("", three...)) // without the fourth, which has no newer neighbour
	refresh(t, r)
	wantPosts(t, store, "fourth", "third, without a new date", "second, corrected")

	// The second is withdrawn, and the first falls off the end in the next turn.
	web.publish(atomOf("", item{id: "5", content: "fifth", minute: 10}, three[0], three[2]))
	refresh(t, r)
	wantPosts(t, store, "fifth", "third") // and the fourth, which has newer and older neighbours now
	web.publish(atomOf("", item{id: "6", content: "sixth", minute: 11}, item{id: "5", content: "fifth", minute: 10}))
	refresh(t, r)
	wantPosts(t, store, "sixth", "fifth", "third")
	web.publish(atomOf("", item{id: "6", content: "sixth", minute: 11}, three[1])) // a withdrawn one comes back; those between are gone
	refresh(t, r)
	wantPosts(t, store, "sixth")
}

func TestOptionsOfPosts(t *testing.T) {
	store, web := newStore(t), newSite(t)
	long := strings.Repeat("word ", 200)
	web.publish(atomOf("", item{id: "2", title: "Title", content: "<p>" + long + "</p>", minute: 2}, item{id: "1", content: "<b>x</b>", minute: 1}))
	r := newReceiver(t, newKit(t, store), func(o *Options) {
		o.Full, o.Backdate, o.Withdraw, o.Credit, o.Name = false, true, false, "The <desk>", "wire"
	}, web.URL+"/feed=match-42")
	refresh(t, r)
	p := posts(t, store)[0]
	if !p.Created.Equal(noon.Add(2*time.Minute)) || p.Source != "wire" || !strings.Contains(textOf(p), "The &lt;desk&gt;</a>") ||
		!strings.Contains(textOf(p), "word…") || len(textOf(p)) > 800 {
		t.Errorf("the post is %+v", p)
	}
	web.publish(atomOf(`<at:deleted-entry ref="urn:entry:1" when="2026-03-01T12:00:00Z"/>`, item{id: "3", minute: 3}, item{id: "1", minute: 1}))
	refresh(t, r)
	if n := len(posts(t, store)); n != 3 {
		t.Errorf("without withdraw there are %d posts, want 3", n)
	}
}

func TestLongEntry(t *testing.T) {
	store, web := newStore(t), newSite(t)
	r := newReceiver(t, newKit(t, store), nil, web.URL+"/feed=match-42")
	var many strings.Builder
	for i := range 60 {
		fmt.Fprintf(&many, `<p>&amp;&amp;&amp;<a href="https://e.example/%d">%s</a><img src="/%d.png"></p>`, i, strings.Repeat("&lt;", 2000), i)
	}
	web.publish(atomOf("", item{id: "1", title: strings.Repeat("T", 5000), content: many.String(), author: strings.Repeat("é", 900)}))
	refresh(t, r)
	p := posts(t, store)[0]
	if n := len(textOf(p)); n < 5000 || n > motacilla.MaxText || len(p.Author) > motacilla.MaxID {
		t.Errorf("%d bytes of text, %d of the author", n, len(p.Author))
	}
}

// What a server says about the document is obeyed.
func TestConditionsAndRedirects(t *testing.T) {
	store, web := newStore(t), newSite(t)
	document := atomOf("", item{id: "1", content: "first"})
	var paths []string
	web.set(func(s *site) {
		s.handle = func(w http.ResponseWriter, r *http.Request) {
			web.set(func(*site) { paths = append(paths, r.URL.Path) })
			switch r.URL.Path {
			case "/old":
				http.Redirect(w, r, "/older", http.StatusMovedPermanently)
			case "/older":
				http.Redirect(w, r, "/new", http.StatusPermanentRedirect)
			case "/new":
				http.Redirect(w, r, "/now", http.StatusFound)
			default:
				w.Header().Set("ETag", `"v1"`)
				w.Header().Set("Cache-Control", "max-age=3600")
				http.ServeContent(w, r, "feed.xml", noon, bytes.NewReader([]byte(document)))
			}
		}
	})
	r := newReceiver(t, newKit(t, store), nil, web.URL+"/old=match-42")
	refresh(t, r)
	refresh(t, r)
	wantPosts(t, store, "first")
	if got := strings.Join(paths, " "); got != "/old /older /new /now /new /now" {
		t.Errorf("asked for %s", got)
	}
	h := web.asked()
	last := h[len(h)-1]
	if last.Get("If-None-Match") != `"v1"` || last.Get("If-Modified-Since") != noon.Format(http.TimeFormat) || !strings.Contains(last.Get("Accept"), "atom") {
		t.Errorf("the second request has %v", last)
	}
	if first := h[0]; first.Get("If-None-Match") != "" || first.Get("If-Modified-Since") != "" {
		t.Errorf("the first request has %v", first)
	}
	st := stateOf(t, r)
	if st.Moved != web.URL+"/new" || time.Until(st.Next) < 55*time.Minute {
		t.Errorf("the state is %+v", st)
	}

	// The new place fails. After three times the old one is asked for again.
	web.set(func(s *site) {
		s.handle = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/old" {
				w.Header().Set("Retry-After", "7200")
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			_, _ = w.Write([]byte(atomOf("", item{id: "2", content: "second", minute: 2}, item{id: "1", content: "first"})))
		}
	})
	for range 3 {
		if err := r.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("a server that fails: %v", err)
		}
	}
	if st := stateOf(t, r); st.Failures != 3 || st.Moved != "" || time.Until(st.Next) < 115*time.Minute {
		t.Errorf("the state is %+v", st)
	}
	refresh(t, r)
	wantPosts(t, store, "second", "first")
	if st := stateOf(t, r); st.Failures != 0 || time.Until(st.Next) > 3*time.Minute {
		t.Errorf("the state is %+v", st)
	}
}

func TestHints(t *testing.T) {
	store, web := newStore(t), newSite(t)
	web.publish(`<rss version="2.0"><channel><title>x</title><ttl>45</ttl></channel></rss>`)
	for hints, want := range map[bool]time.Duration{true: 45 * time.Minute, false: 2 * time.Minute} {
		r := newReceiver(t, newKit(t, store), func(o *Options) { o.Hints, o.Name = hints, fmt.Sprint("hints-", hints) }, web.URL+"/feed=match-42")
		refresh(t, r)
		if got := time.Until(stateOf(t, r).Next); got < want-time.Minute || got > want*12/10 {
			t.Errorf("hints %v: the pause is %v", hints, got)
		}
	}
}

func TestErrorsSayNoSecrets(t *testing.T) {
	store, web := newStore(t), newSite(t)
	web.Close()
	r := newReceiver(t, newKit(t, store), nil, web.URL+"/feed?key=hidden=match-42")
	err := r.feeds[0].poll(t.Context())
	if err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("the error is %v", err)
	}
}

// A feed, its redirects, its hub, its images, and another Motacilla are never called on a private address.
func TestPrivateAddressesAreRefused(t *testing.T) {
	inside, store, web := outboundtest.NewPrivate(t), newStore(t), newSite(t)
	kit := newKit(t, store)
	kit.Client, kit.PublicURL = outboundtest.NewClient(t), "https://live.example.org"
	redirecting, paths := inside.Redirects(t)
	feeds := inside.Addresses()
	for _, path := range paths {
		feeds = append(feeds, redirecting.URL+path)
	}
	for _, address := range feeds {
		o := Defaults()
		o.Feeds = []string{address + "/=match-42"}
		r, err := New(kit, o, nil)
		if err != nil { // it can't be the address of a feed
			continue
		}
		if err := r.Refresh(t.Context()); !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{inside.URL, redirecting.URL + paths[0]} { // client tries each several times
		r := newReceiver(t, kit, nil, "motacilla+"+address+"/channels/match-42=match-42")
		if _, err := r.peers[0].follow(t.Context()); !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("another Motacilla at %s: %v", address, err)
		}
	}
	for i, address := range inside.Addresses() {
		page := xmlText(address + "/")
		web.publish(atomOf(`<link rel="hub" href="`+page+`"/><link rel="self" href="`+web.URL+`/feed"/>`, item{id: fmt.Sprint("p", i), minute: i,
			content: `<img src="` + page + `x.png">`, more: `<link rel="enclosure" type="image/png" href="` + page + `y.png"/>`}))
		r := newReceiver(t, kit, nil, fmt.Sprintf("%s/%d=match-42", web.URL, i))
		refresh(t, r)
		r.feeds[0].keepSubscribed(t.Context())
	}
	r := newReceiver(t, kit, nil, web.URL+"/=match-42")
	start(t, r) // it fetches the images that all have queued
	eventually(t, "no image is pending", func() bool {
		for _, p := range posts(t, store) {
			for _, b := range p.Content {
				if b.Pending {
					return false
				}
			}
		}
		return true
	})
	inside.Untouched(t)
}

// The store stops answering after some writes, and the node is replaced. Every entry becomes one post.
func TestKilledInTheMiddle(t *testing.T) {
	store, web := newStore(t), newSite(t)
	var items []item
	for i := range 20 {
		items = append(items, item{id: fmt.Sprint(i), content: fmt.Sprint("entry ", i, "."), minute: 20 - i})
	}
	web.publish(atomOf("", items...))
	for n := range 5 {
		kit := newKit(t, store)
		sink := &dying{Sink: store}
		sink.left.Store(int64(n))
		kit.Sink = sink
		r := newReceiver(t, kit, func(o *Options) { o.Backfill = 50 }, web.URL+"/feed=match-42")
		if err := r.Refresh(t.Context()); !errors.Is(err, motacilla.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	r := newReceiver(t, newKit(t, store), func(o *Options) { o.Backfill = 50 }, web.URL+"/feed=match-42")
	refresh(t, r)
	list := posts(t, store)
	if len(list) != 20 {
		t.Fatalf("%d posts of 20 entries", len(list))
	}
	for i, p := range list {
		if !strings.Contains(textOf(p), fmt.Sprint("entry ", i, ".")) {
			t.Errorf("post %d is %q", i, textOf(p))
		}
	}
}

// dying is a sink that fails after some writes.
type dying struct {
	receiver.Sink
	left atomic.Int64
}

func (d *dying) PutPost(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, at motacilla.Revision) (motacilla.Post, error) {
	if d.left.Add(-1) < 0 {
		return motacilla.Post{}, motacilla.ErrUnavailable
	}
	return d.Sink.PutPost(ctx, ch, p, at)
}

// Two nodes watch the same feed: one of them asks. When it stops, the other one goes on.
func TestTwoNodes(t *testing.T) {
	store, web := newStore(t), newSite(t)
	web.publish(atomOf("", item{id: "1", content: "first"}))
	one := newReceiver(t, newKit(t, store), nil, web.URL+"/feed=match-42")
	two := newReceiver(t, newKit(t, store), nil, web.URL+"/feed=match-42")
	start(t, one)
	start(t, two)
	eventually(t, "the first post", func() bool { return len(posts(t, store)) == 1 })
	if n := len(web.asked()); n != 1 {
		t.Errorf("two nodes have asked %d times", n)
	}
	// Both are told to look at the same time.
	web.publish(atomOf("", item{id: "2", content: "second", minute: 2}, item{id: "1", content: "first"}))
	failed := make(chan error, 2)
	for _, r := range []*Receiver{one, two} {
		go func() { failed <- r.Refresh(context.Background()) }()
	}
	for range 2 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	wantPosts(t, store, "second", "first")
}

func TestImages(t *testing.T) {
	store, web := newStore(t), newSite(t)
	web.set(func(s *site) {
		s.kind = "application/rss+xml"
		s.handle = func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/feed":
				_, _ = fmt.Fprintf(w, `<rss version="2.0"><channel><title>x</title><item><guid>1</guid><title>With images</title>
<enclosure url="%s/a.jpg" type="image/jpeg"/><enclosure url="/gone.jpg" type="image/jpeg"/></item></channel></rss>`, web.URL)
			case "/a.jpg":
				_, _ = w.Write([]byte("an image"))
			default:
				http.NotFound(w, r)
			}
		}
	})
	kit := newKit(t, store)
	kit.Images = &images{}
	r := newReceiver(t, kit, nil, web.URL+"/feed=match-42")
	start(t, r)
	eventually(t, "one image that is there, and none that is not", func() bool {
		list := posts(t, store)
		if len(list) != 1 {
			return false
		}
		n := 0
		for _, b := range list[0].Content {
			if b.Type == motacilla.ImageBlock {
				n++
				if b.Pending {
					return false
				}
			}
		}
		return n == 1
	})
}

// images keeps the IDs of images.
type images struct{ receiver.NoImages }

func (*images) Add(_ context.Context, id string, r io.Reader) (motacilla.Block, error) {
	if body, err := io.ReadAll(r); err != nil || string(body) != "an image" {
		return motacilla.Block{}, motacilla.Invalid("media", "is no image")
	}
	return motacilla.Block{Type: motacilla.ImageBlock, Media: id, URL: "/media/" + id}, nil
}

func TestWrongOptions(t *testing.T) {
	kit := newKit(t, newStore(t))
	const feed = "https://e.example/feed.xml?a=b=match-42"
	for field, change := range map[string]func(*Options){
		"feeds":       func(o *Options) { o.Feeds = nil },
		"name":        func(o *Options) { o.Name = "A b" },
		"interval":    func(o *Options) { o.Interval = time.Second },
		"max_entries": func(o *Options) { o.MaxEntries = 501 },
		"backfill":    func(o *Options) { o.Backfill = -1 },
	} {
		o := Defaults()
		o.Feeds = []string{feed}
		change(o)
		var wrong *motacilla.FieldError
		if _, err := New(kit, o, nil); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, bad := range []string{
		"https://e.example/feed.xml", "=match-42", "ftp://e.example/=match-42", "https://=match-42", "https://e.example/=a b", "feed=match-42",
		"https://user:pass@e.example/=match-42", "motacilla+https://e.example/=match-42", "motacilla+https://e.example/channels/=match-42",
		"motacilla+https://e.example/channels/a b=match-42", "motacilla+https://e.example/channels/a/b=match-42",
	} {
		_, err := New(kit, &Options{Feeds: []string{bad}}, nil)
		if !errors.Is(err, motacilla.ErrInvalid) || strings.Contains(err.Error(), "pass") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := New(kit, &Options{Feeds: []string{feed, feed}}, nil); !errors.Is(err, motacilla.ErrInvalid) {
		t.Errorf("a feed that is named twice: %v", err)
	}
	r, err := New(kit, &Options{Feeds: []string{feed, "motacilla+https://e.example/news/channels/a%20b/=match-42"}}, nil)
	if err == nil {
		t.Errorf("a channel with a space is followed: %+v", r.peers[0].target)
	}
	r, err = New(kit, &Options{Feeds: []string{feed, "motacilla+https://e.example/news/channels/final/=match-42"}}, nil)
	if err != nil || r.feeds[0].url != "https://e.example/feed.xml?a=b" || r.peers[0].peer != "https://e.example/news" || r.peers[0].peerOwn != "final" {
		t.Errorf("%+v, %v", r, err)
	}
}

// 410 ends asking, until the next start.
func TestGone(t *testing.T) {
	store, web := newStore(t), newSite(t)
	web.set(func(s *site) { s.status = http.StatusGone })
	r := newReceiver(t, newKit(t, store), nil, web.URL+"/feed=match-42")
	if err := r.Refresh(t.Context()); !errors.Is(err, motacilla.ErrDeleted) {
		t.Error(err)
	}
	if st := stateOf(t, r); !st.Gone {
		t.Errorf("the state is %+v", st)
	}
}
