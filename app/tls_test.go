package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
	"go.uber.org/goleak"
)

// secured is a running app with a certificate of its own making for 127.0.0.1.
type secured struct {
	*security
	server    *Server
	url       string // https
	cert, key string // files
	roots     *x509.CertPool
}

// renew writes another certificate into the files.
func (s *secured) renew(t *testing.T) {
	t.Helper()
	cert, key, err := realserver.SelfSigned("127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	s.roots.AppendCertsFromPEM(cert)
	if err := errors.Join(os.WriteFile(s.cert, cert, 0o600), os.WriteFile(s.key, key, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func startSecured(t *testing.T, flags map[string]string) *secured {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	dir := t.TempDir()
	s := &secured{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), roots: x509.NewCertPool()}
	s.renew(t)
	in := &Input{Env: []string{}, Flags: map[string]string{
		"server.addr": "127.0.0.1:0", "server.token": "s3cret", "log.level": "error",
		"server.tls.cert": s.cert, "server.tls.key": s.key, "server.tls.redirect_from": "127.0.0.1:0",
	}}
	for key, value := range flags {
		in.Flags[key] = value
	}
	a := New(memory.Module, polling.Module, sse.Module, fx.Supply(in), fx.Populate(&s.server, &s.security))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if err := leaktest.Find(time.Minute, ignore); err != nil {
			t.Error(err)
		}
	})
	s.url = "https://" + s.server.Addr().String()
	return s
}

// get makes a request over a connection of its own.
func (s *secured) get(t *testing.T, method, target string, config *tls.Config, body io.Reader) (*http.Response, string, error) {
	t.Helper()
	config.RootCAs = s.roots
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

func TestTLS(t *testing.T) {
	s := startSecured(t, map[string]string{"server.tls.hsts": "48h"})
	resp, _, err := s.get(t, http.MethodGet, s.url+"/healthz", &tls.Config{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.ProtoMajor != 2 || resp.TLS.Version != tls.VersionTLS13 || resp.Header.Get("Strict-Transport-Security") != "max-age=172800" {
		t.Errorf("%s, TLS %x, %v", resp.Proto, resp.TLS.Version, resp.Header)
	}
	if resp.TLS.CurveID != tls.X25519MLKEM768 {
		t.Errorf("the keys are agreed by %v", resp.TLS.CurveID)
	}
	for _, tt := range []struct {
		config *tls.Config
		ok     bool
	}{
		{&tls.Config{MaxVersion: tls.VersionTLS12}, true},
		{&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
		{&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, false},
		{&tls.Config{NextProtos: []string{"http/1.1"}}, true},
	} {
		tt.config.RootCAs = s.roots
		conn, err := tls.Dial("tcp", s.server.Addr().String(), tt.config)
		if (err == nil) != tt.ok {
			t.Errorf("TLS %x with %x: %v", tt.config.MaxVersion, tt.config.CipherSuites, err)
		}
		if err != nil {
			continue
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got != strings.Join(tt.config.NextProtos, "") {
			t.Errorf("the protocol is %q", got)
		}
		_ = conn.Close()
	}
	form := strings.NewReader(url.Values{"token": {"s3cret"}}.Encode())
	resp, _, err = s.get(t, http.MethodPost, s.url+"/sign-in", &tls.Config{}, form)
	if err != nil || len(resp.Cookies()) != 1 || !resp.Cookies()[0].Secure {
		t.Errorf("the cookie is %v, %v", resp.Header["Set-Cookie"], err)
	}
	_, metrics, err := s.get(t, http.MethodGet, s.url+"/metrics", &tls.Config{}, nil)
	if err != nil || !strings.Contains(metrics, `motacilla_tls_certificate_not_after_seconds{host=""} 1.`) ||
		!strings.Contains(metrics, "motacilla_tls_handshake_errors_total 3") || !strings.Contains(metrics, `motacilla_tls_renewals_total{result="failed"} 0`) {
		t.Errorf("%v, %s", err, metrics)
	}
}

func TestTLSOptions(t *testing.T) {
	s := startSecured(t, map[string]string{"server.tls.http2": "false", "server.tls.min_version": "1.3"})
	resp, _, err := s.get(t, http.MethodGet, s.url+"/healthz", &tls.Config{}, nil)
	if err != nil || resp.ProtoMajor != 1 || resp.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("%v, %v", resp, err)
	}
	if _, _, err = s.get(t, http.MethodGet, s.url+"/healthz", &tls.Config{MaxVersion: tls.VersionTLS12}, nil); err == nil {
		t.Error("TLS 1.2 is spoken")
	}
}

// TestRedirect: questions are sent on; what brings something is refused.
func TestRedirect(t *testing.T) {
	for public, want := range map[string]string{
		"":                              "PORT/a%20b?c=1&d=/e",
		"https://live.example.org":      "https://live.example.org/a%20b?c=1&d=/e",
		"https://live.example.org:8443": "https://live.example.org:8443/a%20b?c=1&d=/e",
	} {
		flags := map[string]string{}
		if public != "" {
			flags["server.public_url"] = public
		}
		s := startSecured(t, flags)
		plain := "http://" + s.redirect.bound.String()
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			resp, _, err := s.get(t, method, plain+"/a%20b?c=1&d=/e", &tls.Config{}, nil)
			want := strings.Replace(want, "PORT", s.url, 1)
			if err != nil || resp.StatusCode != http.StatusPermanentRedirect || resp.Header.Get("Location") != want ||
				resp.Header.Get("Strict-Transport-Security") != "" {
				t.Errorf("%s: %v, %v, want %s", method, resp, err, want)
			}
		}
		if resp, text, err := s.get(t, http.MethodPost, plain+"/api/channels", &tls.Config{}, strings.NewReader("{}")); err != nil ||
			resp.StatusCode != http.StatusForbidden || !strings.Contains(text, "use https") {
			t.Errorf("%v, %s, %v", resp, text, err)
		}
	}
}

func TestHostForRedirect(t *testing.T) {
	for _, tt := range []struct{ host, port, want string }{
		{"live.example.org", "443", "live.example.org"}, {"live.example.org:80", "443", "live.example.org"},
		{"live.example.org", "8443", "live.example.org:8443"}, {"[2001:db8::1]:80", "443", "[2001:db8::1]"},
		{"[2001:db8::1]", "8443", "[2001:db8::1]:8443"}, {"", "443", ""}, {"a/b", "443", ""}, {"a@b", "443", ""},
	} {
		any := func(host string) string { return host }
		if got := (&redirect{port: tt.port, named: any}).hostFor(tt.host); got != tt.want {
			t.Errorf("%s to port %s: %s, want %s", tt.host, tt.port, got, tt.want)
		}
	}
}

// TestRedirectOfAnotherHost: a request that names a host of somebody else is sent to the server's own.
func TestRedirectOfAnotherHost(t *testing.T) {
	s := startSecured(t, nil)
	_, port, err := net.SplitHostPort(s.server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	r, w := httptest.NewRequest(http.MethodGet, "/a", nil), httptest.NewRecorder()
	r.Host = "evil.example"
	s.redirect.http.Handler.ServeHTTP(w, r)
	if got, want := w.Header().Get("Location"), "https://localhost:"+port+"/a"; got != want {
		t.Errorf("sent on to %s, want %s", got, want)
	}
}

// TestReloadUnderLoad: while the files are replaced again and again, also by broken ones, all connections succeed, old ones
// go on, and clients get one of the certificates.
func TestReloadUnderLoad(t *testing.T) {
	s := startSecured(t, nil)
	for range 4 {
		s.renew(t) // the clients trust these: the pool does not change below
		s.files.Look()
	}
	pairs := make([][2][]byte, 4)
	for i := range pairs {
		cert, key, err := realserver.SelfSigned("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		pairs[i] = [2][]byte{cert, key}
		s.roots.AppendCertsFromPEM(cert)
	}
	kept := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots}}}
	defer kept.CloseIdleConnections()
	var clients sync.WaitGroup
	var made atomic.Int64
	var serials sync.Map
	done := make(chan struct{})
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				resp, _, err := s.get(t, http.MethodGet, s.url+"/healthz", &tls.Config{}, nil)
				if err != nil {
					t.Error(err)
					return
				}
				serials.Store(resp.TLS.PeerCertificates[0].SerialNumber.String(), true)
				made.Add(1)
			}
		})
	}
	for i := range 40 {
		pair := pairs[i%len(pairs)]
		cert := pair[0]
		if i%3 == 2 {
			cert = cert[:len(cert)/2] // half written
		}
		if err := errors.Join(os.WriteFile(s.cert, cert, 0o600), os.WriteFile(s.key, pair[1], 0o600)); err != nil {
			t.Fatal(err)
		}
		s.files.Look()
		for before := made.Load(); made.Load() < before+4 && !t.Failed(); time.Sleep(time.Millisecond) {
		}
		resp, err := kept.Get(s.url + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	close(done)
	clients.Wait()
	seen := 0
	serials.Range(func(any, any) bool { seen++; return true })
	if seen < len(pairs) {
		t.Errorf("clients saw %d certificates of %d", seen, len(pairs))
	}
	if s.metrics.unread.Load() == 0 {
		t.Error("broken files are not counted")
	}
}

func TestTLSKeys(t *testing.T) {
	schema, err := newSchema(adapters{stores: []component{{"memory", nil}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ yaml, wrong string }{ // what ends in an open quote goes on outside of tls
		{"cert: a, key: b, hsts: 1h, redirect_from: ':80', ocsp: true, http2: false, min_version: '1.3'", ""},
		{"acme: {hosts: [live.example.org, xn--bcher-kva.example], email: web@example.org, directory: 'https://ca.example/dir'}", ""},
		{"cert: a", "server.tls.key: must be set"},
		{"key: a", "server.tls.cert: must be set"},
		{"cert: a, key: b, acme: {hosts: [a.example]}", "server.tls.acme.hosts: must not be set if server.tls.cert is"},
		{"hsts: 1h", "server.tls.hsts: needs a certificate"},
		{"redirect_from: ':80'", "server.tls.redirect_from: needs a certificate"},
		{"acme: {email: web@example.org}", "server.tls.acme.email: needs a certificate"},
		{"cert: a, key: b, redirect_from: '80'", "server.tls.redirect_from: must be host:port"},
		{"cert: a, key: b, min_version: '1.1'", "server.tls.min_version: must be 1.2 or 1.3"},
		{"acme: {hosts: ['*.example.org']}", `not "*.example.org"`},
		{"acme: {hosts: [Live.example.org]}", "server.tls.acme.hosts: must be names"},
		{"acme: {hosts: [192.0.2.1]}", "server.tls.acme.hosts: must be names"},
		{"acme: {hosts: ['https://a.example']}", "server.tls.acme.hosts: must be names"},
		{"acme: {hosts: [a.example], email: web}", "server.tls.acme.email: must be an address"},
		{"acme: {hosts: [a.example], directory: 'http://ca.example'}", "server.tls.acme.directory: must be an https URL"},
		{"acme: {hosts: [a.example], eab_id: x}", "server.tls.acme.eab_key: must be set"},
		{"acme: {hosts: [a.example], eab_key: x}", "server.tls.acme.eab_id: must be set"},
		{"cert: a, key: b}, addr: 'unix:/run/m.sock", "server.addr: must be host:port, as server.tls is set"},
		{"cert: a, key: b}, public_url: 'http://a.example", "server.public_url: must begin with https:"},
	} {
		yaml := "server: {tls: {" + tt.yaml + "}}"
		if strings.Contains(tt.yaml, "}, ") {
			yaml = "server: {tls: {" + tt.yaml + "'}"
		}
		_, err := schema.Load(Input{YAML: []byte(yaml), Env: []string{}})
		if tt.wrong == "" && err != nil || tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)) {
			t.Errorf("%s: %v, want %s", yaml, err, tt.wrong)
		}
	}
}

func TestTLSThatCanNotStart(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "none.pem")
	busy := startSecured(t, nil)
	for _, tt := range []struct {
		flags map[string]string
		wrong string
	}{
		{map[string]string{"server.tls.cert": none, "server.tls.key": none}, "server.tls.cert: open "},
		{map[string]string{"server.tls.acme.hosts": "a.example", "server.tls.acme.roots": none}, "server.tls.acme.roots: open "},
		{map[string]string{"server.tls.acme.hosts": "a.example", "server.tls.acme.secret": "short"}, "server.tls.acme.secret: must have at least 16"},
		{map[string]string{"server.tls.cert": busy.cert, "server.tls.key": busy.key, "server.tls.redirect_from": busy.redirect.bound.String()},
			"listen on " + busy.redirect.bound.String() + ": another program listens there; stop it, or choose another address with " +
				"server.tls.redirect_from"},
	} {
		in := &Input{Env: []string{}, Flags: map[string]string{"server.addr": "127.0.0.1:0", "server.token": "s3cret", "log.level": "error"}}
		for key, value := range tt.flags {
			in.Flags[key] = value
		}
		a := New(memory.Module, polling.Module, fx.Supply(in))
		err := a.Err()
		if err == nil {
			err = a.Start(t.Context())
		}
		if err == nil || !strings.HasPrefix(plain(err).Error(), tt.wrong) {
			t.Errorf("%v, want %s", err, tt.wrong)
		}
	}
}
