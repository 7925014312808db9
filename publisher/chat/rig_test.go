package chat_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/publisher/chat"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const channel = publishertest.Channel

var local = []string{"127.0.0.0/8"}

// call is what a chat's server was asked.
type call struct {
	Path   string
	Header http.Header
	Body   map[string]any
}

// server stands for the servers of chats, which can't be had for tests: it answers as their documentation says.
type server struct {
	testing.TB
	url string

	mu     sync.Mutex
	calls  []call
	answer func(c call, n int) (status int, body string) // n counts the calls
}

func newServer(t testing.TB) *server {
	s := &server{TB: t, answer: func(call, int) (int, string) { return http.StatusOK, "{}" }}
	h := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c := call{Path: r.URL.Path, Header: r.Header}
	if err := json.Unmarshal(data, &c.Body); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		s.Errorf("a call is wrong: %v\n%s %v\n%s", err, r.Method, r.Header, data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
	status, body := s.answer(c, len(s.calls))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func (s *server) respond(answer func(c call, n int) (int, string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *server) got() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// rig is a site with chats.
type rig struct {
	*publishertest.Site
	kit *relay.Kit
}

func newRig(t testing.TB) *rig {
	r := &rig{Site: publishertest.NewSite(t, nil)}
	client := outbound.New(nil)
	t.Cleanup(client.Close)
	r.kit = &relay.Kit{Feed: r.Feed, Source: r.Source, Client: client, PublicURL: "https://live.example.org"}
	return r
}

// common are the options of a test's chat.
func common() chat.Options {
	return chat.Options{
		Options:   relay.Options{Name: "chat", Timeout: publishertest.Patience, Backoff: 50 * time.Millisecond},
		KeyEvents: true, Allow: local,
	}
}

// start starts a publisher, and waits until it pushes.
func (r *rig) start(p *chat.Publisher, err error) (stop func()) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
	if err := p.Start(r.Context()); err != nil {
		r.Fatal(err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			if err := p.Shutdown(r.Context()); err != nil {
				r.Error(err)
			}
		})
	}
	r.Cleanup(stop)
	r.Eventually("the relay pushes", func() bool { return p.Status().Leading })
	return stop
}

// post writes a post that is a key event, or not.
func (r *rig) post(key bool, html string) motacilla.Post {
	r.Helper()
	content := []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(html))}
	p, err := r.Store.PutPost(r.Context(), channel, motacilla.Post{Show: true, KeyEvent: key, Author: "Kim & Co", Content: content}, 0)
	if err != nil {
		r.Fatal(err)
	}
	return p
}

// has waits until a server was called so often.
func (s *server) has(r *rig, n int) []call {
	r.Helper()
	r.Eventually("the server is called", func() bool { return len(s.got()) >= n })
	calls := s.got()
	if len(calls) != n {
		r.Fatalf("the server was called %d times, want %d: %+v", len(calls), n, calls)
	}
	return calls
}
