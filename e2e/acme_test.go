package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/internal/realserver"
)

const liveHost = "live.example.org"

// anyTime trusts what an authority has issued for liveHost, whenever it is valid: the certificates of the test are short-lived,
// and its machine may be slow. seen gets the serial number.
func anyTime(roots *x509.CertPool, seen func(serial string)) *tls.Config {
	return &tls.Config{ServerName: liveHost, InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
		between := x509.NewCertPool()
		for _, c := range s.PeerCertificates[1:] {
			between.AddCert(c)
		}
		leaf := s.PeerCertificates[0]
		_, err := leaf.Verify(x509.VerifyOptions{DNSName: liveHost, Roots: roots, Intermediates: between, CurrentTime: leaf.NotBefore.Add(time.Second)})
		if err == nil && seen != nil {
			seen(leaf.SerialNumber.String())
		}
		return err
	}}
}

// serialOf returns the serial number of the certificate that a node sends.
func (n *secureNode) serialOf(roots *x509.CertPool) (serial string, err error) {
	resp, err := httpsClient(anyTime(roots, func(s string) { serial = s })).Get(n.url + "/healthz")
	if err != nil {
		return "", err
	}
	return serial, resp.Body.Close()
}

func rootsOf(t *testing.T, p *realserver.Pebble) *x509.CertPool {
	t.Helper()
	text, err := p.Root()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return roots
}

// TestACME: two nodes get one certificate from a real authority, which asks only one of them. It is renewed while readers come,
// read and stay: no connection fails, and no stream ends. Then the authority is away, and the certificate stays in use.
func TestACME(t *testing.T) {
	https, plain, ports := freePair(t)
	other, _, _ := freePair(t)
	authority := realserver.NewPebble(t, &realserver.PebbleOptions{TLSPort: ports[0], HTTPPort: ports[1], Validity: 30 * time.Second})
	redis := realserver.NewRedis(t, realserver.DurableRedis()...)
	env := []string{
		"MOTACILLA_STORAGE_TYPE=redis", "MOTACILLA_STORAGE_URL=" + redis.URL(), "MOTACILLA_LOG_LEVEL=warn", "MOTACILLA_FEED_HEARTBEAT=1s",
		"MOTACILLA_SERVER_TLS_ACME_HOSTS=" + liveHost, "MOTACILLA_SERVER_TLS_ACME_DIRECTORY=" + authority.Directory,
		"MOTACILLA_SERVER_TLS_ACME_ROOTS=" + authority.Roots, "MOTACILLA_SERVER_TLS_ACME_EMAIL=web@example.org",
		"MOTACILLA_SERVER_TLS_ACME_SECRET=a secret of all nodes",
	}
	one := startSecure(t, https, append(env, "MOTACILLA_SERVER_TLS_REDIRECT_FROM="+plain)...)
	two := startSecure(t, other, env...)
	roots := rootsOf(t, authority)
	readers := httpsReaders(t, roots, one, two)
	first := readers.count()
	await(t, "both nodes send one certificate after the first was renewed", func() bool {
		a, errA := one.serialOf(roots)
		b, errB := two.serialOf(roots)
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		return a == b && readers.count() >= first+2
	})
	readers.mustAllRead(t)

	authority.Kill()
	await(t, "a failure is counted", func() bool {
		return strings.Contains(one.metrics(t, roots)+two.metrics(t, roots), `motacilla_tls_renewals_total{result="failed"} 1`)
	})
	before, err := one.serialOf(roots)
	if err != nil {
		t.Fatal(err)
	}
	readers.mustAllRead(t)
	await(t, "both nodes send the last certificate, without the authority", func() bool { // the other one may not have loaded it yet
		a, errA := one.serialOf(roots)
		b, errB := two.serialOf(roots)
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		return a == before && b == before
	})
	readers.stop()
	for _, n := range []*secureNode{one, two} {
		n.stop()
		if strings.Contains(n.output.String(), "PRIVATE KEY") || strings.Contains(n.output.String(), "a secret of all nodes") {
			t.Errorf("a secret is in the log: %s", n.output)
		}
	}
}

