package jwt

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/outbound"
	"go.uber.org/zap"
)

// publisher is an issuer's server, which publishes keys.
type publisher struct {
	*httptest.Server
	client *outbound.Client // calls it
	calls  atomic.Int64

	mu     sync.Mutex
	answer http.HandlerFunc
}

func serveKeys(t *testing.T, keys []map[string]any) *publisher {
	t.Helper()
	p := &publisher{}
	p.publish(keys)
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.calls.Add(1)
		p.mu.Lock()
		answer := p.answer
		p.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(p.Close)
	p.client = clientOf(t, p.Server, outbound.Options{})
	return p
}

// clientOf returns a client that trusts the server, and may call 127.0.0.1.
func clientOf(t *testing.T, server *httptest.Server, o outbound.Options) *outbound.Client {
	t.Helper()
	o.Roots = x509.NewCertPool()
	o.Roots.AddCert(server.Certificate())
	o.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	c := outbound.New(&o)
	t.Cleanup(c.Close)
	return c
}

func (p *publisher) answers(h http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = h
}

// publish has the server answer with these keys, which are fresh for ten minutes.
func (p *publisher) publish(keys []map[string]any) {
	body := setOf(keys)
	p.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Header().Set("Cache-Control", "public, max-age=600")
		_, _ = w.Write(body)
	})
}

func (p *publisher) fails() {
	p.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
}

// hangs has the server not answer until release is called, and then with an error.
func (p *publisher) hangs() (release func()) {
	gate := make(chan struct{})
	p.answers(func(w http.ResponseWriter, _ *http.Request) {
		<-gate
		w.WriteHeader(http.StatusInternalServerError)
	})
	return sync.OnceFunc(func() { close(gate) })
}

// clock stands still until the test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// set returns a set of the publisher's keys, and its clock.
func (p *publisher) set(t *testing.T) (*keySet, *clock) {
	t.Helper()
	c := &clock{now: time.Now()}
	s := newKeySet(p.URL, p.client, zap.NewNop())
	s.now, s.wait = c.time, time.Hour
	t.Cleanup(s.close)
	return s, c
}

// settled waits for the call under way.
func (s *keySet) settled() {
	s.mu.Lock()
	pending := s.call
	s.mu.Unlock()
	if pending != nil {
		<-pending.done
	}
}
