package oembed

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/outbound/outboundtest"
)

func TestAProviderIsAsked(t *testing.T) {
	r := newRig(t, nil)
	page := r.site.URL + "/video/1?a=b&c=d"
	r.site.handle("/oembed", func(w http.ResponseWriter, req *http.Request) {
		if q := req.URL.Query(); q.Get("url") != page || q.Get("format") != "json" || q.Get("maxwidth") == "" {
			t.Errorf("the provider is asked for %v", q)
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		fmt.Fprintf(w, `{"type":"video","version":1.0,"title":"A &quot;goal&quot;","author_name":"Ada","provider_name":"Not Tube",
			"width":"640","height":360,"html":"<iframe src=\"//www.tube.example/embed/1?x=1&amp;y=2\"></iframe>",
			"thumbnail_url":"%s/picture.jpg"}`, r.site.URL)
	})
	r.site.says("/picture.jpg", "image/jpeg", "image of a goal")
	r.start()
	card := r.card(page)
	if !strings.HasPrefix(card.Picture, "/media/card-") || !strings.HasSuffix(card.Picture, "/960.jpg") {
		t.Errorf("the picture is %q", card.Picture)
	}
	card.Picture = ""
	if want := (motacilla.Card{
		Provider: "Tube", Title: `A "goal"`, Summary: "Ada", Frame: "https://www.tube.example/embed/1?x=1&y=2", Width: 640, Height: 360,
	}); card != want {
		t.Errorf("the card is %+v, want %+v", card, want)
	}
	if got, known := r.Card(t.Context(), page); !known || got.Title != card.Title {
		t.Errorf("Card returns %+v, %v", got, known)
	}
}

func TestAPostDoesNotBecomeEdited(t *testing.T) {
	r := newRig(t, nil)
	r.site.answers(map[string]any{"type": "link", "title": "A title"})
	r.start()
	r.post(r.site.URL + "/video/1")
	if p := <-r.posts.put; p.Edited() || p.Content[0].Card.Title != "A title" {
		t.Errorf("%+v", p)
	}
}

func TestAPageThatDescribesItself(t *testing.T) {
	for _, c := range []struct {
		name, page string
		want       motacilla.Card
	}{
		{"OpenGraph", `<title>no</title><meta property="og:title" content="A &amp; B"><meta property="og:description" content=" of
			two lines "><meta property="og:site_name" content="The Paper"><meta property="og:image" content="/picture.jpg">`,
			motacilla.Card{Provider: "The Paper", Title: "A & B", Summary: "of two lines", Picture: "yes"}},
		{"the tags of X", `<meta name="twitter:title" content="A"><meta name=twitter:description content=B><title>no</title>`,
			motacilla.Card{Provider: "127.0.0.1", Title: "A", Summary: "B"}},
		{"plain HTML", `<!doctype html><html><head><title> A
			title </title><meta name="description" content="B">`, motacilla.Card{Provider: "127.0.0.1", Title: "A title", Summary: "B"}},
		{"a body", `<body><meta property="og:title" content="a comment of a reader">`, motacilla.Card{Provider: "127.0.0.1"}},
		{"nothing", ``, motacilla.Card{Provider: "127.0.0.1"}},
		{"two of a kind", `<meta property="og:title" content=""><meta property="og:title" content="A"><meta property="og:title" content="B">`,
			motacilla.Card{Provider: "127.0.0.1", Title: "A"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			r.site.says("/page", "text/html; charset=utf-8", c.page)
			r.site.says("/picture.jpg", "image/jpeg", "image")
			r.start()
			got := r.card(r.site.URL + "/page")
			if got.Picture != "" {
				got.Picture = "yes"
			}
			if got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAPageInAnotherCharacterSet(t *testing.T) {
	r := newRig(t, nil)
	r.site.says("/header", "text/html; charset=windows-1252", "<title>K\xf6ln</title>")
	r.site.says("/meta", "text/html", "<meta charset=iso-8859-15><title>\xa4 5</title>")
	r.start()
	for path, want := range map[string]string{"/header": "Köln", "/meta": "€ 5"} {
		if got := r.card(r.site.URL + path).Title; got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// TestNothingWaits: a post is there while the provider says nothing, and its card comes as an edit.
func TestNothingWaits(t *testing.T) {
	r := newRig(t, nil)
	release := make(chan struct{})
	r.site.handle("/oembed", func(w http.ResponseWriter, _ *http.Request) {
		<-release
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"type":"link","title":"late"}`)
	})
	r.start()
	var ids []motacilla.PostID
	for i := range 50 {
		ids = append(ids, r.post(fmt.Sprintf("%s/video/%d", r.site.URL, i)).ID)
	}
	for _, id := range ids {
		p, err := r.posts.Post(t.Context(), channel, id)
		if err != nil || p.Content[0].Card != (motacilla.Card{}) {
			t.Fatalf("%+v, %v", p, err)
		}
	}
	if _, known := r.Card(t.Context(), r.site.URL+"/video/0"); known {
		t.Error("the card is known before the provider has answered")
	}
	close(release)
	for range ids {
		if p := <-r.posts.put; p.Content[0].Card.Title != "late" {
			t.Errorf("%+v", p.Content[0].Card)
		}
	}
}

func TestAPageIsLookedUpOnce(t *testing.T) {
	r := newRig(t, nil)
	r.site.answers(map[string]any{"type": "link", "title": "A"})
	r.start()
	page := r.site.URL + "/video/1"
	r.post(page, page)
	if p := <-r.posts.put; p.Content[0].Card.Title != "A" || p.Content[1].Card.Title != "A" {
		t.Errorf("%+v", p.Content)
	}
	for range 5 {
		r.card(page)
	}
	if n := r.site.hits.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
	nothing := r.site.URL + "/missing"
	for range 3 {
		if card := r.card(nothing); card != (motacilla.Card{Provider: "127.0.0.1"}) {
			t.Errorf("%+v", card)
		}
	}
	if n := r.site.hits.Load(); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// TestAPageForPostsToCome: without a post a page is looked up once, and its card is kept.
func TestAPageForPostsToCome(t *testing.T) {
	r := newRig(t, nil)
	r.site.says("/page", "text/html", `<meta property="og:title" content="The goal">`)
	r.start()
	for range 2 {
		if err := r.Later(t.Context(), "", "", r.site.URL+"/page"); err != nil {
			t.Fatal(err)
		}
	}
	for {
		if card, known := r.Card(t.Context(), r.site.URL+"/page"); known {
			if card.Title != "The goal" {
				t.Errorf("the card is %+v", card)
			}
			break
		}
		time.Sleep(time.Millisecond)
	}
}

// TestASiteThatFailsForAWhile: the page is looked up again. When that has gone on for long, the post has a card without words,
// and is not looked up any more.
func TestASiteThatFailsForAWhile(t *testing.T) {
	r := newRig(t, nil)
	failures := 2
	r.site.handle("/oembed", func(w http.ResponseWriter, _ *http.Request) {
		if failures--; failures >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"type":"link","title":"at last"}`)
	})
	r.site.handle("/down", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	r.start()
	if card := r.card(r.site.URL + "/video/1"); card.Title != "at last" {
		t.Errorf("%+v", card)
	}
	before := r.site.hits.Load()
	if card := r.card(r.site.URL + "/down"); card != (motacilla.Card{Provider: "127.0.0.1"}) {
		t.Errorf("%+v", card)
	}
	if n := r.site.hits.Load() - before; n != attempts {
		t.Errorf("%d requests", n)
	}
	if _, known := r.Card(t.Context(), r.site.URL+"/down"); !known {
		t.Error("the page would be looked up again")
	}
}

// TestARestart: what was queued or begun is done by the next node, and by none twice.
func TestARestart(t *testing.T) {
	r := newRig(t, nil)
	begun := make(chan struct{}, 10)
	r.site.handle("/oembed", func(_ http.ResponseWriter, req *http.Request) {
		begun <- struct{}{}
		<-req.Context().Done()
	})
	r.start()
	p := r.post(r.site.URL + "/video/1")
	<-begun
	r.stop()
	r.site.answers(map[string]any{"type": "link", "title": "A"})
	next := rigOn(t, r.site, r.posts, nil)
	next.start()
	if got := <-r.posts.put; got.ID != p.ID || got.Content[0].Card.Title != "A" {
		t.Errorf("%+v", got)
	}
}

func TestAPostThatChangedMeanwhile(t *testing.T) {
	r := newRig(t, nil)
	r.site.answers(map[string]any{"type": "link", "title": "A"})
	page, other := r.site.URL+"/video/1", r.site.URL+"/video/2"
	gone, edited, own := r.post(page), r.post(page), r.post(page)
	ctx := t.Context()
	if _, err := r.posts.Store.DeletePost(ctx, channel, gone.ID, gone.Revision); err != nil {
		t.Fatal(err)
	}
	edited.Content[0].URL = other
	own.Content[0].Card.Title = "mine"
	for _, p := range []motacilla.Post{edited, own} {
		if _, err := r.posts.Store.PutPost(ctx, channel, p, p.Revision); err != nil {
			t.Fatal(err)
		}
	}
	r.start()
	if err := r.Later(ctx, channel, edited.ID, other); err != nil {
		t.Fatal(err)
	}
	if p := <-r.posts.put; p.ID != edited.ID || p.Content[0].Card.Title != "A" {
		t.Errorf("%+v", p)
	}
	if p, err := r.posts.Post(ctx, channel, own.ID); err != nil || p.Content[0].Card.Title != "mine" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestPrivateAddressesAreNotLookedUp(t *testing.T) {
	r, inside := newRig(t, nil), outboundtest.NewPrivate(t)
	r.start()
	redirecting, paths := inside.Redirects(t)
	pages := inside.Addresses()
	for _, path := range paths {
		pages = append(pages, redirecting.URL+path)
	}
	for _, page := range pages {
		u, err := url.Parse(page)
		if err != nil || u.Scheme != "http" || u.User != nil { // no embed has such a URL
			if found, err := r.lookUp(t.Context(), page); err != nil || found.Card.Title != "" {
				t.Errorf("%s: %+v, %v", page, found, err)
			}
			continue
		}
		if card := r.card(page); card != (motacilla.Card{Provider: u.Hostname()}) {
			t.Errorf("%s: %+v", page, card)
		}
	}
	inside.Untouched(t)
}

// TestWhatAPageNamesIsCheckedToo: a page of the internet leads to a private address by its picture and its endpoint.
func TestWhatAPageNamesIsCheckedToo(t *testing.T) {
	r, inside := newRig(t, &Options{Discovery: true}), outboundtest.NewPrivate(t)
	r.start()
	for i, address := range inside.Addresses() {
		path := fmt.Sprint("/page/", i)
		r.site.says(path, "text/html", `<title>A</title><meta property="og:image" content="`+address+`/p.jpg">
			<link rel=alternate type=application/json+oembed href="`+address+`/oembed">`)
		if card := r.card(r.site.URL + path); card != (motacilla.Card{Provider: "127.0.0.1", Title: "A"}) {
			t.Errorf("%s: %+v", address, card)
		}
	}
	inside.Untouched(t)
}

func TestHugeAnswers(t *testing.T) {
	r := newRig(t, nil)
	long := strings.Repeat("<b>", 200<<10)
	r.site.says("/page", "text/html", "<title>A</title>"+long)
	r.site.answers(map[string]any{"type": "rich", "title": "A", "html": long})
	r.start()
	if card := r.card(r.site.URL + "/page"); card.Title != "A" {
		t.Errorf("%+v", card)
	}
	if card := r.card(r.site.URL + "/video/1"); card != (motacilla.Card{Provider: "127.0.0.1"}) {
		t.Errorf("%+v", card)
	}
	r.site.answers(map[string]any{"type": "rich", "title": strings.Repeat("ä", 10000), "description": strings.Repeat("b ", 50000)})
	card := r.card(r.site.URL + "/video/2")
	if len(card.Title) > motacilla.MaxCardTitle || len(card.Summary) > motacilla.MaxCardSummary || !strings.HasSuffix(card.Title, "…") {
		t.Errorf("%d and %d bytes", len(card.Title), len(card.Summary))
	}
}

// TestHostileFields: whatever a provider or page says, the store takes the card, and it has nothing but plain text and URLs.
func TestHostileFields(t *testing.T) {
	for i, evil := range []string{
		"<script>alert(1)</script>", "\x00\x01\x1b[31m", "\u202egnp.exe", "\u2066a\u2069", "\ufeff\u200b", "javascript:alert(1)",
		"data:text/html,<script>alert(1)</script>", "http://user:secret@example.org/", "//\\evil", "\"><img src=x onerror=alert(1)>",
		strings.Repeat("Z\u0301\u0301\u0301", 2000), "a" + strings.Repeat("\u0301", 500), "\xff\xfe", "{{.}}", "&lt;script&gt;", "file:///etc/passwd",
	} {
		r := newRig(t, &Options{Discovery: true})
		r.site.answers(map[string]any{
			"type": "video", "title": evil, "author_name": evil, "provider_name": evil, "description": evil, "thumbnail_url": evil,
			"html": `<iframe src="` + evil + `"></iframe>`, "width": evil, "height": -5, "url": evil,
		})
		escaped := strings.NewReplacer("&", "&amp;", `"`, "&quot;").Replace(evil)
		page := ""
		for _, name := range []string{"og:title", "og:description", "og:site_name", "og:image"} {
			page += `<meta property="` + name + `" content="` + escaped + `">`
		}
		r.site.says("/page", "text/html; charset=utf-8", page+`<link rel="alternate" type="application/json+oembed" href="`+escaped+`">`)
		r.start()
		for _, address := range []string{r.site.URL + "/video/1", r.site.URL + "/page"} {
			card := r.card(address)
			for _, s := range []string{card.Provider, card.Title, card.Summary} {
				if strings.ContainsFunc(s, func(c rune) bool {
					return unicode.Is(unicode.Cc, c) || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069
				}) {
					t.Errorf("%d: %q", i, s)
				}
			}
			if card.Picture != "" || card.Frame != "" || card.Width != 0 || card.Height != 0 {
				t.Errorf("%d: %+v", i, card)
			}
		}
		r.stop()
	}
}

func TestPictures(t *testing.T) {
	r := newRig(t, &Options{Keep: time.Hour})
	library := r.images.(*images)
	r.site.answers(map[string]any{"type": "photo", "title": "A", "url": "/photo.jpg", "thumbnail_url": "/small.jpg"})
	r.site.says("/photo.jpg", "image/jpeg", "image")
	r.start()
	page := r.site.URL + "/video/1"
	card := r.card(page)
	if card.Picture == "" {
		t.Fatalf("%+v", card)
	}
	library.forget() // it was collected, because no post had it
	if got, known := r.Card(t.Context(), page); !known || got.Picture != "" || got.Title != "A" {
		t.Errorf("%+v, %v", got, known)
	}
	for name, answer := range map[string]string{"no image": "<svg>", "nothing": ""} {
		r.site.says("/photo.jpg", "image/jpeg", answer)
		if card := r.card(r.site.URL + "/video/" + url.PathEscape(name)); card.Picture != "" || card.Title != "A" {
			t.Errorf("%s: %+v", name, card)
		}
	}
	r.images = nil
	if card := r.card(r.site.URL + "/video/none"); card.Picture != "" || card.Title != "A" {
		t.Errorf("%+v", card)
	}
}

func TestDiscovery(t *testing.T) {
	for _, on := range []bool{false, true} {
		r := newRig(t, &Options{Discovery: on})
		r.site.says("/page", "text/html", `<title>by itself</title><link rel="alternate" type="application/json+oembed" href="/found">`)
		r.site.says("/found", "application/json+oembed", `{"type":"video","title":"discovered","html":"<iframe src='https://tube.example/1'></iframe>"}`)
		r.start()
		card := r.card(r.site.URL + "/page")
		if want := map[bool]string{false: "by itself", true: "discovered"}[on]; card.Title != want || card.Frame != "" {
			t.Errorf("discovery %v: %+v", on, card)
		}
		r.stop()
	}
}

func TestProvidersThatAreAllowedAndDenied(t *testing.T) {
	r := newRig(t, nil)
	list := r.site.list()
	list[0].Player = false
	r.site.answers(map[string]any{"type": "video", "title": "A", "html": `<iframe src="https://tube.example/1"></iframe>`})
	r.start()
	for i, c := range []struct {
		allow, deny []string
		title       string
		player      bool
	}{{nil, nil, "A", false}, {[]string{"tube"}, nil, "A", true}, {[]string{"Tube"}, []string{"Tube"}, "", false}} {
		chosen, err := choose(list, c.allow, c.deny)
		if err != nil {
			t.Fatal(err)
		}
		r.providers = chosen
		if card := r.card(fmt.Sprint(r.site.URL, "/video/", i)); card.Title != c.title || (card.Frame != "") != c.player {
			t.Errorf("%d: %+v", i, card)
		}
	}
	if _, err := New(r.records, r.client, r.posts, nil, &Options{Deny: []string{"Nobody"}}, nil); !errors.Is(err, motacilla.ErrInvalid) ||
		!strings.Contains(err.Error(), "Nobody") {
		t.Error(err)
	}
	if _, err := New(r.records, r.client, r.posts, nil, &Options{Frames: "maybe"}, nil); !errors.Is(err, motacilla.ErrInvalid) {
		t.Error(err)
	}
}

func TestLogsTellNoSecrets(t *testing.T) {
	r := newRig(t, &Options{MetaToken: "token-secret"})
	for _, p := range r.providers {
		p.Endpoint = "https://" + meta + "/oembed" // there is no such host in the test's network, or it refuses
	}
	client := outbound.New(&outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Timeout: 100 * time.Millisecond})
	t.Cleanup(client.Close)
	r.client = client
	r.start()
	r.card(r.site.URL + "/video/1?key=page-secret")
	r.card("http://10.0.0.1/page-secret")
	for _, entry := range r.logs.All() {
		if s := fmt.Sprint(entry.Message, entry.ContextMap()); strings.Contains(s, "secret") {
			t.Errorf("the log has %s", s)
		}
	}
}
