package durablestreams_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/durablestreams"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/route"
)

const (
	match   = publishertest.Channel
	members = publishertest.Members
)

// site is a server with the publisher, whose channels may be read from https://www.example.org.
type site struct {
	*publishertest.Site
	*publishertest.Server
	publisher *durablestreams.Publisher
}

func open(t *testing.T, o *durablestreams.Options, feed publisher.FeedOptions, server publishertest.ServerOptions) *site {
	t.Helper()
	s := &site{Site: publishertest.NewSite(t, &publishertest.SiteOptions{Feed: feed})}
	s.publisher = durablestreams.New(s.Feed, o)
	s.Add(s.publisher)
	server.Handler = func(routes http.Handler) http.Handler {
		return route.NewOrigins("https://www.example.org").CORS(routes)
	}
	s.Server = s.Serve(&server)
	s.HTTP.Transport.(*http.Transport).DisableCompression = true
	return s
}

func usual(t *testing.T) *site {
	return open(t, nil, publisher.FeedOptions{}, publishertest.ServerOptions{})
}

// send sends a request. header has names and values.
func (s *site) send(method string, ch motacilla.ChannelID, query string, header ...string) *http.Response {
	s.Helper()
	url := s.URL + "/live/durable-streams/" + string(ch) + "/" + query
	req, err := http.NewRequestWithContext(s.Context(), method, url, nil)
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// answer is an answer that has been read.
type answer struct {
	*http.Response
	body string
}

func (s *site) ask(method string, ch motacilla.ChannelID, query string, header ...string) answer {
	s.Helper()
	resp := s.send(method, ch, query, header...)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return answer{resp, string(body)}
}

func (s *site) get(query string, header ...string) answer {
	s.Helper()
	return s.ask(http.MethodGet, match, query, header...)
}

// messages returns the updates of an answer.
func (s *site) messages(a answer) (list []motacilla.Update) {
	s.Helper()
	if err := json.Unmarshal([]byte(a.body), &list); err != nil {
		s.Fatalf("%v: %s", err, a.body)
	}
	return list
}

func offset(r motacilla.Revision) string { return fmt.Sprintf("%019d", r) }

// TestCatchUp reads without waiting: from the beginning, from each offset, and from the end.
func TestCatchUp(t *testing.T) {
	s := usual(t)
	empty := s.Head(match)
	s.Post(match, "one")
	for query, want := range map[string]struct {
		posts int
		reset bool
	}{
		"":                                 {1, true},
		"?offset=-1":                       {1, true},
		"?offset=-1&unknown=x":             {1, true},
		"?offset=" + offset(empty):         {1, false},
		"?offset=" + offset(empty-1):       {1, true}, // never issued
		"?offset=" + offset(1):             {1, true},
		"?offset=" + offset(1<<63-1):       {1, true},
		"?offset=now":                      {-1, false},
		"?offset=" + offset(s.Head(match)): {-1, false},
	} {
		a := s.get(query)
		list := s.messages(a)
		h := a.Header
		if a.StatusCode != 200 || h.Get("Content-Type") != "application/json" || h.Get("Stream-Next-Offset") != offset(s.Head(match)) ||
			h.Get("Stream-Up-To-Date") != "true" || h.Get("Stream-Closed") != "" {
			t.Errorf("%s: %s %v", query, a.Status, h)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: %v", query, h)
		}
		now := query == "?offset=now"
		if (h.Get("ETag") == "") != now || strings.Contains(h.Get("Cache-Control"), "no-store") != now {
			t.Errorf("%s: ETag %q, Cache-Control %q", query, h.Get("ETag"), h.Get("Cache-Control"))
		}
		switch {
		case want.posts < 0 && a.body != "[]":
			t.Errorf("%s: %s, want no message", query, a.body)
		case want.posts >= 0 && (len(list) != 1 || len(list[0].Renders) != want.posts || list[0].Reset != want.reset):
			t.Errorf("%s: %s, want %+v", query, a.body, want)
		}
	}
	if a, b := s.get("").body, s.get("?offset=-1").body; a != b {
		t.Errorf("without an offset\n%s\nfrom -1\n%s", a, b)
	}
}

func TestRefusals(t *testing.T) {
	s := usual(t)
	for query, status := range map[string]int{
		"?offset=": 400, "?offset=0": 400, "?offset=a&offset=b": 400, "?offset=0,1": 400, "?offset=0%201": 400, "?offset=NOW": 400,
		"?offset=-2": 400, "?live=sse": 400, "?live=long-poll": 400, "?offset=-1&live=": 400, "?offset=-1&live=both": 400,
		"?offset=-1&live=sse&live=sse": 400, "?offset=" + offset(0): 400, "?offset=5": 400, "?offset=9999999999999999999": 400,
	} {
		if a := s.get(query); a.StatusCode != status || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s %s, want %d", query, a.Status, a.body, status)
		}
	}
	for _, query := range []string{"", "?offset=now", "?offset=now&live=sse", "?offset=now&live=long-poll", "?offset=-1&live=sse",
		"?offset=-1&live=long-poll", "?offset=" + offset(5)} {
		if a := s.ask(http.MethodGet, "none", query); a.StatusCode != 404 || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("an unknown channel, %s: %s", query, a.Status)
		}
		if a := s.ask(http.MethodGet, members, query); a.StatusCode != 403 {
			t.Errorf("a private channel, %s: %s", query, a.Status)
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodPatch} {
		a := s.ask(method, match, "", "Stream-Closed", "true", "Stream-Forked-From", "/live/durable-streams/members/")
		if a.StatusCode != 405 || a.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %s, Allow %q", method, a.Status, a.Header.Get("Allow"))
		}
	}
}

