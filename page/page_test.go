package page_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/route"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// source has one public channel with 60 posts, and one private channel.
type source struct{ posts []motacilla.Post }

func newSource() *source {
	s := &source{}
	for i := range 60 {
		at := start.Add(time.Duration(i) * time.Minute)
		s.posts = append(s.posts, motacilla.Post{
			ID: motacilla.NewPostID(at), Created: at, Modified: at, Show: true, Revision: motacilla.Revision(i + 1),
			Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(fmt.Sprintf("<p>post %d</p>", i)))},
		})
	}
	return s
}

func (s *source) Channel(_ context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	switch id {
	case "match":
		return motacilla.Channel{ID: id, Title: "A <b>match", Access: motacilla.Public, Created: start, Head: 60}, nil
	case "secret":
		return motacilla.Channel{ID: id, Title: "Secret", Access: motacilla.Private, Created: start, Head: 1}, nil
	}
	return motacilla.Channel{}, fmt.Errorf("get channel %q: %w", id, motacilla.ErrNotFound)
}

func (s *source) Channels(ctx context.Context, after motacilla.ChannelID, _ int) ([]motacilla.Channel, error) {
	var list []motacilla.Channel
	for _, id := range []motacilla.ChannelID{"match", "secret"} {
		if ch, err := s.Channel(ctx, id); err == nil && id > after {
			list = append(list, ch)
		}
	}
	return list, nil
}

func (s *source) Posts(_ context.Context, _ motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	list := motacilla.Page{Head: 60}
	for i := len(s.posts) - 1; i >= 0; i-- {
		if !q.Before.IsZero() && s.posts[i].Key().Compare(q.Before) >= 0 {
			continue
		}
		if len(list.Posts) == q.Limit {
			list.More = true
			break
		}
		list.Posts = append(list.Posts, s.posts[i])
	}
	return list, nil
}

func (s *source) snapshot(ctx context.Context, ch motacilla.ChannelID) (*motacilla.Update, error) {
	u := &motacilla.Update{Channel: ch, Revision: 60, Reset: true, State: &motacilla.State{Title: "A <b>match"}}
	list, _ := s.Posts(ctx, ch, motacilla.Query{Limit: 50})
	renderer := page.NewRenderer()
	for i := len(list.Posts) - 1; i >= 0; i-- {
		p := list.Posts[i]
		html, err := renderer.RenderPost(p)
		if err != nil {
			return nil, err
		}
		u.Renders = append(u.Renders, motacilla.Render{
			ID: p.ID, Show: true, Content: html.String(), Created: p.Created, Modified: p.Modified, Revision: p.Revision,
		})
	}
	return u, nil
}

