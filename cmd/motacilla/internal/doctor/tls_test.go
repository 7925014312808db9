package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// signed returns a certificate of template that parent has signed, or that vouches for itself.
func signed(t *testing.T, template *x509.Certificate, parent *tls.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.BasicConstraintsValid = big.NewInt(time.Now().UnixNano()), true
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour)
	}
	by, signer := template, any(key)
	if parent != nil {
		by, signer = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func authority(t *testing.T, name string, parent *tls.Certificate) *tls.Certificate {
	t.Helper()
	return signed(t, &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}, parent)
}

// front serves h by https with the certificates that cert sends. What is asked at port 80 is answered by plain, if it is not nil.
// It returns a transport that reaches both, and trusts root.
func front(t *testing.T, h http.Handler, cert *tls.Certificate, root *x509.Certificate, plain http.Handler) *http.Transport {
	t.Helper()
	secure := httptest.NewUnstartedServer(h)
	secure.EnableHTTP2, secure.Config.ErrorLog = true, quiet
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	open := ""
	if plain != nil {
		s := httptest.NewServer(plain)
		t.Cleanup(s.Close)
		open = s.Listener.Addr().String()
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, DisableCompression: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			to := secure.Listener.Addr().String()
			if strings.HasSuffix(addr, ":80") {
				to = open
			}
			if to == "" {
				return nil, fmt.Errorf("connection refused")
			}
			return (&net.Dialer{}).DialContext(ctx, network, to)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// TestCertificates: what browsers refuse is named, and so is what to do.
func TestCertificates(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the token goes to a server that nobody vouches for")
		}
	})
	root := authority(t, "Root", nil)
	between := authority(t, "Between", root)
	leaf := func(change func(c *x509.Certificate)) *tls.Certificate {
		template := &x509.Certificate{Subject: pkix.Name{CommonName: "live"}, DNSNames: []string{"live.example.org", "www.example.org"}}
		if change != nil {
			change(template)
		}
		return signed(t, template, between)
	}
	whole := func(c *tls.Certificate) *tls.Certificate {
		c.Certificate = append(c.Certificate, between.Certificate...)
		return c
	}
	for name, tt := range map[string]struct {
		cert         *tls.Certificate
		seen, change string
	}{
		"expired": {whole(leaf(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
		})), "the certificate expired on ", "renew it"},
		"early": {whole(leaf(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		})), "is good only from", "clock"},
		"host": {whole(leaf(func(c *x509.Certificate) { c.DNSNames = []string{"a.example", "b.example"} })),
			"is for a.example, b.example, and not for live.example.org", "get a certificate for live.example.org"},
		"chain": {leaf(nil), "the chain is not complete: the server sends its own certificate, but not that of its issuer, CN=Between", "intermediates"},
		"self":  {signed(t, &x509.Certificate{Subject: pkix.Name{CommonName: "live"}, DNSNames: []string{"live.example.org"}}, nil), "vouches for itself", "authority"},
		"root": {func() *tls.Certificate {
			other := authority(t, "Other", authority(t, "Unknown", nil))
			c := signed(t, &x509.Certificate{Subject: pkix.Name{CommonName: "live"}, DNSNames: []string{"live.example.org"}}, other)
			c.Certificate = append(c.Certificate, other.Certificate...)
			return c
		}(), "the chain ends at CN=Unknown, which this machine does not trust", "authority"},
	} {
		o := &Options{Transport: front(t, h, tt.cert, root.Leaf, nil), Token: "s3cret"}
		report, err := Run(t.Context(), &url.URL{Scheme: "https", Host: "live.example.org"}, o)
		if err != nil || len(report.Checks) != 1 {
			t.Errorf("%s: %+v, %v", name, report, err)
			continue
		}
		if c := report.Checks[0]; c.Name != "tls" || c.Status != Failure || !strings.Contains(c.Seen, tt.seen) || !strings.Contains(c.Change, tt.change) {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestHTTPBesideHTTPS: what is at port 80 is looked at, without the token.
func TestHTTPBesideHTTPS(t *testing.T) {
	s := serve(t, map[string]string{"server.public_url": "https://live.example.org"})
	root := authority(t, "Root", nil)
	cert := signed(t, &x509.Certificate{Subject: pkix.Name{CommonName: "live"}, DNSNames: []string{"live.example.org"}}, root)
	to := func(target string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				t.Error("the token is sent by http")
			}
			http.Redirect(w, r, target, http.StatusPermanentRedirect)
		})
	}
	strict := responses(func(r *http.Response) { r.Header.Set("Strict-Transport-Security", "max-age=172800; includeSubDomains") })
	for name, tt := range map[string]struct {
		plain http.Handler
		want  string
	}{
		"redirect": {to("https://live.example.org/healthz"), "ok: browsers stay with it for 2 days"},
		"nothing":  {nil, "warning: nothing answers http://live.example.org"},
		"no https": {to("http://live.example.org/there"), "warning: 308 Permanent Redirect, and not sent on to https"},
		"plain":    {http.NotFoundHandler(), "warning: 404 Not Found"},
	} {
		o := s.options(Options{Fast: true, Token: "s3cret", Transport: front(t, s.proxy(strict), cert, root.Leaf, tt.plain)})
		report, err := Run(t.Context(), &url.URL{Scheme: "https", Host: "live.example.org"}, o)
		if err != nil {
			t.Fatal(err)
		}
		checks := byName(t, report)
		status, text, _ := strings.Cut(tt.want, ": ")
		if c := checks["redirect"]; string(c.Status) != status || !strings.Contains(c.Seen, text) {
			t.Errorf("%s: %+v, want %s", name, c, tt.want)
		}
		if c := checks["tls"]; c.Status != OK || !strings.Contains(c.Seen, "it is for live.example.org") || !strings.HasPrefix(c.Seen, "TLS 1.3") {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestOtherHostsCertificate: a transport on another host needs a good certificate too.
func TestOtherHostsCertificate(t *testing.T) {
	s := serve(t, map[string]string{"server.public_url": "https://push.example.org"})
	root := authority(t, "Root", nil)
	for host, want := range map[string]Status{"push.example.org": OK, "other.example.org": Failure} {
		cert := signed(t, &x509.Certificate{Subject: pkix.Name{CommonName: "live"}, DNSNames: []string{"live.example.org", host}}, root)
		o := s.options(Options{Fast: true, Transport: front(t, s.proxy(nil), cert, root.Leaf, nil)})
		report, err := Run(t.Context(), &url.URL{Scheme: "https", Host: "live.example.org"}, o)
		if err != nil {
			t.Fatal(err)
		}
		if c := byName(t, report)["hosts"]; c.Status != want || want == Failure && !strings.Contains(c.Seen, "not for push.example.org") {
			t.Errorf("%s: %+v", host, c)
		}
	}
}