func TestHead(t *testing.T) {
	s := usual(t)
	s.Post(match, "one")
	for query := range map[string]bool{"": true, "?offset=-1&live=sse": true, "?offset=now&live=long-poll": true} {
		a := s.ask(http.MethodHead, match, query)
		if h := a.Header; a.StatusCode != 200 || a.body != "" || h.Get("Stream-Next-Offset") != offset(s.Head(match)) ||
			h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("HEAD %s: %s %v %q", query, a.Status, h, a.body)
		}
	}
	if a := s.ask(http.MethodHead, "none", ""); a.StatusCode != 404 {
		t.Errorf("an unknown channel: %s", a.Status)
	}
	if a := s.ask(http.MethodHead, members, ""); a.StatusCode != 403 {
		t.Errorf("a private channel: %s", a.Status)
	}
	if a := s.ask(http.MethodHead, members, "", "Authorization", "Bearer "+publishertest.Secret); a.StatusCode != 200 {
		t.Errorf("a private channel with the token: %s", a.Status)
	}
}

// TestETags: an answer has another tag if what it leads to, where it begins or its coding is another one.
func TestETags(t *testing.T) {
	s := usual(t)
	s.Post(match, strings.Repeat("A long report. ", 100))
	plain, short := s.get(""), s.get("", "Accept-Encoding", "gzip")
	tag := plain.Header.Get("ETag")
	if short.Header.Get("ETag") == tag || short.Header.Get("Content-Encoding") != "gzip" || !slices.Contains(short.Header["Vary"], "Accept-Encoding") {
		t.Errorf("with gzip: %v", short.Header)
	}
	if r, err := gzip.NewReader(strings.NewReader(short.body)); err != nil {
		t.Error(err)
	} else if body, err := io.ReadAll(r); err != nil || string(body) != plain.body {
		t.Errorf("gzip has %s (%v), want %s", body, err, plain.body)
	}
	for range 2 {
		if a := s.get("", "If-None-Match", tag); a.StatusCode != 304 || a.body != "" || a.Header.Get("ETag") != tag ||
			a.Header.Get("Stream-Next-Offset") != offset(s.Head(match)) {
			t.Errorf("If-None-Match: %s %v %q", a.Status, a.Header, a.body)
		}
	}
	if a := s.get("?offset="+offset(s.Head(match)), "If-None-Match", tag); a.StatusCode != 200 || a.Header.Get("ETag") == tag {
		t.Errorf("another offset: %s %v", a.Status, a.Header)
	}
	s.Post(match, "one more")
	if a := s.get("", "If-None-Match", tag); a.StatusCode != 200 || a.Header.Get("ETag") == tag {
		t.Errorf("after a change: %s %v", a.Status, a.Header)
	}
}

