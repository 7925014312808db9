package app_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
	"go.uber.org/goleak"
)

// patience bounds how long a test waits. It must only end a test that hangs.
const patience = 2 * time.Minute

type running struct {
	base  string
	store storage.Store
	stop  func() error
}

// start runs an app with memory and polling until the test ends, and checks that it leaves no goroutine behind.
func start(t *testing.T, yaml string, opts ...fx.Option) *running {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	var server *app.Server
	r := &running{}
	in := &app.Input{YAML: []byte(yaml), Env: []string{}, Flags: map[string]string{
		"server.addr": "127.0.0.1:0", "server.token": "s3cret", "log.level": "error"}}
	opts = append(opts, memory.Module, polling.Module, fx.Supply(in), fx.Populate(&server, &r.store))
	a := app.New(opts...)
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.base = "http://" + server.Addr().String()
	stopped := false
	r.stop = func() error {
		stopped = true
		return a.Stop(context.Background())
	}
	t.Cleanup(func() {
		if !stopped {
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		}
		http.DefaultClient.CloseIdleConnections()
		if err := leaktest.Find(time.Minute, ignore); err != nil {
			t.Error(err)
		}
	})
	for id, access := range map[motacilla.ChannelID]motacilla.Access{"open": motacilla.Public, "closed": motacilla.Private} {
		if _, err := r.store.PutChannel(t.Context(), motacilla.Channel{ID: id, Access: access}, 0); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *running) do(t *testing.T, method, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestServer(t *testing.T) {
	r := start(t, `server: {origins: ["https://www.example.org"]}`, app.Routes(
		route.Route{Name: "own", Pattern: "/own", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "mine")
		})},
		route.Route{Name: "panics", Pattern: "/panics", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			panic("the secret reason")
		})},
	))
	for _, tt := range []struct {
		method, path string
		headers      []string
		status       int
		body         string
	}{
		{"GET", "/healthz", nil, 200, "ok"},
		{"GET", "/readyz", nil, 200, "ready"},
		{"POST", "/readyz", nil, 405, "GET"},
		{"GET", "/own", nil, 200, "mine"},
		{"GET", "/panics", nil, 500, `"title":"Internal Server Error"`},
		{"GET", "/nowhere", nil, 404, `"status":404`},
		{"GET", "/live/interval-polling/open?since=0", nil, 200, `"reset":true`},
		{"GET", "/live/interval-polling/open/?since=0", nil, 200, `"reset":true`},
		{"GET", "/live/interval-polling/open/more?since=0", nil, 404, ""},
		{"GET", "/live/interval-polling/closed/?since=0", nil, 403, "private"},
		{"GET", "/live/interval-polling/closed/?since=0", []string{"Authorization", "Bearer s3cret"}, 200, `"reset":true`},
		{"GET", "/live/interval-polling/nobody/?since=0", nil, 404, ""},
		{"GET", "/live/interval-polling/%20/?since=0", nil, 400, `"field":"channel_id"`},
	} {
		resp, body := r.do(t, tt.method, tt.path, tt.headers...)
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.body) || strings.Contains(body, "secret reason") {
			t.Errorf("%s %s = %d %s, want %d and %q", tt.method, tt.path, resp.StatusCode, body, tt.status, tt.body)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s may be sniffed", tt.method, tt.path)
		}
	}
	resp, _ := r.do(t, http.MethodGet, "/live/interval-polling/open/?since=0", "Origin", "https://www.example.org")
	if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "https://www.example.org" {
		t.Errorf("an origin on the list gets %q", got)
	}
	resp, _ = r.do(t, http.MethodGet, "/live/interval-polling/open/?since=0", "Origin", "https://evil.example")
	if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("another origin gets %q", got)
	}
	_, metrics := r.do(t, http.MethodGet, "/metrics")
	for _, want := range []string{
		`motacilla_http_requests_total{route="/live/interval-polling/{channel_id}",status="200"}`,
		`motacilla_http_requests_total{route="other",status="404"}`,
		`motacilla_http_requests_total{route="/panics",status="500"} 1`,
		"motacilla_update_lag_seconds_count", `motacilla_deliveries_total{publisher="interval-polling"}`, "go_goroutines",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

func TestNameOfTheSite(t *testing.T) {
	for yaml, want := range map[string]string{"": "Motacilla", "page: {name: The Daily Wagtail}": "The Daily Wagtail"} {
		r := start(t, yaml)
		for _, path := range []string{"/", "/channels/open"} {
			if _, body := r.do(t, http.MethodGet, path); !strings.Contains(body, `href="/">`+want+"<") {
				t.Errorf("%s is not %q's: %s", path, want, body)
			}
		}
	}
}

func TestHookOfTheApp(t *testing.T) {
	r := start(t, "", fx.Supply(route.Authorizer(
		func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
			return route.Grant{}, motacilla.ErrForbidden
		})))
	if resp, _ := r.do(t, http.MethodGet, "/live/interval-polling/open/?since=0", "Authorization", "Bearer s3cret"); resp.StatusCode != 403 {
		t.Errorf("the app's own hook is not asked: %s", resp.Status)
	}
}

func TestDrainAnswersWhatIsHeld(t *testing.T) {
	r := start(t, "publishers: [{type: long-polling, hold: 1h}]") // only the drain answers
	before, err := r.store.Channel(t.Context(), "open")
	if err != nil {
		t.Fatal(err)
	}
	const held = 100
	answers := make(chan string, held)
	for range held {
		go func() {
			resp, err := http.Get(fmt.Sprintf("%s/live/long-polling/open/?since=%d", r.base, before.Head))
			if err != nil {
				answers <- err.Error()
				return
			}
			defer resp.Body.Close()
			_, err = io.ReadAll(resp.Body)
			answers <- fmt.Sprint(resp.StatusCode, err)
		}()
	}
	for {
		if _, metrics := r.do(t, http.MethodGet, "/metrics"); strings.Contains(metrics,
			fmt.Sprintf(`motacilla_readers{publisher="long-polling"} %d`, held)) {
			break
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for range held {
		if got := <-answers; got != "200 <nil>" {
			t.Fatalf("a held request got %s", got)
		}
	}
}

func TestStartErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct{ name, yaml, want string }{
		{"port taken", fmt.Sprintf("server: {addr: %q}", taken.Addr()), "choose another address with server.addr"},
		{"unknown key", "sever: {}", "unknown key"},
		{"unknown publisher", "publishers: [carrier-pigeon]", "known: long-polling, interval-polling"},
		{"two that collide", "publishers: [long-polling, long-polling]",
			`publishers[0] (long-polling) and publishers[1] (long-polling) both claim`},
		{"colliding paths", `publishers: [{type: long-polling, path: "/x/{channel_id}"}, {type: interval-polling, path: "/x/{channel_id}/"}]`,
			`publishers[0] (long-polling) and publishers[1] (interval-polling) both claim the path /x/{channel_id}/`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer leaktest.None(t, goleak.IgnoreCurrent())
			err := app.Run(memory.Module, polling.Module, fx.Supply(&app.Input{YAML: []byte(tt.yaml), Env: []string{}}))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %q in it", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "could not build arguments") {
				t.Errorf("error speaks of the graph: %v", err)
			}
		})
	}
}
