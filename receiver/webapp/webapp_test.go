package webapp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

const secret = "s3cret"

type server struct {
	http.Handler
	store  *memory.Store
	images *album
}

func serve(tb testing.TB, wrap func(receiver.Sink) receiver.Sink) *server {
	tb.Helper()
	store := memory.New(nil)
	tb.Cleanup(func() { _ = store.Close() })
	var sink receiver.Sink = store
	if wrap != nil {
		sink = wrap(store)
	}
	hook := route.NewToken(secret, sink.Channel, nil)
	table := route.NewTable()
	images := newAlbum()
	if err := table.Add("webapp", "/live", webapp.New(sink, hook.Authorize, &webapp.Options{Images: images}).URLs()...); err != nil {
		tb.Fatal(err)
	}
	return &server{held(tb, table), store, images}
}

type answer struct {
	*httptest.ResponseRecorder
}

func (a answer) json(tb testing.TB) map[string]any {
	tb.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.Body.Bytes(), &m); err != nil {
		tb.Fatalf("answer %q: %v", a.Body, err)
	}
	return m
}

// do sends a request with the token. header has names and values in turn. The name "-" removes the token.
func (s *server) do(tb testing.TB, method, target, body string, header ...string) answer {
	tb.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, reader)
	r.Header.Set("Authorization", "Bearer "+secret)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		switch {
		case header[i] == "-":
			r.Header.Del("Authorization")
		case header[i+1] == "":
			r.Header[header[i]] = []string{""}
		default:
			r.Header.Add(header[i], header[i+1])
			if header[i] == "Content-Type" {
				r.Header.Set(header[i], header[i+1])
			}
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return answer{w}
}

func (s *server) want(tb testing.TB, status int, method, target, body string, header ...string) map[string]any {
	tb.Helper()
	a := s.do(tb, method, target, body, header...)
	if a.Code != status {
		tb.Fatalf("%s %s %.80s: %d %s, want %d", method, target, body, a.Code, a.Body, status)
	}
	if a.Body.Len() == 0 {
		return nil
	}
	return a.json(tb)
}

func TestChannels(t *testing.T) {
	s := serve(t, nil)
	a := s.do(t, "POST", "/api/channels", `{"id":"match:42","title":"Final"}`)
	if a.Code != 201 || a.Header().Get("Location") != "/api/channels/match:42" {
		t.Fatalf("create: %d %v %s", a.Code, a.Header(), a.Body)
	}
	c := a.json(t)
	if c["id"] != "match:42" || c["title"] != "Final" || c["access"] != "public" ||
		c["ended"] != nil || c["revision"] == 0.0 {
		t.Errorf("channel %v", c)
	}
	if _, err := parseExact(c["created"].(string)); err != nil {
		t.Error(err)
	}
	s.want(t, 409, "POST", "/api/channels", `{"id":"match:42"}`)
	ended := s.want(t, 200, "PATCH", "/api/channels/match:42", `{"ended":"2026-01-02T04:04:05.1234567+01:00"}`)
	if ended["ended"] != "2026-01-02T03:04:05.123456Z" || ended["revision"] == c["revision"] {
		t.Errorf("ended %v", ended)
	}
	same := s.want(t, 200, "PATCH", "/api/channels/match:42", `{"ended":"2026-01-02T03:04:05.123456Z","title":"Final"}`)
	if same["revision"] != ended["revision"] {
		t.Errorf("nothing changed, but the revision did: %v", same)
	}
	if open := s.want(t, 200, "PATCH", "/api/channels/match:42", `{"ended":null}`); open["ended"] != nil {
		t.Errorf("reopened %v", open)
	}
	s.want(t, 200, "GET", "/api/channels/match:42/", "", "-", "-")
	s.want(t, 204, "DELETE", "/api/channels/match:42", "")
	s.want(t, 404, "DELETE", "/api/channels/match:42", "")
	s.want(t, 404, "GET", "/api/channels/match:42", "")
	s.want(t, 404, "POST", "/api/channels/match:42/posts", `{"text":"x"}`)
}

