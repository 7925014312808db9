package live_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const (
	base                         = "/news/live"
	match    motacilla.ChannelID = "match"
	members  motacilla.ChannelID = "members" // private
	secret                       = "a token of the tests"
	patience                     = time.Minute
)

// newStore returns a store with both channels.
func newStore(t *testing.T) *memory.Store {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	for _, c := range []motacilla.Channel{
		{ID: match, Title: "The match"}, {ID: members, Title: "For members", Access: motacilla.Private},
	} {
		if _, err := store.PutChannel(t.Context(), c, 0); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

// options returns the options of a site with all publishers and the REST interface. Nothing comes from its streams but
// updates.
func options(t *testing.T) live.Options {
	t.Helper()
	return live.Options{
		Store: newStore(t), BasePath: base, Token: secret, Feed: publisher.FeedOptions{Heartbeat: time.Hour},
		Publishers: func(p *live.Parts) []publisher.Publisher {
			return []publisher.Publisher{
				sse.New(p.Feed, nil), websocket.New(p.Feed, nil), polling.NewLong(p.Feed, nil), polling.NewInterval(p.Feed, nil),
			}
		},
		Receivers: func(p *live.Parts) []receiver.Receiver {
			return []receiver.Receiver{webapp.New(p.Sink(), p.Authorize, nil)}
		},
	}
}

// site is a site that runs.
type site struct {
	*live.Live
	*testing.T
	said said // by the HTTP server
}

// start starts the site of o. It is shut down at the end of the test.
func start(t *testing.T, o live.Options) *site {
	t.Helper()
	l, err := live.New(o)
	if err == nil {
		err = l.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &site{Live: l, T: t}
}

// serve serves h, such as the site behind middleware. http2 means HTTP/2 over TLS.
func (s *site) serve(h http.Handler, http2 bool) *httptest.Server {
	s.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(&s.said, "", 0)
	if http2 {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	s.Cleanup(func() {
		_ = s.Drain(context.Background())
		server.Close()
	})
	return server
}

// post writes a post as the app's own code does.
func (s *site) post(text string) motacilla.Post {
	s.Helper()
	p, _, err := s.Ingest("shop").Post(s.Context(), match, receiver.Message{Text: text})
	if err != nil {
		s.Fatal(err)
	}
	return p
}

// ask makes a request without a server.
func (s *site) ask(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	s.Helper()
	return ask(s.Live, method, target, body, headers...)
}

func ask(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		r.Body = http.NoBody
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// get asks a real server, and reads what decode decodes. The answer is not decompressed.
func get(t *testing.T, client *http.Client, url string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// update reads the update of a poll.
func update(t *testing.T, r io.Reader) motacilla.Update {
	t.Helper()
	var u motacilla.Update
	if err := json.NewDecoder(r).Decode(&u); err != nil {
		t.Fatal(err)
	}
	return u
}

// await waits until done returns true.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came true that %s", what)
		}
	}
}

// said is what a logger wrote.
type said struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}