// TestACMEByHTTP: if the authority can reach only the port of http, the redirects there do not get in its way.
func TestACMEByHTTP(t *testing.T) {
	https, plain, ports := freePair(t)
	authority := realserver.NewPebble(t, &realserver.PebbleOptions{TLSPort: 1, HTTPPort: ports[1]})
	n := startSecure(t, https, "MOTACILLA_STORAGE_TYPE=sqlite", "MOTACILLA_SERVER_TLS_REDIRECT_FROM="+plain,
		"MOTACILLA_SERVER_TLS_ACME_HOSTS="+liveHost, "MOTACILLA_SERVER_TLS_ACME_DIRECTORY="+authority.Directory,
		"MOTACILLA_SERVER_TLS_ACME_ROOTS="+authority.Roots)
	if _, err := n.serialOf(rootsOf(t, authority)); err != nil {
		t.Error(err)
	}
}

func (n *secureNode) metrics(t *testing.T, roots *x509.CertPool) string {
	t.Helper()
	resp, err := httpsClient(anyTime(roots, nil)).Get(n.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// load is readers of several nodes: some that make a connection for each request, and a stream for each node.
type load struct {
	requests, events atomic.Int64
	failed           atomic.Pointer[error]
	serials          sync.Map
	cancel           context.CancelFunc
	running          sync.WaitGroup
}

func httpsReaders(t *testing.T, roots *x509.CertPool, nodes ...*secureNode) *load {
	t.Helper()
	c, err := client.New(nodes[0].url, &client.Options{Token: token, HTTP: httpsClient(anyTime(roots, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateChannel(t.Context(), client.NewChannel{ID: "match-42", Title: "The match"}); err != nil {
		t.Fatal(err)
	}
	l := &load{}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	t.Cleanup(l.stop)
	for _, n := range nodes {
		l.running.Go(func() { l.come(ctx, roots, n) })
		l.running.Go(func() { l.stay(ctx, roots, n) })
	}
	return l
}

func (l *load) saw(serial string) { l.serials.Store(serial, true) }

// count returns how many certificates there were.
func (l *load) count() int {
	n := 0
	l.serials.Range(func(any, any) bool { n++; return true })
	return n
}

func (l *load) fail(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		l.failed.CompareAndSwap(nil, &err)
	}
}

// come makes connections, a request each.
func (l *load) come(ctx context.Context, roots *x509.CertPool, n *secureNode) {
	c := httpsClient(anyTime(roots, l.saw))
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/live/interval-polling/match-42/?since=0", nil)
		if err != nil {
			l.fail(ctx, err)
			return
		}
		resp, err := c.Do(req)
		if err != nil {
			l.fail(ctx, err)
			continue
		}
		_, err = io.Copy(io.Discard, resp.Body)
		l.fail(ctx, errors.Join(err, resp.Body.Close()))
		if resp.StatusCode != http.StatusOK {
			l.fail(ctx, errors.New(resp.Status))
		}
		l.requests.Add(1)
	}
}

// stay reads one stream. Its heartbeats come each second.
func (l *load) stay(ctx context.Context, roots *x509.CertPool, n *secureNode) {
	transport := &http.Transport{TLSClientConfig: anyTime(roots, l.saw)}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/live/sse/match-42/", nil)
	if err != nil {
		l.fail(ctx, err)
		return
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		l.fail(ctx, err)
		return
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data: ") && strings.Contains(lines.Text(), `"match-42"`) {
			l.events.Add(1)
		}
	}
	l.fail(ctx, errors.Join(errors.New("the stream has ended"), lines.Err()))
}

// mustAllRead waits until there were more requests and events, and fails the test if anything has failed.
func (l *load) mustAllRead(t *testing.T) {
	t.Helper()
	requests, events := l.requests.Load(), l.events.Load()
	await(t, "readers read", func() bool {
		if err := l.failed.Load(); err != nil {
			t.Fatal(*err)
		}
		return l.requests.Load() > requests+10 && l.events.Load() > events+2
	})
}

func (l *load) stop() {
	l.cancel()
	l.running.Wait()
}