func parseExact(s string) (motacilla.Post, error) {
	var p motacilla.Post
	if len(s) != len(motacilla.TimeFormat) {
		return p, motacilla.Invalid("time", "%q has not six decimals", s)
	}
	return p, p.Created.UnmarshalText([]byte(s))
}

func TestPrivateChannelsAreLeftOut(t *testing.T) {
	s := serve(t, nil)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		access := "public"
		if id == "b" || id == "d" || id == "e" {
			access = "private"
		}
		s.want(t, 201, "POST", "/api/channels", `{"id":"`+id+`","access":"`+access+`"}`)
	}
	list := func(target string, header ...string) string {
		m := s.want(t, 200, "GET", target, "", header...)
		ids := ""
		for _, c := range m["channels"].([]any) {
			ids += c.(map[string]any)["id"].(string)
		}
		if next, ok := m["next"].(string); ok {
			ids += ">" + next
		}
		return ids
	}
	for _, c := range []struct{ target, reader, writer string }{
		{"/api/channels", "ac", "abcde"},
		{"/api/channels?limit=1", "a>a", "a>a"},
		{"/api/channels?limit=1&after=a", "c", "b>b"},
		{"/api/channels?limit=2", "ac", "ab>b"},
		{"/api/channels?after=c", "", "de"},
	} {
		if got := list(c.target, "-", "-"); got != c.reader {
			t.Errorf("%s: readers get %q, want %q", c.target, got, c.reader)
		}
		if got := list(c.target); got != c.writer {
			t.Errorf("%s: with the token %q, want %q", c.target, got, c.writer)
		}
	}
	p := s.want(t, 201, "POST", "/api/channels/b/posts", `{"text":"x"}`)
	for _, tail := range []string{"", "/posts", "/posts/" + p["id"].(string)} {
		target := "/api/channels/b" + tail
		s.want(t, 403, "GET", target, "", "-", "-")
		s.want(t, 200, "GET", target, "")
	}
}