// TestPrivate: no cache may keep what is private, and it is not compressed.
func TestPrivate(t *testing.T) {
	s := usual(t)
	s.Post(members, strings.Repeat("A long report. ", 100))
	for _, query := range []string{"", "?offset=-1&live=long-poll"} {
		a := s.ask(http.MethodGet, members, query, "Authorization", "Bearer "+publishertest.Secret, "Accept-Encoding", "gzip")
		if a.StatusCode != 200 || !strings.Contains(a.Header.Get("Cache-Control"), "no-store") || a.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %s %v", query, a.Status, a.Header)
		}
	}
}

// TestLongPoll: a request is held until there is something or its time is up. Each answer has a cursor, which is more than the
// reader's.
func TestLongPoll(t *testing.T) {
	s := open(t, &durablestreams.Options{Hold: 10 * time.Millisecond}, publisher.FeedOptions{}, publishertest.ServerOptions{})
	seen := 0
	cursor := func(a answer) {
		t.Helper()
		next, err := strconv.Atoi(a.Header.Get("Stream-Cursor"))
		if err != nil || next <= seen {
			t.Fatalf("the cursor is %q, after %d", a.Header.Get("Stream-Cursor"), seen)
		}
		seen = next
	}
	s.Post(match, "one")
	a := s.get("?offset=-1&live=long-poll")
	cursor(a)
	if list := s.messages(a); len(list) != 1 || !list[0].Reset || a.Header.Get("ETag") == "" ||
		a.Header.Get("Cache-Control") != "public, max-age=0, s-maxage=3" {
		t.Errorf("%s %v", a.body, a.Header)
	}
	for _, at := range []string{offset(s.Head(match)), "now", "now"} {
		a = s.get(fmt.Sprintf("?offset=%s&live=long-poll&cursor=%d", at, seen))
		cursor(a)
		if h := a.Header; a.StatusCode != 204 || a.body != "" || h.Get("Stream-Next-Offset") != offset(s.Head(match)) ||
			h.Get("Stream-Up-To-Date") != "true" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("from %s: %s %v %q", at, a.Status, h, a.body)
		}
	}
	seen += 1e9 // a reader may have been at a server whose clock is ahead
	a = s.get(fmt.Sprintf("?offset=now&live=long-poll&cursor=%d", seen))
	cursor(a)
	if a = s.get("?offset=now&live=long-poll&cursor=x"); a.StatusCode != 204 || a.Header.Get("Stream-Cursor") == "" {
		t.Errorf("with a cursor that is none: %s %v", a.Status, a.Header)
	}
}

// TestDeleted: who was there gets the end of a stream, and who comes later is told that there is none.
func TestDeleted(t *testing.T) {
	s := open(t, &durablestreams.Options{Hold: time.Hour}, publisher.FeedOptions{}, publishertest.ServerOptions{})
	answers := make(chan answer, 1)
	go func() { answers <- s.get("?offset=now&live=long-poll") }()
	s.Eventually("the request is held", func() bool { return s.Stats("durable-streams").Readers.Load() == 1 })
	if _, err := s.Store.DeleteChannel(t.Context(), match); err != nil {
		t.Fatal(err)
	}
	a := <-answers
	if list := s.messages(a); len(list) != 1 || !list[0].Gone || a.Header.Get("Stream-Closed") != "true" ||
		a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Stream-Next-Offset") != offset(list[0].Revision) {
		t.Errorf("%s %v", a.body, a.Header)
	}
	for _, query := range []string{"", "?offset=now", "?offset=-1&live=long-poll", "?offset=-1&live=sse"} {
		if a := s.get(query); a.StatusCode != 404 {
			t.Errorf("%s: %s %s", query, a.Status, a.body)
		}
	}
}

