package compose_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/route"
	"golang.org/x/net/html"
)

var postID = regexp.MustCompile(`data-post-id="[^"]*"`)

// A preview is what readers get of the post, but for its ID.
func TestPreviewIsWhatReadersGet(t *testing.T) {
	r := open(t, nil, nil)
	image := r.upload("key-1")
	for _, content := range []string{
		`"text":"Goal!\nhttps://video.example/1"`,
		`"content":[{"type":"text","value":{"text":"<h2>Half <em>time</em></h2><table><tr><td colspan=\"2\">1</td></tr></table>"}}]`,
		`"content":[{"type":"image","value":{"media":"` + image + `","alt":"The \"bench\""}},{"type":"embed","value":{"url":"` + knownPage + `"}}]`,
		`"content":[{"type":"image","value":{"url":"https://example.org/a.jpg","alt":"A","width":4,"height":3}}]`,
	} {
		body := `{` + content + `,"author":"<b>Ada</b>","pinned":true,"key_event":true,"created":"2026-05-01T12:00:00Z"}`
		preview := r.preview(body)
		if w := r.do(http.MethodPost, "/api/channels/match/posts", body); w.Code != http.StatusCreated {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		snapshot, err := r.Feed.Snapshot(t.Context(), "match")
		if err != nil {
			t.Fatal(err)
		}
		renders := snapshot.Update.Renders
		got, want := postID.ReplaceAllString(preview, ""), postID.ReplaceAllString(renders[len(renders)-1].Content, "")
		if got != want {
			t.Errorf("%s\nthe preview is %s\nreaders get    %s", body, got, want)
		}
		if w := r.do(http.MethodDelete, "/api/channels/match/posts/"+string(renders[len(renders)-1].ID), ""); w.Code != http.StatusNoContent {
			t.Fatal(w.Code)
		}
	}
}

// A preview stores nothing. Pages that are not known are looked up for posts to come, though not any number of them.
func TestPreviewChangesNothing(t *testing.T) {
	r := open(t, nil, nil)
	before, err := r.store.Posts(t.Context(), "match", motacilla.Query{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		html := r.preview(`{"content":[{"type":"embed","value":{"url":"https://elsewhere.example/"}},{"type":"text","value":{"text":"a"}}],
			"message_id":"m-1"}`)
		if !strings.Contains(html, "https://elsewhere.example/") {
			t.Errorf("the preview is %s", html)
		}
	}
	after, err := r.store.Posts(t.Context(), "match", motacilla.Query{Limit: 10})
	if err != nil || after.Head != before.Head || len(after.Posts) != 0 {
		t.Errorf("the head was %v, is %v, posts: %v (%v)", before.Head, after.Head, after.Posts, err)
	}
	if want := slices.Repeat([]string{" https://elsewhere.example/"}, 3); !slices.Equal(r.pages.later, want) {
		t.Errorf("to be looked up are %q, want %q", r.pages.later, want)
	}
	r.pages.later = nil
	many := strings.Repeat(`{"type":"embed","value":{"url":"https://elsewhere.example/"}},`, 40)
	_ = r.preview(`{"content":[` + many + `{"type":"embed","value":{"url":"` + knownPage + `"}}]}`)
	if len(r.pages.later) != 10 {
		t.Errorf("%d pages are to be looked up", len(r.pages.later))
	}
	for page, waits := range map[string]bool{"https://elsewhere.example/": true, knownPage: false} {
		w := r.do(http.MethodPost, "/api/channels/match/preview", `{"content":[{"type":"embed","value":{"url":"`+page+`"}}]}`)
		if want := fmt.Sprintf(`"waits":%v`, waits); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %s, want %s", page, w.Body, want)
		}
	}
	if _, err := r.store.PostByMessage(t.Context(), "match", "m-1"); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("the message is known: %v", err)
	}
}