func serve(t *testing.T) *httptest.Server {
	t.Helper()
	src := newSource()
	p := page.New(src, src.snapshot, &page.Options{
		Transports: func(ch motacilla.ChannelID) []page.Transport {
			return []page.Transport{{Name: "long-polling", URL: "https://live.example.org/live/long-polling/" + string(ch) + "/"}}
		},
		SignIn: func(_ http.ResponseWriter, _ *http.Request, token string) error {
			if token != "right" {
				return motacilla.ErrForbidden
			}
			return nil
		},
	})
	guard := func(_ *http.Request, ch motacilla.ChannelID, _ route.Action) (route.Grant, error) {
		if ch == "secret" {
			return route.Grant{}, motacilla.ErrForbidden
		}
		return route.Grant{}, nil
	}
	table := route.NewTable()
	for _, rt := range p.URLs() {
		if strings.Contains(rt.Pattern, "{channel_id}") {
			rt = route.Guard(rt, route.Read, guard)
		}
		if err := table.Add("page", "/", rt); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(table)
	t.Cleanup(server.Close)
	return server
}

// TestAChannelThatBecomesPrivate has the permission end while a page is read. The page must not be sent.
func TestAChannelThatBecomesPrivate(t *testing.T) {
	src := newSource()
	p := page.New(src, src.snapshot, &page.Options{
		Readable: func(_ *http.Request, ch motacilla.ChannelID, head motacilla.Revision) (motacilla.Access, error) {
			if ch != "match" || head != 60 {
				t.Errorf("asked about %s at %d", ch, head)
			}
			return motacilla.Private, motacilla.ErrForbidden
		},
	})
	table := route.NewTable()
	if err := table.Add("page", "/", p.URLs()...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(table)
	defer server.Close()
	key := src.posts[55].Key()
	older := "/channels/match?before=" + url.QueryEscape(motacilla.FormatTime(key.Created)+"_"+string(key.ID))
	for _, path := range []string{"/channels/match", older} {
		resp, body := do(t, http.MethodGet, server.URL+path, "")
		if resp.StatusCode != http.StatusForbidden || strings.Contains(body, "post ") {
			t.Errorf("%s: %s, with posts %v", path, resp.Status, strings.Contains(body, "post "))
		}
	}
}

func do(t *testing.T, method, address, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

func TestChannelIsCompleteWithoutScript(t *testing.T) {
	server := serve(t)
	answer, body := do(t, "GET", server.URL+"/channels/match", "")
	if answer.StatusCode != 200 || strings.Count(body, `class="live-post"`) != 50 {
		t.Fatalf("%d with %d posts", answer.StatusCode, strings.Count(body, `class="live-post"`))
	}
	for _, want := range []string{`data-revision="60"`, "A &lt;b&gt;match", `data-transports="/channels/match/transports"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Index(body, ">post 59<") > strings.Index(body, ">post 58<") {
		t.Error("the newest post does not stand first")
	}
	policy := answer.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'self';") || !strings.Contains(policy, "wss://live.example.org") {
		t.Errorf("policy %q", policy)
	}
	again, _ := do(t, "GET", server.URL+"/channels/match", "", "If-None-Match", answer.Header.Get("ETag"))
	if again.StatusCode != 304 {
		t.Errorf("If-None-Match: %d", again.StatusCode)
	}
	link := regexp.MustCompile(`<a href="([^"]+)" data-live-older`).FindStringSubmatch(body)
	if link == nil {
		t.Fatal("no link to older posts")
	}
	_, older := do(t, "GET", server.URL+strings.ReplaceAll(link[1], "&#43;", "+"), "")
	if strings.Count(older, `class="live-post"`) != 10 || !strings.Contains(older, ">post 9<") ||
		!strings.Contains(older, `data-complete="true"`) {
		t.Errorf("older posts: %d", strings.Count(older, `class="live-post"`))
	}
}

func TestAnswers(t *testing.T) {
	server := serve(t)
	form := "application/x-www-form-urlencoded"
	cases := []struct {
		method, path, body string
		header             []string
		status             int
		want               string
	}{
		{"GET", "/", "", nil, 200, "A &lt;b&gt;match"},
		{"HEAD", "/channels/match", "", nil, 200, ""},
		{"GET", "/channels/none", "", nil, 404, "no such page"},
		{"GET", "/channels/%00", "", nil, 400, "a mistake in the address"},
		{"GET", "/channels/match?before=x", "", nil, 400, "Check the address"},
		{"POST", "/channels/match", "", nil, 405, "can only be read"},
		{"GET", "/channels/secret", "", nil, 403, `value="/channels/secret"`},
		{"GET", "/channels/secret/transports", "", nil, 403, `"status":403`},
		{"GET", "/channels/match/transports", "", nil, 200, `{"transports":[{"name":"long-polling"`},
		{"POST", "/sign-in", "token=right&next=/channels/secret", []string{"Content-Type", form}, 303, ""},
		{"POST", "/sign-in", "token=wrong&next=/channels/secret", []string{"Content-Type", form}, 403, "not the right token"},
		{"POST", "/sign-in", "token=right", []string{"Content-Type", form, "Origin", "https://evil.example", "Accept", "text/html"}, 403, "this site"},
		{"POST", "/sign-in", "token=right", []string{"Content-Type", form, "Origin", "https://evil.example"}, 403, `{"status":403`},
		{"GET", "/sign-in", "", nil, 405, ""},
		{"GET", "/assets/none.js", "", nil, 404, ""},
		{"GET", "/assets/live.js", "", nil, 200, "export"},
	}
	for _, c := range cases {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			answer, body := do(t, c.method, server.URL+c.path, c.body, c.header...)
			if answer.StatusCode != c.status || !strings.Contains(body, c.want) {
				t.Errorf("%d %s", answer.StatusCode, body)
			}
		})
	}
	_, index := do(t, "GET", server.URL+"/", "")
	if strings.Contains(index, "Secret") {
		t.Error("the index lists a private channel")
	}
}

// The body of a refused request may be of any size. It must not be read.
func TestRefusedBodyIsNotRead(t *testing.T) {
	src := newSource()
	p := page.New(src, src.snapshot, &page.Options{
		SignIn: func(http.ResponseWriter, *http.Request, string) error { return nil },
	})
	for _, rt := range p.URLs() {
		if rt.Refuse == nil {
			continue
		}
		body := strings.NewReader("next=/channels/match")
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/channels/secret", body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		rt.Refuse(w, r, motacilla.ErrForbidden)
		if w.Code != http.StatusForbidden || body.Len() != int(body.Size()) {
			t.Errorf("%s: %d, %d of %d bytes left", rt.Name, w.Code, body.Len(), body.Size())
		}
		if strings.Contains(w.Body.String(), "not the right token") {
			t.Errorf("%s speaks of a token that nobody sent", rt.Name)
		}
	}
}

func TestVaryBesideCORS(t *testing.T) {
	src := newSource()
	for _, rt := range page.New(src, src.snapshot, nil).URLs() {
		if rt.Name != "page" {
			continue
		}
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/channels/match", nil)
		r.SetPathValue("channel_id", "match")
		w := httptest.NewRecorder()
		route.NewOrigins("https://www.example.org").CORS(rt.Handler).ServeHTTP(w, r)
		vary := strings.Join(w.Header().Values("Vary"), ", ")
		if !strings.Contains(vary, "Origin") || !strings.Contains(vary, "Cookie") {
			t.Errorf("Vary: %s", vary)
		}
	}
}

