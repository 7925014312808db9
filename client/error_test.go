package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
)

// TestErrorsOfCalls has the server, and others, refuse calls.
func TestErrorsOfCalls(t *testing.T) {
	id := motacilla.NewPostID(motacilla.Revision(1).Time())
	post := fmt.Sprintf(`{"id":%q,"channel":"match-42","content":[]}`, id)
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   error // nil: none of the root package's
		text   string
	}{
		{"400", problem(400), motacilla.ErrInvalid, "the server answered 400 Bad Request: why"},
		{"413", problem(413), motacilla.ErrInvalid, "413"},
		{"401", problem(401), motacilla.ErrUnauthorized, "401"},
		{"403", problem(403), motacilla.ErrForbidden, "403"},
		{"404", problem(404), motacilla.ErrNotFound, "404"},
		{"409", problem(409), motacilla.ErrConflict, "409"},
		{"410", problem(410), motacilla.ErrDeleted, "410"},
		{"412", problem(412), motacilla.ErrConflict, "412"},
		{"429", problem(429), motacilla.ErrTooMany, "429"},
		{"503", problem(503), motacilla.ErrUnavailable, "503"},
		{"500", problem(500), nil, "500"},
		{"a proxy's 404", say(404, html, "no"), nil, "the server answered 404 Not Found, not as Motacilla does"},
		{"a proxy's 403", say(403, html, "no"), nil, "not as Motacilla does"},
		{"a proxy's 502", say(502, html, "no"), motacilla.ErrUnavailable, "not as Motacilla does"},
		{"a problem of another status", say(404, "application/problem+json", `{"status":403,"title":"x"}`), nil, "not as Motacilla does"},
		{"a page", say(200, html, "<html>"), nil, "the server answered 200 OK, not as Motacilla does"},
		{"an empty object", say(200, "application/json", "{}"), nil, "not as Motacilla does: post_id: must be"},
		{"another post", say(200, "application/json", strings.Replace(post, "match-42", "match-43", 1)), nil, `it is about post`},
		{"a status nobody knows", say(799, html, ""), nil, "the server answered 799, not as Motacilla does"},
	} {
		o := through(t, tt.answer)
		o.Attempts = 1
		c := newClient(t, "http://live.example", o)
		for _, err := range []error{
			second(c.EditPost(patient(t), match, id, client.PostChange{Text: "x"})), second(c.Post(patient(t), match, id)),
		} {
			var answer *client.Error
			if !errors.As(err, &answer) || !strings.Contains(err.Error(), tt.text) || tt.want != nil && !errors.Is(err, tt.want) ||
				tt.want == nil && errors.Unwrap(answer) != nil || !strings.Contains(err.Error(), string(id)) {
				t.Errorf("%s: %v; want %v, %q", tt.name, err, tt.want, tt.text)
			}
		}
	}
}

