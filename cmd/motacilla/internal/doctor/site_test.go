package doctor

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const quickly = `
feed: {heartbeat: 1s}
publishers: [sse, websocket, {type: long-polling, hold: 1s}, interval-polling]
`

// site is a real server, and the clock of the checks. The clock moves when a check pauses.
type site struct {
	url   *url.URL
	store storage.Store

	mu  sync.Mutex
	now time.Time
}

func serve(t *testing.T, flags map[string]string) *site {
	t.Helper()
	var server *app.Server
	s := &site{now: time.Now().Add(time.Minute)} // what is in the store is old
	in := &app.Input{YAML: []byte(quickly), Env: []string{}, Flags: map[string]string{
		"server.addr": "127.0.0.1:0", "server.token": "s3cret", "log.level": "error",
		"server.origins": "https://www.example.org"}}
	for key, value := range flags {
		in.Flags[key] = value
	}
	a := app.New(memory.Module, sse.Module, websocket.Module, polling.Module, webapp.Module, fx.Supply(in),
		fx.Populate(&server, &s.store))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s.url = &url.URL{Scheme: "http", Host: server.Addr().String()}
	for id, access := range map[motacilla.ChannelID]motacilla.Access{"a-private": motacilla.Private, "open": motacilla.Public} {
		if _, err := s.store.PutChannel(t.Context(), motacilla.Channel{ID: id, Access: access}, 0); err != nil {
			t.Fatal(err)
		}
	}
	s.post(t)
	return s
}

// alone returns the same server with a clock of its own, for tests that run in parallel.
func (s *site) alone() *site { return &site{url: s.url, store: s.store, now: s.time()} }

func (s *site) post(t *testing.T) {
	t.Helper()
	_, err := s.store.PutPost(t.Context(), "open", motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText("Goal")}}, 0)
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) time() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *site) pause(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
	return ctx.Err()
}

// proxy returns a correct proxy with a change.
func (s *site) proxy(change func(*httputil.ReverseProxy) http.Handler) http.Handler {
	transport := &http.Transport{DisableCompression: true}
	p := httputil.NewSingleHostReverseProxy(s.url)
	p.FlushInterval, p.Transport, p.ErrorLog = -1, transport, quiet
	p.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	p.ModifyResponse = s.date
	var h http.Handler = p
	if change != nil {
		h = change(p)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer transport.CloseIdleConnections()
		h.ServeHTTP(w, r)
	})
}

func (s *site) date(r *http.Response) error {
	r.Header.Set("Date", s.time().UTC().Format(http.TimeFormat))
	return nil
}

// patience is for what comes soon, but late on a busy machine.
const patience = 2 * time.Minute

// options returns a test's options: short waits for what does not come, and the site's clock.
func (s *site) options(o Options) *Options {
	o.Quick, o.Held, o.Heartbeat = patience, patience, patience
	o.Short = 500 * time.Millisecond // less than the server's hold
	o.Again = cmp.Or(o.Again, 100*time.Millisecond)
	o.Now, o.Pause = s.time, s.pause
	return &o
}

// examine runs the doctor against h and returns its checks by name.
func (s *site) examine(t *testing.T, h http.Handler, o Options) (*Report, map[string]Check) {
	t.Helper()
	front := httptest.NewServer(h)
	defer front.Close()
	base, err := url.Parse(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), base, s.options(o))
	if err != nil {
		t.Fatal(err)
	}
	return report, byName(t, report)
}

func byName(t *testing.T, report *Report) map[string]Check {
	t.Helper()
	checks := map[string]Check{}
	for _, c := range report.Checks {
		if _, twice := checks[c.Name]; twice || c.Name == "" || c.Status == "" || c.Seen == "" {
			t.Errorf("check %+v is not whole, or there twice", c)
		}
		if (c.Status == Warning || c.Status == Failure) && c.Change == "" && c.Name != "ready" && c.Name != "origins" {
			t.Errorf("check %+v does not say what to change", c)
		}
		checks[c.Name] = c
	}
	return checks
}

// found fails the test unless the named checks, and no others, found what want says.
func found(t *testing.T, checks map[string]Check, want map[string]string) {
	t.Helper()
	for name, expected := range want {
		status, text, _ := strings.Cut(expected, ": ")
		c := checks[name]
		if string(c.Status) != status || !strings.Contains(c.Seen+" "+c.Change+" "+c.Nginx, text) {
			t.Errorf("%s is %+v, want %s, %q", name, c, status, text)
		}
	}
	for name, c := range checks {
		if _, expected := want[name]; !expected && (c.Status == Failure || c.Status == Warning) {
			t.Errorf("found for nothing: %+v", c)
		}
	}
}
