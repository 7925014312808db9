package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A correct server passes. The report says what was not tested.
func TestGood(t *testing.T) {
	s := serve(t, nil)
	said := []string{}
	report, checks := s.examine(t, s.proxy(nil), Options{Progress: func(text string) { said = append(said, text) }})
	found(t, checks, nil)
	for name, status := range map[string]Status{
		"reach": OK, "tls": NotTested, "http/2": NotTested, "ready": OK, "exposure": OK, "channel": OK, "clock": OK,
		"urls": OK, "origins": OK, "etag": OK, "cache-control": OK, "held-requests": OK, "merged-polls": OK, "event-stream": OK,
		"event-stream-compression": OK, "event-stream-heartbeat": OK, "websocket": OK, "websocket-heartbeat": OK,
		"cache": OK, "client-address": NotTested, "redirect": NotTested, "hosts": NotTested,
	} {
		if checks[name].Status != status {
			t.Errorf("%s is %+v", name, checks[name])
		}
		delete(checks, name)
	}
	if len(checks) > 0 || report.Channel != "open" || len(said) == 0 || !strings.Contains(said[0], "--fast") {
		t.Errorf("channel %q, said %q, more checks %v", report.Channel, said, checks)
	}
}

func TestLessIsOffered(t *testing.T) {
	s := serve(t, map[string]string{"publishers": "interval-polling"})
	_, checks := s.examine(t, s.proxy(nil), Options{Fast: true})
	found(t, checks, map[string]string{
		"held-requests": "not tested: not offered", "event-stream": "not tested: not offered", "websocket": "not tested: not offered",
	})
}

func TestNoPublicChannel(t *testing.T) {
	s := serve(t, nil)
	if _, err := s.store.DeleteChannel(t.Context(), "open"); err != nil {
		t.Fatal(err)
	}
	_, checks := s.examine(t, s.proxy(nil), Options{})
	found(t, checks, map[string]string{"channel": "not tested: --channel"})
	if _, there := checks["websocket"]; there || checks["ready"].Status != OK {
		t.Errorf("the rest is %+v", checks)
	}
}

// A cache that answers with what was true before the channel's last post is found.
func TestStalePolls(t *testing.T) {
	s := serve(t, nil)
	h := s.proxy(cache(polls("interval", "since=0", wholeURL), nil))
	h.ServeHTTP(httptest.NewRecorder(),
		httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/live/interval-polling/open/?since=0", nil))
	s.post(t)
	_, checks := s.examine(t, h, Options{Fast: true})
	found(t, checks, map[string]string{"cache": "failure: older than"})
}

// An answer that comes late says nothing about the clock.
func TestSlowAnswers(t *testing.T) {
	s := serve(t, nil)
	slow := responses(func(r *http.Response) {
		if strings.HasSuffix(r.Request.URL.Path, "/transports") {
			_ = s.pause(r.Request.Context(), 20*time.Second)
		}
	})
	_, checks := s.examine(t, s.proxy(slow), Options{Fast: true})
	found(t, checks, nil)
}

// A server with https and a public name is checked as the public sees it.
func TestStrangers(t *testing.T) {
	s := serve(t, map[string]string{"server.public_url": "http://live.example.com"})
	front := httptest.NewUnstartedServer(s.proxy(nil))
	front.EnableHTTP2, front.Config.ErrorLog = true, quiet
	front.StartTLS()
	defer front.Close()
	roots := x509.NewCertPool()
	roots.AddCert(front.Certificate())
	plain := httptest.NewServer(http.RedirectHandler("https://live.example.com/healthz", http.StatusMovedPermanently))
	defer plain.Close()
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		to := front.Listener.Addr().String()
		if strings.HasSuffix(addr, ":80") {
			to = plain.Listener.Addr().String()
		}
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}
	transport := &http.Transport{
		DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}, ForceAttemptHTTP2: true,
		DisableCompression: true,
	}
	o := s.options(Options{Fast: true, Transport: transport})
	report, err := Run(t.Context(), &url.URL{Scheme: "http", Host: "live.example.com"}, o)
	if err != nil {
		t.Fatal(err)
	}
	checks := byName(t, report)
	if report.URL != "https://live.example.com" || !strings.Contains(checks["reach"].Seen, "redirects readers to https://") {
		t.Errorf("checked %s: %+v", report.URL, checks["reach"])
	}
	for name, want := range map[string]Status{"tls": OK, "http/2": OK, "redirect": OK, "exposure": Warning, "urls": Failure} {
		if checks[name].Status != want {
			t.Errorf("%s is %+v", name, checks[name])
		}
	}
	if !strings.Contains(checks["urls"].Change, "https://live.example.com") {
		t.Errorf("urls: %+v", checks["urls"])
	}

	o.Now = func() time.Time { return front.Certificate().NotAfter.Add(-time.Hour) }
	if report, err = Run(t.Context(), &url.URL{Scheme: "https", Host: "live.example.com"}, o); err != nil {
		t.Fatal(err)
	}
	if c := byName(t, report)["tls"]; c.Status != Warning || !strings.HasPrefix(c.Change, "renew it") {
		t.Errorf("a certificate that ends: %+v", c)
	}
	transport.TLSClientConfig = &tls.Config{ServerName: "example.com", MinVersion: tls.VersionTLS12}
	report, err = Run(t.Context(), &url.URL{Scheme: "https", Host: "live.example.com"}, o)
	if err != nil || len(report.Checks) != 1 || report.Checks[0].Status != Failure || !strings.Contains(report.Checks[0].Seen, "vouches for itself") {
		t.Errorf("a certificate of nobody: %+v, %v", report, err)
	}
}

// Transports with URLs on another host are found.
func TestOtherHost(t *testing.T) {
	s := serve(t, map[string]string{"server.public_url": "http://127.0.0.1:1", "publishers": "interval-polling"})
	_, checks := s.examine(t, s.proxy(nil), Options{Fast: true})
	if c := checks["urls"]; c.Status != Warning || !strings.Contains(c.Change, "server.public_url") {
		t.Errorf("urls: %+v", c)
	}
	if c := checks["etag"]; c.Status != Failure {
		t.Errorf("nothing is there, and yet %+v", c)
	}
}

// A server that a proxy serves below a path passes.
func TestBelowAPath(t *testing.T) {
	s := serve(t, nil)
	front := httptest.NewServer(http.StripPrefix("/live-blog", s.proxy(nil)))
	defer front.Close()
	base, err := url.Parse(front.URL + "/live-blog")
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), base, s.options(Options{Fast: true}))
	if err != nil {
		t.Fatal(err)
	}
	found(t, byName(t, report), nil)
}

func TestBrokenOff(t *testing.T) {
	s := serve(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	o := s.options(Options{Progress: func(string) { cancel() }})
	if _, err := Run(ctx, s.url, o); !errors.Is(err, context.Canceled) {
		t.Errorf("broken off: %v", err)
	}
}