// An image that the browser is sending yet has its place.
func TestPreviewOfAnImageThatIsOnItsWay(t *testing.T) {
	r := open(t, nil, nil)
	body := func(id string) string {
		return `{"content":[{"type":"image","value":{"media":"` + id + `","alt":"A","width":40,"height":20}}]}`
	}
	if html := r.preview(body("any-key")); !strings.Contains(html, `aria-busy="true"`) || !strings.Contains(html, `viewBox="0 0 40 20"`) {
		t.Errorf("before: %s", html)
	}
	id := r.upload("any-key")
	if html := r.preview(body(id)); !strings.Contains(html, `<img`) || !strings.Contains(html, "/media/"+id+"/") {
		t.Errorf("after: %s", html)
	}
}

// Nothing of a text can run.
func TestPreviewOfHostileText(t *testing.T) {
	r := open(t, nil, nil)
	for _, evil := range []string{
		`<script>alert(1)</script>x`, `<img src=x onerror=alert(1)>x`, `<a href="javascript:alert(1)">x</a>`,
		`<a href=" java&#9;script&colon;alert(1)">x</a>`, `<svg><script>alert(1)</script></svg>x`, `</div></div><form action="/x"><button>x`,
		`<iframe srcdoc="<script>alert(1)</script>"></iframe>x`, `<style>*{display:none}</style>x`, `<p style="position:fixed">x`,
		`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">x`, `<div data-desk>x`,
		`<noscript><p title="</noscript><img src=x onerror=alert(1)>">x`,
	} {
		body := fmt.Sprintf(`{"content":[{"type":"text","value":{"text":%q}}],"author":%q}`, evil, evil)
		root, err := html.Parse(strings.NewReader(r.preview(body)))
		if err != nil {
			t.Fatal(err)
		}
		posts := 0
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			switch n.Data {
			case "script", "style", "iframe", "form", "img", "svg", "math", "button", "object":
				t.Errorf("%s leaves <%s>", evil, n.Data)
			}
			for _, a := range n.Attr {
				value := strings.ToLower(strings.Join(strings.Fields(a.Val), ""))
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" || strings.HasPrefix(value, "javascript:") || a.Key == "data-desk" {
					t.Errorf("%s leaves %s=%q", evil, a.Key, a.Val)
				}
			}
			if n.Data == "div" && n.Parent.Data == "body" {
				posts++
			}
		}
		if posts != 1 {
			t.Errorf("%s: the preview has %d elements", evil, posts)
		}
	}
}

// What a new post may not have, a preview may not have.
func TestPreviewRefuses(t *testing.T) {
	r := open(t, nil, nil)
	c := r.described()
	const path = "/api/channels/match/preview"
	for body, status := range map[string]int{
		`{}`: 400, `{"text":"  "}`: 400, `{"text":"a","content":[]}`: 400, `{"content":[]}`: 400, `{"text":"a","other":1}`: 400,
		`{"text":"a\u0000"}`: 400, `{"text":"a","created":"today"}`: 400, `{"text":"a","author":"` + strings.Repeat("a", 256) + `"}`: 400,
		`{"content":[{"type":"image","value":{}}]}`: 400, `{"content":[{"type":"embed","value":{"url":"javascript:1"}}]}`: 400,
		`{"content":[` + strings.Repeat(`{"type":"text","value":{"text":"a"}},`, 1000) + `{"type":"text","value":{"text":"a"}}]}`: 400,
		`{"text":"` + strings.Repeat("a", 1<<20) + `"}`: 413, `[`: 400, `{"text":"<i>a</i>"}`: 200,
	} {
		if w := r.do(http.MethodPost, path, body); w.Code != status {
			t.Errorf("%.100s: %d %s, want %d", body, w.Code, w.Body, status)
		}
	}
	for _, q := range []struct {
		status  int
		method  string
		path    string
		headers []string
	}{
		{415, "POST", path, []string{"Content-Type", "text/plain"}}, {404, "POST", "/api/channels/none/preview", nil},
		{405, "GET", path, nil}, {401, "POST", path, []string{"Authorization", "Bearer wrong"}},
		{403, "POST", path, []string{"Origin", "https://evil.example"}}, {401, "POST", "/api/channels/members/preview", []string{"Authorization", ""}},
		{200, "POST", "/api/channels/members/preview/", nil},
	} {
		body := `{"text":"a"}`
		if q.method == "GET" {
			body = ""
		}
		if w := r.do(q.method, q.path, body, q.headers...); w.Code != q.status {
			t.Errorf("%s %s %q: %d %s, want %d", q.method, q.path, q.headers, w.Code, w.Body, q.status)
		}
	}
	for _, unseen := range c.Unseen("/api/channels/{channel_id}/preview") {
		if !strings.HasPrefix(unseen, "#/components/") && !strings.Contains(unseen, " 429") && !strings.Contains(unseen, " 503") && !strings.Contains(unseen, " 500") {
			t.Errorf("described, and by no test seen: %s", unseen)
		}
	}
}

