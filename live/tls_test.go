package live_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/motacilla-live/motacilla/internal/tlsrecord/recordtest"
	"github.com/motacilla-live/motacilla/live"
)

// An http.Server speaks HTTP/2 and HTTP/1.1 with the listener, as with tls.NewListener.
func TestTLSListener(t *testing.T) {
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := recordtest.Server()
	config.NextProtos = []string{"h2", "http/1.1"}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil {
			t.Error("the request has no TLS")
		}
		_, _ = io.WriteString(w, r.Proto)
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(live.TLSListener(ln, config)) }()
	for _, http2 := range []bool{true, false} {
		transport := &http.Transport{TLSClientConfig: recordtest.Trusting(), ForceAttemptHTTP2: http2}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+ln.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if want := map[bool]string{true: "HTTP/2.0", false: "HTTP/1.1"}[http2]; err != nil || string(body) != want ||
			resp.TLS.Version != tls.VersionTLS13 {
			t.Errorf("got %s over %s, %v; want %s", body, tls.VersionName(resp.TLS.Version), err, want)
		}
		transport.CloseIdleConnections()
	}
	if err := server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	<-served
}
