package oembed

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
)

func theList(t testing.TB) []*provider {
	list, err := parseProviders(providersJSON)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func find(list []*provider, page string) *provider {
	u, err := url.Parse(page)
	if err != nil {
		return nil
	}
	for _, p := range list {
		if p.matches(u) {
			return p
		}
	}
	return nil
}

func TestTheList(t *testing.T) {
	list := theList(t)
	if len(list) < 300 {
		t.Errorf("%d providers", len(list))
	}
	players := 0
	for _, p := range list {
		if p.Player {
			players++
		}
		for _, h := range p.Hosts {
			if strings.ContainsAny(h, "*/:") || !strings.Contains(h, ".") || h != strings.ToLower(h) {
				t.Errorf("%s: the host %q", p.Name, h)
			}
		}
		for _, s := range p.Schemes {
			if host, path, ok := strings.Cut(s, "/"); !ok || strings.Contains(strings.TrimPrefix(host, "*."), "*") || strings.Contains(path, "#") {
				t.Errorf("%s: the scheme %q", p.Name, s)
			}
		}
	}
	if players < 80 {
		t.Errorf("%d have players", players)
	}
	for page, want := range map[string]string{
		"https://www.youtube.com/watch?v=a": "YouTube", "https://youtube.com/watch?v=a": "YouTube", "https://m.youtube.com/watch?v=a": "YouTube",
		"https://youtu.be/a": "YouTube", "https://www.youtube.com/shorts/a": "YouTube", "http://www.youtube.com/live/a": "YouTube",
		"https://vimeo.com/1": "Vimeo", "https://player.vimeo.com/video/1": "Vimeo", "https://x.com/a/status/1": "X",
		"https://twitter.com/a/status/1": "Twitter", "https://mobile.twitter.com/a/status/1": "Twitter",
		"https://bsky.app/profile/a.bsky.social/post/b": "Bluesky Social", "https://www.instagram.com/p/a/": "Instagram",
		"https://www.tiktok.com/@a/video/1": "TikTok", "https://www.dailymotion.com/video/a": "Dailymotion", "https://dai.ly/a": "Dailymotion",
		"https://open.spotify.com/track/a": "Spotify", "https://soundcloud.com/a/b": "SoundCloud", "https://www.flickr.com/photos/a/1": "Flickr",
		"https://www.reddit.com/r/a/comments/b/c/": "Reddit", "https://www.reddit.com/r/a/comments/b": "Reddit",
		"https://codepen.io/a/pen/b": "CodePen", "https://www.ted.com/talks/a": "TED", "https://example.org/": "", "https://youtube.com.example.org/watch?v=a": "",
		"https://notyoutube.com/watch?v=a": "", "https://evilyoutu.be/a": "",
	} {
		got := ""
		if p := find(list, page); p != nil {
			got = p.Name
		}
		if got != want {
			t.Errorf("%s: %q, want %q", page, got, want)
		}
	}
}

// TestReceiversKnowTheSame: what receivers take for a page to embed has a provider here. Twitch has no oEmbed, and its pages
// describe themselves.
func TestReceiversKnowTheSame(t *testing.T) {
	list := theList(t)
	for _, page := range []string{
		"https://www.youtube.com/watch?v=abc", "https://www.youtube.com/shorts/abc", "https://www.youtube.com/playlist?list=a", "https://youtu.be/abc",
		"https://vimeo.com/123", "https://player.vimeo.com/video/123", "https://x.com/a/status/1", "https://twitter.com/a/status/1",
		"https://mobile.twitter.com/a/status/1", "https://bsky.app/profile/a/post/b", "https://www.instagram.com/p/abc", "https://www.instagram.com/tv/abc",
		"https://www.instagram.com/reel/abc", "https://www.tiktok.com/@a/video/1", "https://www.dailymotion.com/video/a", "https://dai.ly/a",
		"https://open.spotify.com/album/a", "https://soundcloud.com/a/b", "https://www.flickr.com/photos/a/1", "https://www.reddit.com/r/a/comments/b",
		"https://codepen.io/a/pen/b", "https://codepen.io/a/full/b", "https://www.ted.com/talks/a",
	} {
		u, err := url.Parse(page)
		if err != nil {
			t.Fatal(err)
		}
		if !receiver.KnownEmbed(u) {
			t.Errorf("%s: receivers do not know it", page)
		}
		if find(list, page) == nil {
			t.Errorf("%s: no provider", page)
		}
	}
}

func TestSnippets(t *testing.T) {
	tube := &provider{Name: "Tube", Endpoint: "https://api.tube.example/oembed", Hosts: []string{"tube.example", "youtube.com"}}
	for html, want := range map[string]string{
		`<iframe src="https://tube.example/1"></iframe>`:                                                     "https://tube.example/1",
		`<iframe src="http://www.tube.example/1"></iframe>`:                                                  "https://www.tube.example/1",
		`<iframe src="//player.tube.example/1"></iframe>`:                                                    "https://player.tube.example/1",
		`<div style="x"><iframe src="https://tube.example/1" onload="alert(1)"></iframe></div>`:              "https://tube.example/1",
		`<iframe src=" https://tube.example/1 "><script>alert(1)</script></iframe>`:                          "https://tube.example/1",
		`<iframe src="https://www.youtube.com/embed/a?b=c"></iframe>`:                                        "https://www.youtube-nocookie.com/embed/a?b=c",
		`<iframe src="https://tube.example/1"></iframe><iframe src="https://tube.example/2"></iframe>`:       "",
		`<iframe src="https://tube.example/1"></iframe><script src="https://evil.example/a.js"></script>`:    "",
		`<iframe src="https://tube.example/1"></iframe><script>alert(1)</script>`:                            "",
		`<iframe src="https://evil.example/1"></iframe>`:                                                     "",
		`<iframe src="https://tube.example.evil.example/1"></iframe>`:                                        "",
		`<iframe src="https://eviltube.example/1"></iframe>`:                                                 "",
		`<iframe src="https://tube.example@evil.example/1"></iframe>`:                                        "",
		`<iframe src="https://tube.example:8443/1"></iframe>`:                                                "",
		`<iframe src="javascript:alert(1)"></iframe>`:                                                        "",
		`<iframe src="data:text/html,<script>alert(1)</script>"></iframe>`:                                   "",
		`<iframe srcdoc="<script>alert(1)</script>"></iframe>`:                                               "",
		`<iframe src=""></iframe>`:                                                                           "",
		`<p>words</p>`:                                                                                       "",
		``:                                                                                                   "",
		`<blockquote>words</blockquote><script async src="https://tube.example/widget.js"></script>`:         "runs",
		`<blockquote>words</blockquote><script src="//platform.tube.example/w.js"></script>`:                 "runs",
		`<div></div><script>f()</script><script src="https://tube.example/w.js"></script>`:                   "runs",
		`<blockquote>words</blockquote><script src="https://evil.example/w.js"></script>`:                    "",
		`<script src="https://tube.example/w.js"></script><script src="https://evil.example/w.js"></script>`: "",
		`<script>alert(1)</script>`:                                                                          "",
		`<script src="https://tube.example/w.js"></script><iframe src="https://evil.example/"></iframe>`:     "",
	} {
		s := readSnippet(html)
		got, ok := s.frame(tube)
		if !ok && s.runs(tube) {
			got = "runs"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", html, got, want)
		}
	}
	if s := readSnippet(`<blockquote>Some <b>words</b><style>a</style></blockquote><script>no</script>`); clean(s.text, 100) != "Some words" {
		t.Errorf("%q", s.text)
	}
}

func TestASnippetIsServedByItself(t *testing.T) {
	r := newRig(t, nil)
	r.site.answers(map[string]any{
		"type": "rich", "html": `<blockquote>Some words</blockquote><script src="https://tube.example/w.js"></script>`, "width": 550, "height": nil,
		"author_name": "Ada",
	})
	r.start()
	page := r.site.URL + "/video/1"
	card := r.card(page)
	if want := (motacilla.Card{Provider: "Tube", Title: "Ada", Summary: "Some words", Frame: card.Frame}); card != want || !strings.HasPrefix(card.Frame, "/embeds/") {
		t.Errorf("%+v, want %+v", card, want)
	}
	table := route.NewTable()
	if err := table.Add("embeds", "", r.URLs()...); err != nil {
		t.Fatal(err)
	}
	get := func(method, path, tag string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(method, path, nil)
		if tag != "" {
			req.Header.Set("If-None-Match", tag)
		}
		w := httptest.NewRecorder()
		table.ServeHTTP(w, req)
		return w
	}
	w := get(http.MethodGet, card.Frame, "")
	h := w.Header()
	policy := h.Get("Content-Security-Policy")
	if w.Code != 200 || !strings.HasPrefix(policy, "sandbox ") || strings.Contains(policy, "allow-same-origin") ||
		h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Type") != "text/html; charset=utf-8" ||
		!strings.Contains(w.Body.String(), `<blockquote>Some words</blockquote><script src=`) {
		t.Errorf("%d %v\n%s", w.Code, h, w.Body)
	}
	if w := get(http.MethodGet, card.Frame, h.Get("ETag")); w.Code != http.StatusNotModified {
		t.Errorf("%d", w.Code)
	}
	// Whoever knows a page must not learn that a post, perhaps of a private channel, has it.
	for path, want := range map[string]int{"/embeds/" + key(page): 404, "/embeds/" + strings.Repeat("0", 32): 404, "/embeds/..%2f": 404, "/embeds/a b": 404} {
		if w := get(http.MethodGet, strings.ReplaceAll(path, " ", "%20"), ""); w.Code != want || !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "sandbox") && w.Code == 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := get(http.MethodPost, card.Frame, ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("%d", w.Code)
	}
	r.o.Frames = FramesOff
	if len(r.URLs()) != 0 {
		t.Error("snippets are served although players are off")
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		" a \n b\t": "a b", "a\u202eb": "ab", "&amp;amp;": "&amp;", "\u200d": "\u200d", "a\u0301": "a\u0301", "नमस्ते": "नमस्ते", "👨‍👩‍👧": "👨‍👩‍👧",
		"\u200e \u202a": "", "\xffa": "a", "&#0;a": "a", "&#x202e;a": "a", "\u2028a\u2029b": "a b",
	} {
		if got := clean(in, 100); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := clean("one two three four", 12); got != "one two…" {
		t.Errorf("%q", got)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\u202e<b>&amp;\x00", 20)
	f.Fuzz(func(t *testing.T, s string, most int) {
		most = 10 + most&0xff
		got := clean(s, most)
		if len(got) > most || !utf8.ValidString(got) || strings.ContainsFunc(got, unseen) || got != strings.TrimSpace(got) && got != "…" {
			t.Errorf("%q becomes %q", s, got)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"type":"video","title":"a","html":"<iframe src='https://tube.example/1'></iframe>","width":"640px","height":1e3,"thumbnail_url":"/a"}`))
	f.Add([]byte(`{"type":"rich","title":null,"html":"<script src='//tube.example/w.js'></script>","width":"100%","height":{}}`))
	base, _ := url.Parse("https://api.tube.example/oembed")
	tube := &provider{Name: "Tube", Endpoint: base.String(), Hosts: []string{"tube.example"}, Player: true}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := parseAnswer(data, base)
		if err != nil {
			return
		}
		found := entry{Card: motacilla.Card{Title: a.title, Summary: a.summary, Picture: a.picture}}
		(&Embeds{}).player(tube, a, &found)
		valid(t, found.Card)
		if u, err := url.Parse(found.Card.Frame); err != nil || u.Host != "" && !tube.owns(u) {
			t.Errorf("the frame is %q", found.Card.Frame)
		}
	})
}

func FuzzDescribe(f *testing.F) {
	f.Add([]byte(`<meta charset=utf-7><title>a</title><meta property="og:image" content="//b/c">`), "text/html; charset=gbk")
	f.Add([]byte(`<link rel=alternate type=application/json+oembed href=a><script><!--<script></script>`), "")
	base, _ := url.Parse("https://example.org/a/b")
	f.Fuzz(func(t *testing.T, page []byte, mediaType string) {
		d := describe(page, mediaType, base)
		valid(t, motacilla.Card{Provider: d.site, Title: d.title, Summary: d.summary, Picture: d.picture})
	})
}

// valid fails the test if a store would not take a card.
func valid(t *testing.T, c motacilla.Card) {
	t.Helper()
	p := motacilla.Post{Content: []motacilla.Block{{Type: motacilla.EmbedBlock, URL: "https://example.org/", Card: c}}}
	if _, err := p.Admit(motacilla.Revision(1_700_000_000_000_000)); err != nil {
		t.Errorf("%+v: %v", c, err)
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b*c", "aXbXc")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 20 || len(s) > 50 || !utf8.ValidString(pattern) || !utf8.ValidString(s) {
			return
		}
		re := regexp.MustCompile(`(?s)^` + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`) + `$`)
		if glob(pattern, s) != re.MatchString(s) {
			t.Errorf("glob(%q, %q) is %v", pattern, s, glob(pattern, s))
		}
	})
}