// TestLimit: a reader beyond the limit is told to come again.
func TestLimit(t *testing.T) {
	feed := publisher.FeedOptions{Limits: publisher.Limits{Readers: 1}}
	s := open(t, &durablestreams.Options{Hold: time.Hour}, feed, publishertest.ServerOptions{})
	s.send(http.MethodGet, match, "?offset=now&live=sse")
	for _, live := range []string{"sse", "long-poll"} {
		if a := s.get("?offset=now&live=" + live); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %s %v", live, a.Status, a.Header)
		}
	}
	if a := s.get(""); a.StatusCode != 200 { // it is not held
		t.Errorf("catch-up: %s", a.Status)
	}
}

// TestLimitOfHeld: a request that was answered counts no longer.
func TestLimitOfHeld(t *testing.T) {
	feed := publisher.FeedOptions{Limits: publisher.Limits{Readers: 1}}
	s := open(t, &durablestreams.Options{Hold: 10 * time.Millisecond}, feed, publishertest.ServerOptions{})
	for range 3 {
		if a := s.get("?offset=now&live=long-poll"); a.StatusCode != 204 {
			t.Errorf("%s %s", a.Status, a.body)
		}
	}
}

// TestAfterShutdown: a request that would be held is told to come again, so that the client does not ask again at once.
func TestAfterShutdown(t *testing.T) {
	s := usual(t)
	if err := s.publisher.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, live := range []string{"sse", "long-poll"} {
		if a := s.get("?offset=now&live=" + live); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %s %v", live, a.Status, a.Header)
		}
	}
	if a := s.get("?offset=-1&live=long-poll"); a.StatusCode != 200 {
		t.Errorf("a request that is not held: %s", a.Status)
	}
}

// TestDrain: a request that is held is answered at the drain, and its connection ends, so that the next one goes to another server.
func TestDrain(t *testing.T) {
	s := open(t, &durablestreams.Options{Hold: time.Hour}, publisher.FeedOptions{}, publishertest.ServerOptions{})
	answers := make(chan answer, 1)
	go func() { answers <- s.get("?offset=now&live=long-poll") }()
	s.Eventually("the request is held", func() bool { return s.Stats("durable-streams").Readers.Load() == 1 })
	if err := s.publisher.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := <-answers; a.StatusCode != 204 || !a.Close || a.Header.Get("Stream-Next-Offset") != offset(s.Head(match)) {
		t.Errorf("%s %v, the connection ends: %t", a.Status, a.Header, a.Close)
	}
}

// TestCORS: scripts of other origins see the protocol's headers.
func TestCORS(t *testing.T) {
	s := usual(t)
	exposed := s.get("", "Origin", "https://www.example.org").Header.Get("Access-Control-Expose-Headers")
	for _, name := range []string{"Stream-Next-Offset", "Stream-Cursor", "Stream-Up-To-Date", "Stream-Closed", "Etag"} {
		if !strings.Contains(strings.ToLower(exposed), strings.ToLower(name)) {
			t.Errorf("%s is not among the exposed headers: %s", name, exposed)
		}
	}
	a := s.ask(http.MethodOptions, match, "", "Origin", "https://www.example.org", "Access-Control-Request-Method", "GET",
		"Access-Control-Request-Headers", "if-none-match")
	if allowed := a.Header.Get("Access-Control-Allow-Headers"); !strings.EqualFold(allowed, "If-None-Match") {
		t.Errorf("OPTIONS: %s, allowed are %q", a.Status, allowed)
	}
}