// TestArguments has wrong arguments, which are not sent.
func TestArguments(t *testing.T) {
	for base, o := range map[string]*client.Options{
		"live.example": nil, "ftp://live.example": nil, "http://": nil, "": nil, ":": nil,
		"http://live.example": {Token: "a\nb"}, "http://live.example/": {UserAgent: "a\nb"},
	} {
		if _, err := client.New(base, o); !errors.Is(err, motacilla.ErrInvalid) || strings.Contains(err.Error(), "a\nb") {
			t.Errorf("New(%q): %v", base, err)
		}
	}
	o := through(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was sent", r.URL) }))
	c, ctx := newClient(t, "http://live.example", o), patient(t)
	id := motacilla.NewPostID(motacilla.Revision(1).Time())
	for name, err := range map[string]error{
		"channel":        second(c.CreateChannel(ctx, client.NewChannel{ID: "a/b"})),
		"no channel":     second(c.Channel(ctx, "")),
		"only dots":      c.DeleteChannel(ctx, ".."),
		"list":           second(c.PostPage(ctx, "a?b", "", 0)),
		"post":           second(c.Post(ctx, match, "../x")),
		"no post":        second(c.EditPost(ctx, match, "", client.PostChange{})),
		"post to delete": c.DeletePost(ctx, match, "", 0),
		"its channel":    c.DeletePost(ctx, "", id, 0),
		"block":          second(c.CreatePost(ctx, match, client.NewPost{Content: []motacilla.RawBlock{{Type: "pigeon"}}})),
	} {
		if !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRedirects follows redirects. The token stays with its server, and a write is not made a read.
func TestRedirects(t *testing.T) {
	id := motacilla.NewPostID(motacilla.Revision(1).Time())
	post := fmt.Sprintf(`{"id":%q,"channel":"match-42","content":[]}`, id)
	for _, tt := range []struct {
		name   string
		status int
		to     string
		want   string // the requests; the token as +
		read   bool
		ok     bool
	}{
		{"a read, to another host", 302, "http://other.example/there", "GET live.example/api/channels/match-42/posts/ID+, GET other.example/there", true, true},
		{"a read, on the same host", 308, "/there", "GET live.example/api/channels/match-42/posts/ID+, GET live.example/there+", true, true},
		{"a write, on the same host", 308, "/there", "POST live.example/api/channels/match-42/posts+, POST live.example/there+", false, true},
		{"a write that would become a read", 302, "/there", "POST live.example/api/channels/match-42/posts+", false, false},
		{"a write, to another host", 307, "http://other.example/there", "POST live.example/api/channels/match-42/posts+", false, false},
	} {
		var mu sync.Mutex
		var seen []string
		o := through(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			line := r.Method + " " + r.Host + strings.Replace(r.URL.Path, string(id), "ID", 1)
			if r.Header.Get("Authorization") == "Bearer "+secret {
				line += "+"
			}
			if seen = append(seen, line); r.Header.Get("User-Agent") != "ticker/1" {
				t.Errorf("%s: User-Agent %q", line, r.Header.Get("User-Agent"))
			}
			if r.URL.Path != "/there" {
				http.Redirect(w, r, tt.to, tt.status)
				return
			}
			if r.Method == http.MethodPost && !bytes.Contains(body, []byte("Goal")) {
				t.Errorf("the body is lost: %s", body)
			}
			_, _ = io.WriteString(w, post)
		}))
		o.UserAgent = "ticker/1"
		c := newClient(t, "http://live.example", o)
		var err error
		if tt.read {
			_, err = c.Post(patient(t), match, id)
		} else {
			_, err = c.CreatePost(patient(t), match, client.NewPost{Text: "Goal"})
		}
		if got := strings.Join(seen, ", "); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s: asked %s, want %s; %v", tt.name, got, tt.want, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "redirects to") || strings.Contains(err.Error(), secret)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestTokenIsInNoError has calls and Follow fail, also with a password in the URL.
func TestTokenIsInNoError(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"broken": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "problem": problem(403), "page": say(200, html, "x"),
	} {
		o := through(t, h)
		o.Attempts = 2
		var seen []string
		note := func(err error) { seen = append(seen, fmt.Sprintf("%v %+v", err, err)) }
		o.Retry = func(err error, _ time.Duration) error { note(err); return nil }
		c := newClient(t, "http://mara:pa55word@live.example", o)
		_, err := c.CreateChannel(patient(t), client.NewChannel{ID: match})
		note(err)
		stop := errors.New("stop")
		for _, err := range c.Follow(patient(t), match, &client.FollowOptions{Retry: func(err error, _ time.Duration) error { note(err); return stop }}) {
			note(err)
		}
		for _, text := range seen {
			if strings.Contains(text, secret) || strings.Contains(text, "pa55word") {
				t.Errorf("%s: %s", name, text)
			}
		}
		if len(seen) < 2 {
			t.Errorf("%s: only %q", name, seen)
		}
	}
}

// FuzzAnswer reads what a server may answer. What is taken for an answer is one.
func FuzzAnswer(f *testing.F) {
	id := motacilla.NewPostID(motacilla.Revision(1).Time())
	f.Add(200, "application/json", `{"id":"`+string(id)+`","channel":"match-42","created":"2026-03-01T12:00:00.5Z","content":[{"type":"text","value":{"text":"<p>"}}],"revision":7}`, "")
	f.Add(200, "application/json", `{"posts":[],"head":7,"next":null}`, "")
	f.Add(200, "application/json", `{"channels":[{"id":"c","access":"public","ended":null,"revision":-1}],"next":"c"}`, "")
	f.Add(404, "application/problem+json", `{"status":404,"title":"Not Found","detail":"x"}`, "")
	f.Add(503, "application/problem+json; charset=utf-8", `{"status":503,"title":"x","field":"y","type":"about:blank"}`, "40")
	f.Add(409, "text/html", "<html>", "Sun, 01 Mar 2026 12:00:40 GMT")
	f.Add(301, "text/html", "", "")
	f.Fuzz(func(t *testing.T, status int, kind, body, after string) {
		if status < 200 || status > 999 {
			return
		}
		answer := answers(func(req *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Header: http.Header{"Content-Type": {kind}, "Retry-After": {after}},
				Body: io.NopCloser(strings.NewReader(body)), Request: req,
			}, nil
		})
		c := newClient(t, "http://live.example", &client.Options{HTTP: &http.Client{Transport: answer}, Attempts: 1})
		ctx := t.Context()
		channel, err1 := c.Channel(ctx, match)
		again(t, channel, err1)
		post, err2 := c.Post(ctx, match, id)
		again(t, post, err2)
		channels, err3 := c.ChannelPage(ctx, "", 0)
		again(t, channels, err3)
		posts, err4 := c.PostPage(ctx, match, "", 0)
		again(t, posts, err4)
		for _, err := range []error{err1, err2, err3, err4, c.DeletePost(ctx, match, id, 0)} {
			var e *client.Error
			if err == nil {
				continue
			}
			if !errors.As(err, &e) || e.Status != status || e.RetryAfter < 0 || e.Error() == "" {
				t.Fatalf("%d %q is %v", status, body, err)
			}
			if foreign := e.Title == ""; foreign && (errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrInvalid)) {
				t.Fatalf("%v is taken for the server's own", err)
			}
		}
	})
}

type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) { return a(req) }

// again checks that v, if it is one, survives JSON.
func again[T any](t *testing.T, v T, err error) {
	if err != nil {
		return
	}
	var back T
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil || !reflect.DeepEqual(v, back) {
		t.Fatalf("%+v\nin JSON %s\nis %+v, %v", v, text, back, err)
	}
}