func TestSignInGoesNowhereElse(t *testing.T) {
	server := serve(t)
	for _, next := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "/\t/evil.example", ""} {
		answer, _ := do(t, "POST", server.URL+"/sign-in", url.Values{"token": {"right"}, "next": {next}}.Encode(),
			"Content-Type", "application/x-www-form-urlencoded")
		if got := answer.Header.Get("Location"); got != "/" {
			t.Errorf("next %q leads to %q", next, got)
		}
	}
}

func TestRenderPost(t *testing.T) {
	p := motacilla.Post{
		ID: motacilla.NewPostID(start), Author: `<i>"A"`, Created: start, Modified: start.Add(time.Minute), KeyEvent: true,
		Content: []motacilla.Block{
			motacilla.Text(motacilla.TrustedHTML("<p><em>Goal</em></p>")),
			{Type: motacilla.ImageBlock, URL: "https://example.org/a.jpg", Alt: `"alt"`, Width: 4, Height: 3},
			{Type: motacilla.EmbedBlock, URL: "https://www.youtube.com/watch?v=x&t=1"},
		},
	}
	rendered, err := page.NewRenderer().RenderPost(p)
	if err != nil {
		t.Fatal(err)
	}
	html := rendered.String()
	for _, want := range []string{
		`data-post-id="` + string(p.ID) + `"`, "live-post--key", "&lt;i&gt;&#34;A&#34;", "<em>Goal</em>", "Edited",
		`width="4" height="3"`, `alt="&#34;alt&#34;"`, ">youtube.com<", `datetime="2026-05-01T12:00:00.000000Z"`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("lacks %s in\n%s", want, html)
		}
	}
	if strings.Contains(html, "<iframe") || !strings.HasPrefix(html, "<div") || !strings.HasSuffix(html, "</div>") {
		t.Errorf("not one element without frames:\n%s", html)
	}
}

func TestNotFoundAnswersAsTheClientAccepts(t *testing.T) {
	const browser = "text/html,application/xhtml+xml"
	for _, tt := range []struct{ base, path, accept, want string }{
		{"", "/nope", browser, "text/html; charset=utf-8"},
		{"", "/nope", "*/*", "application/problem+json"},
		{"", "/nope", "", "application/problem+json"},
		{"", "/api/nope", browser, "application/problem+json"},
		{"/news/live", "/news/live/api/nope", browser, "application/problem+json"},
		{"/news/live", "/api/nope", browser, "application/problem+json"},
		{"/news/live", "/news/live/nope", browser, "text/html; charset=utf-8"},
	} {
		r := httptest.NewRequest(http.MethodGet, tt.path, nil)
		r.Header.Set("Accept", tt.accept)
		w := httptest.NewRecorder()
		page.New(nil, nil, &page.Options{Base: tt.base}).NotFound(w, r)
		if got := w.Header().Get("Content-Type"); w.Code != http.StatusNotFound || got != tt.want {
			t.Errorf("%s, Accept %q: %d %s, want 404 %s", tt.path, tt.accept, w.Code, got, tt.want)
		}
	}
}

// A page of another site imports modules by their plain names. A page of this server uses the names with a hash.
func TestAssetsForOtherSites(t *testing.T) {
	server := serve(t)
	for name, mediaType := range map[string]string{
		"live.js": "text/javascript; charset=utf-8", "live.d.ts": "application/typescript; charset=utf-8",
		"live-posts.js": "text/javascript; charset=utf-8", "live-posts.d.ts": "application/typescript; charset=utf-8",
		"types.d.ts": "application/typescript; charset=utf-8",
	} {
		answer, body := do(t, "GET", server.URL+"/assets/"+name, "", "Origin", "https://www.example.org")
		for header, want := range map[string]string{
			"Content-Type": mediaType, "Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*",
			"Access-Control-Allow-Credentials": "", "Vary": "", "X-Content-Type-Options": "nosniff",
		} {
			if got := answer.Header.Get(header); got != want {
				t.Errorf("%s: %s: %q, want %q", name, header, got, want)
			}
		}
		if body == "" {
			t.Errorf("%s is empty", name)
		}
		again, _ := do(t, "GET", server.URL+"/assets/"+name, "", "If-None-Match", answer.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: If-None-Match: %d", name, again.StatusCode)
		}
	}
	_, body := do(t, "GET", server.URL+"/channels/match", "")
	hashed := regexp.MustCompile(`src="(/assets/live\.[0-9a-f]{12}\.js)"`).FindStringSubmatch(body)
	if hashed == nil {
		t.Fatal("the page has no script with a hash in its name")
	}
	answer, _ := do(t, "GET", server.URL+hashed[1], "")
	if got := answer.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("%s: %q", hashed[1], got)
	}
}