func TestPosts(t *testing.T) {
	s := serve(t, nil)
	s.want(t, 201, "POST", "/api/channels", `{"id":"c"}`)
	const posts = "/api/channels/c/posts"
	a := s.do(t, "POST", posts, `{"text":"<b onclick=x()>Goal</b><script>x</script>\nhttps://youtu.be/abc","author":"Ann",
		"message_id":"m1","pinned":true,"key_event":true,"created":"1999-12-31T23:59:59Z"}`)
	p := a.json(t)
	one := posts + "/" + p["id"].(string)
	if a.Code != 201 || a.Header().Get("Location") != one || a.Header().Get("ETag") == "" {
		t.Fatalf("create: %d %v %s", a.Code, a.Header(), a.Body)
	}
	const content = `"content":[{"type":"text","value":{"text":"<b>Goal</b>"}},` +
		`{"type":"embed","value":{"url":"https://youtu.be/abc"}}]`
	for _, part := range []string{`"message_id":"m1"`, `"channel":"c"`,
		`"source":"webapp"`, `"author":"Ann"`, `"show":true`,
		`"pinned":true`, `"key_event":true`, `"created":"1999-12-31T23:59:59.000000Z"`, content} {
		if !strings.Contains(a.Body.String(), part) {
			t.Errorf("no %s in %s", part, a.Body)
		}
	}
	again := s.do(t, "POST", posts, `{"text":"other"}`, "Idempotency-Key", "m1")
	if again.Code != 200 || again.Body.String() != a.Body.String() {
		t.Errorf("retry: %d %s", again.Code, again.Body)
	}
	s.want(t, 200, "POST", posts, `{"text":"other","message_id":"m1"}`, "Idempotency-Key", "m1")
	s.want(t, 400, "POST", posts, `{"text":"other","message_id":"m1"}`, "Idempotency-Key", "m2")

	tag := a.Header().Get("ETag")
	if got := s.do(t, "GET", one, "", "-", "-"); got.Code != 200 ||
		got.Header().Get("ETag") != tag || got.Body.String() != a.Body.String() {
		t.Errorf("get: %d %s", got.Code, got.Body)
	}
	for header, status := range map[string]int{
		tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"1"`: 200, "x": 400,
	} {
		if got := s.do(t, "GET", one, "", "If-None-Match", header); got.Code != status {
			t.Errorf("If-None-Match: %s: %d, want %d", header, got.Code, status)
		}
	}
	for _, header := range []string{`"1"`, "W/" + tag} {
		s.want(t, 412, "PATCH", one, `{"text":"x"}`, "If-Match", header)
		s.want(t, 412, "DELETE", one, "", "If-Match", header)
	}
	for _, same := range []string{`{}`, `{"author":"Ann","pinned":true}`, `{"text":"<b>Goal</b>\nhttps://youtu.be/abc"}`} {
		if got := s.do(t, "PATCH", one, same, "If-Match", tag); got.Code != 200 || got.Header().Get("ETag") != tag {
			t.Errorf("PATCH %s: %d %v", same, got.Code, got.Header())
		}
	}
	s.want(t, 200, "PATCH", one, `{"show":false,"author":"Bea"}`, "If-Match", tag)
	s.want(t, 412, "PATCH", one, `{"show":true}`, "If-Match", tag)
	repeated := s.want(t, 200, "PATCH", one, `{"show":false,"author":"Bea"}`, "If-Match", tag) // its answer was lost
	if now := s.want(t, 200, "GET", one, ""); now["revision"] != repeated["revision"] {
		t.Errorf("a repeated patch changed the post: %v, then %v", repeated, now)
	}
	s.want(t, 412, "PATCH", one, `{"show":false,"author":"Bea","pinned":false}`, "If-Match", tag)
	s.want(t, 404, "GET", one, "", "-", "-")
	s.want(t, 404, "GET", one, "", "Authorization", "Bearer wrong", "-", "-")
	if got := s.want(t, 200, "GET", one, ""); got["author"] != "Bea" || got["show"] != false {
		t.Errorf("hidden post %v", got)
	}
	s.want(t, 204, "DELETE", one, "", "If-Match", "*")
	s.want(t, 404, "DELETE", one, "")
	s.want(t, 404, "PATCH", one, `{"text":"x"}`)
	s.want(t, 410, "POST", posts, `{"text":"x","message_id":"m1"}`)
}

func TestListing(t *testing.T) {
	s := serve(t, nil)
	s.want(t, 201, "POST", "/api/channels", `{"id":"c"}`)
	var ids []string
	for _, body := range []string{`{"text":"1"}`, `{"text":"2","show":false}`, `{"text":"3"}`, `{"text":"4"}`} {
		ids = append(ids, s.want(t, 201, "POST", "/api/channels/c/posts", body)["id"].(string))
	}
	walk := func(first string, header ...string) string {
		texts, target := "", "/api/channels/c/posts?"+first
		for range 10 {
			m := s.want(t, 200, "GET", target, "", header...)
			if m["head"] == 0.0 {
				t.Error("no head")
			}
			for _, p := range m["posts"].([]any) {
				block := p.(map[string]any)["content"].([]any)[0].(map[string]any)
				texts += block["value"].(map[string]any)["text"].(string)
			}
			next, ok := m["next"].(string)
			if !ok {
				return texts
			}
			texts += ","
			target = "/api/channels/c/posts?limit=1&before=" + next
		}
		return texts + "…"
	}
	for _, c := range []struct{ query, reader, writer string }{
		{"", "431", "4321"},
		{"limit=1", "4,3,1", "4,3,2,1"},
		{"limit=2", "43,1", "43,2,1"},
		{"before=" + ids[2], "1", "21"},
		{"before=" + ids[1], "1", "1"},
		{"before=" + ids[0], "", ""},
	} {
		if got := walk(c.query, "-", "-"); got != c.reader {
			t.Errorf("%s: readers get %q, want %q", c.query, got, c.reader)
		}
		if got := walk(c.query); got != c.writer {
			t.Errorf("%s: with the token %q, want %q", c.query, got, c.writer)
		}
	}
}

func TestWritingIsRefusedBeforeTheBodyIsRead(t *testing.T) {
	s := serve(t, nil)
	s.want(t, 201, "POST", "/api/channels", `{"id":"c"}`)
	post := "/api/channels/c/posts/" + s.want(t, 201, "POST", "/api/channels/c/posts", `{"text":"x"}`)["id"].(string)
	before := s.state(t)
	for _, c := range []struct{ method, target string }{
		{"POST", "/api/channels"}, {"PATCH", "/api/channels/c"}, {"DELETE", "/api/channels/c"},
		{"POST", "/api/channels/c/posts"}, {"PATCH", post}, {"DELETE", post}, {"POST", "/api/media"},
	} {
		for _, token := range []string{"", "Bearer wrong", "Basic " + secret, "Bearer", secret} {
			r := httptest.NewRequest(c.method, c.target, unread{t})
			if token != "" {
				r.Header.Set("Authorization", token)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != 401 || w.Header().Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s %s with %q: %d", c.method, c.target, token, w.Code)
			}
		}
		for name, value := range map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"} {
			s.want(t, 403, c.method, c.target, `{}`, name, value)
		}
		s.want(t, 403, c.method, c.target, `{}`, "Origin", "null")
	}
	if after := s.state(t); after != before || s.images.count() > 0 {
		t.Errorf("changed:\n%s\n%s", before, after)
	}
	s.want(t, 200, "PATCH", "/api/channels/c", `{}`, "Origin", "http://example.com")
}

type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// state returns everything that the store holds.
func (s *server) state(tb testing.TB) string {
	tb.Helper()
	ctx := context.Background()
	var out bytes.Buffer
	channels, err := s.store.Channels(ctx, "", 1000)
	if err != nil {
		tb.Fatal(err)
	}
	enc := json.NewEncoder(&out)
	for _, c := range channels {
		heads, err := s.store.Heads(ctx, []motacilla.ChannelID{c.ID})
		if err != nil {
			tb.Fatal(err)
		}
		page, err := s.store.Posts(ctx, c.ID, motacilla.Query{Limit: 1000})
		if err != nil {
			tb.Fatal(err)
		}
		if err := enc.Encode([]any{c, heads, page}); err != nil {
			tb.Fatal(err)
		}
	}
	return out.String()
}

// down is a sink that is unavailable.
type down struct{ receiver.Sink }

func (down) Channel(context.Context, motacilla.ChannelID) (motacilla.Channel, error) {
	return motacilla.Channel{}, motacilla.ErrUnavailable
}

func (down) Channels(context.Context, motacilla.ChannelID, int) ([]motacilla.Channel, error) {
	return nil, motacilla.ErrUnavailable
}

func (down) PutPost(context.Context, motacilla.ChannelID, motacilla.Post, motacilla.Revision) (motacilla.Post, error) {
	return motacilla.Post{}, context.DeadlineExceeded
}

func TestOutage(t *testing.T) {
	s := serve(t, func(s receiver.Sink) receiver.Sink { return down{s} })
	for _, c := range []struct{ method, target, body string }{
		{"GET", "/api/channels", ""}, {"GET", "/api/channels/c", ""}, {"POST", "/api/channels/c/posts", `{"text":"x"}`},
	} {
		a := s.do(t, c.method, c.target, c.body)
		if a.Code != 503 || a.Header().Get("Retry-After") == "" {
			t.Errorf("%s %s: %d %v", c.method, c.target, a.Code, a.Header())
		}
	}
	s.want(t, 503, "GET", "/api/channels/c/posts", "", "-", "-")
}

// TestScore: a score is kept as it was sent, and markup in it is text.
func TestScore(t *testing.T) {
	s := serve(t, nil)
	s.want(t, 201, "POST", "/api/channels", `{"id":"c"}`)
	const score = `{"type":"score","value":{"home":"<b>A","away":"B","home_score":"2","away_score":"1","note":"67'"}}`
	a := s.do(t, "POST", "/api/channels/c/posts", `{"content":[`+score+`]}`)
	if a.Code != 201 || !strings.Contains(a.Body.String(), score) {
		t.Errorf("%d %s", a.Code, a.Body)
	}
}