// renderer is an app's own.
type renderer func(ch motacilla.ChannelID, p motacilla.Post) (motacilla.HTML, error)

func (render renderer) RenderPost(p motacilla.Post) (motacilla.HTML, error) { return render("", p) }

func (render renderer) RenderPostIn(ch motacilla.ChannelID, p motacilla.Post) (motacilla.HTML, error) {
	return render(ch, p)
}

// An app's own renderer makes the preview. If it fails, nothing of why is told.
func TestPreviewByTheAppsOwnRenderer(t *testing.T) {
	own := renderer(func(ch motacilla.ChannelID, p motacilla.Post) (motacilla.HTML, error) {
		switch p.Author {
		case "fails":
			return motacilla.HTML{}, errors.New("s3cret")
		case "panics":
			panic("s3cret")
		}
		return motacilla.TrustedHTML(fmt.Sprintf(`<div class="live-post" data-post-id="%s">%s: %s</div>`, p.ID, ch, p.Content[0].Text)), nil
	})
	r := open(t, nil, func(o *live.Options) { o.Renderer = own })
	if got := r.preview(`{"text":"<i>a</i>"}`); !strings.HasSuffix(got, `>match: <i>a</i></div>`) {
		t.Errorf("the preview is %s", got)
	}
	for _, author := range []string{"fails", "panics"} {
		w := r.do(http.MethodPost, "/api/channels/match/preview", `{"text":"a","author":"`+author+`"}`)
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "s3cret") {
			t.Errorf("a renderer that %s: %d %s", author, w.Code, w.Body)
		}
	}
}

// A preview comes every few seconds and changes nothing: a hook that notes what is done does not note it, but notes what is refused.
func TestPreviewIsNotNoted(t *testing.T) {
	noted := 0
	r := open(t, nil, func(o *live.Options) {
		o.Authorize = func(r *http.Request, _ motacilla.ChannelID, _ route.Action) (route.Grant, error) {
			if !route.IsTentative(r) {
				noted++
			}
			if r.Header.Get("Authorization") == "Bearer editor" {
				return route.Grant{}, nil
			}
			return route.Grant{}, motacilla.ErrForbidden
		}
	})
	for _, tt := range []struct {
		who           string
		status, noted int
	}{{"editor", 200, 0}, {"reader", 403, 1}} {
		r.bearer, noted = tt.who, 0
		for _, path := range []string{"/api/channels/match/preview", "/compose/match"} {
			method, body := http.MethodPost, `{"text":"a"}`
			if path == "/compose/match" {
				method, body = http.MethodGet, ""
			}
			noted = 0
			if w := r.do(method, path, body); w.Code != tt.status || noted != tt.noted {
				t.Errorf("%s %s: %d, noted %d times, want %d", tt.who, path, w.Code, noted, tt.noted)
			}
		}
	}
}
