package e2e

import (
	"net/http"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"testing"
)

// front is a reverse proxy before a stack. While it has an outage, it answers every request itself.
type front struct {
	url    string
	outage atomic.Pointer[http.HandlerFunc]
	older  atomic.Pointer[func(w http.ResponseWriter, r *http.Request, next http.Handler)] // answers requests for earlier posts
}

func newFront(t *testing.T, s *stack) *front {
	t.Helper()
	own := &http.Transport{TLSClientConfig: certificate.Client()}
	proxy := httputil.NewSingleHostReverseProxy(s.wire.parse(s.addr))
	proxy.Transport = own
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	f := &front{}
	server := s.wire.start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := f.outage.Load(); answer != nil {
			(*answer)(w, r)
			return
		}
		if older := f.older.Load(); older != nil && r.URL.Query().Has("before") {
			(*older)(w, r, proxy)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		own.CloseIdleConnections()
	})
	f.url = server.URL + "/channels/" + string(channel)
	return f
}

// TestProxyOutageEndsNoPage has a proxy refuse every request in its own words while the server restarts. Only the
// server's own problem documents may end a page.
func TestProxyOutageEndsNoPage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, transport, kind, body string
		status                      int
	}{
		{"404 text", "sse", "text/plain", "no backend", http.StatusNotFound},
		{"401 html", "websocket", "text/html", "<h1>Who are you?</h1>", http.StatusUnauthorized},
		{"403 html", "long-polling", "text/html", "<h1>Forbidden</h1>", http.StatusForbidden},
		{"410 without a body", "interval-polling", "text/plain", "", http.StatusGone},
		{"404 problem of another kind", "sse", "application/problem+json", `{"type":"https://gateway.example/no-route","title":"No route"}`, http.StatusNotFound},
		{"404 problem that is no JSON", "long-polling", "application/problem+json", `<h1>Not Found</h1>`, http.StatusNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, tt.transport)
			s.start()
			f := newFront(t, s)
			p := open(t, browser(t), f.url)
			p.live()
			lists := make(chan struct{}, 100)
			refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", tt.kind)
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
				if strings.HasSuffix(r.URL.Path, "/transports") {
					lists <- struct{}{}
				}
			})
			f.outage.Store(&refuse)
			s.stop()
			p.until(`document.querySelector("[data-live-status=reconnecting]")`)
			for range 2 {
				receive(t, "the page asks for the list again", lists)
			}
			s.start()
			f.outage.Store(nil)
			s.post("after the outage")
			p.shows("after the outage")
			p.live()
		})
	}
}

// TestServersOwnRefusalEndsThePageBehindAProxy is the other half: what the server itself says counts behind a proxy too.
func TestServersOwnRefusalEndsThePageBehindAProxy(t *testing.T) {
	t.Parallel()
	s := newStack(t, "sse")
	s.start()
	f := newFront(t, s)
	p := open(t, browser(t), f.url)
	p.live()
	if _, err := s.store.DeleteChannel(t.Context(), channel); err != nil {
		t.Fatal(err)
	}
	p.until(`document.querySelector("[data-live-status=gone]")`)
}
