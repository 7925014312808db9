package app_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
	"go.uber.org/goleak"
)

// operated runs an app with an admin listener, and returns a client for each of its addresses.
func operated(t *testing.T, yaml string) (public, admin *running) {
	t.Helper()
	var listener *app.Admin
	public = start(t, yaml, fx.Populate(&listener))
	return public, &running{base: "http://" + listener.Addr()}
}

// TestAdminListener: metrics and profiles are on the admin listener alone, health checks are on both.
func TestAdminListener(t *testing.T) {
	for _, tt := range []struct {
		yaml          string
		public, admin map[string]int // by path, the status
	}{
		{`server: {admin: "127.0.0.1:0", limits: {requests_per_address: 1000}}`,
			map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 404, "/debug/pprof/": 404, "/": 200},
			map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/metrics/": 200, "/debug/pprof/": 404, "/": 404, "/channels/open": 404}},
		{`server: {admin: "127.0.0.1:0", pprof: true}`,
			map[string]int{"/metrics": 404, "/debug/pprof/": 404, "/debug/pprof/cmdline": 404},
			map[string]int{"/metrics": 200, "/debug/pprof/": 200, "/debug/pprof/heap": 200, "/debug/pprof/goroutine?debug=1": 200,
				"/debug/pprof/symbol": 200}},
	} {
		public, admin := operated(t, tt.yaml)
		for r, paths := range map[*running]map[string]int{public: tt.public, admin: tt.admin} {
			for path, status := range paths {
				if resp, body := r.do(t, http.MethodGet, path); resp.StatusCode != status {
					t.Errorf("%s: %s%s is %d %.100s, want %d", tt.yaml, r.base, path, resp.StatusCode, body, status)
				}
			}
		}
		_, metrics := admin.do(t, http.MethodGet, "/metrics")
		for _, want := range []string{`motacilla_http_requests_total{route="/healthz"`, "motacilla_build_info{", `goversion="go`} {
			if strings.Contains(tt.yaml, "pprof") && strings.Contains(want, "healthz") {
				continue
			}
			if !strings.Contains(metrics, want) {
				t.Errorf("/metrics lacks %s", want)
			}
		}
		if resp, _ := admin.do(t, http.MethodPost, "/metrics"); resp.StatusCode != 405 {
			t.Errorf("POST /metrics: %s", resp.Status)
		}
	}
}

// TestAdminDuringADrain: operators see that the server drains, and its metrics, until the last request is answered.
func TestAdminDuringADrain(t *testing.T) {
	var listener *app.Admin
	begun, release := make(chan struct{}), make(chan struct{})
	slow := app.Routes(route.Route{Name: "slow", Pattern: "/slow", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(begun)
		<-release
	})})
	public := start(t, `server: {admin: "127.0.0.1:0"}`, slow, fx.Populate(&listener))
	admin := &running{base: "http://" + listener.Addr()}
	answered := make(chan error, 1)
	go func() {
		resp, err := http.Get(public.base + "/slow")
		if err == nil {
			resp.Body.Close()
		}
		answered <- err
	}()
	<-begun
	stopped := make(chan error, 1)
	go func() { stopped <- public.stop() }()
	until(t, "operators see the drain", func() bool {
		resp, body := admin.do(t, http.MethodGet, "/readyz")
		return resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(body, "draining")
	})
	if _, metrics := admin.do(t, http.MethodGet, "/metrics"); !strings.Contains(metrics, "motacilla_channels") {
		t.Errorf("/metrics has no channels: %s", metrics)
	}
	close(release)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(admin.base + "/healthz"); err == nil {
		t.Error("the admin listener is open after the stop")
	}
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("this did not happen in time: %s", what)
		}
	}
}

// TestSocketAddresses: a site on a Unix socket, with the admin listener on another one. A stream works, limits by address count
// what the proxy says if it is trusted, and no file is left.
func TestSocketAddresses(t *testing.T) {
	for _, tt := range []struct {
		trusted string
		refused bool // a second address behind the proxy, when the first has spent its requests
	}{{"trusted_proxies: [unix],", false}, {"", false}} {
		defer leaktest.None(t, goleak.IgnoreCurrent())
		dir := t.TempDir()
		site, operators := filepath.Join(dir, "site"), filepath.Join(dir, "admin")
		yaml := fmt.Sprintf(`
server: {addr: "unix:%s", admin: "unix:%s", socket_mode: "0600", token: t, %s limits: {requests_per_address: 1}}
log: {level: error}
`, site, operators, tt.trusted)
		a := app.New(memory.Module, polling.Module, sse.Module, fx.Supply(&app.Input{YAML: []byte(yaml), Env: []string{}}))
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		over := func(path string) *http.Client {
			return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "unix", path)
			}}}
		}
		ask := func(c *http.Client, path, client string) int {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://site"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Forwarded-For", client)
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			_, _ = io.Copy(io.Discard, resp.Body)
			return resp.StatusCode
		}
		readers, admin := over(site), over(operators)
		if status := ask(admin, "/metrics", ""); status != 200 {
			t.Errorf("/metrics of the admin socket: %d", status)
		}
		limited := false
		for range 100 { // 20 at once, and one more each second
			limited = limited || ask(readers, "/", "192.0.2.1") == http.StatusTooManyRequests
		}
		if limited != (tt.trusted != "") {
			t.Errorf("%q: the first address is limited: %v", tt.trusted, limited)
		}
		if status := ask(readers, "/", "192.0.2.2"); status != http.StatusOK {
			t.Errorf("%q: another address gets %d", tt.trusted, status)
		}
		readers.CloseIdleConnections()
		admin.CloseIdleConnections()
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
			t.Errorf("files are left: %v %v", left, err)
		}
	}
}

func TestAddressesInTheConfiguration(t *testing.T) {
	for yaml, want := range map[string]string{
		`server: {pprof: true}`:              "server.pprof: needs server.admin",
		`server: {admin: nowhere}`:           "server.admin: must be host:port",
		`server: {admin: "127.0.0.1:8080"}`:  "server.admin: must be another address than server.addr",
		`server: {addr: "unix:relative"}`:    "server.addr: must have an absolute path",
		`server: {socket_mode: "rw-rw----"}`: "server.socket_mode: must be an octal mode in quotes",
		`server: {socket_mode: 0660}`:        "server.socket_mode: must be text",
		`server: {trusted_proxies: [unics]}`: "server.trusted_proxies: trusted proxy \"unics\": must be an address, a network such as 10.0.0.0/8, or unix",
	} {
		schema, err := app.SchemaOf(memory.Module)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := schema.Load(app.Input{YAML: []byte(yaml), Env: []string{}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", yaml, err, want)
		}
	}
}
