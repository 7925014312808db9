package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/realserver"
	"go.uber.org/zap"
)

// patience bounds how long a test waits.
const patience = time.Minute

func listenOn(t *testing.T, port int) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// serve answers challenges with k on two ports until the test ends.
func serve(t *testing.T, k *Keeper, ports [2]int) {
	t.Helper()
	plain := &http.Server{Handler: k.AnswerHTTP(http.NotFoundHandler()), ReadHeaderTimeout: patience}
	secure := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: patience}
	config := &tls.Config{GetCertificate: k.GetCertificate, NextProtos: []string{"http/1.1", Protocol}}
	one, two := listenOn(t, ports[0]), tls.NewListener(listenOn(t, ports[1]), config)
	done := make(chan struct{}, 2)
	go func() { _ = plain.Serve(one); done <- struct{}{} }()
	go func() { _ = secure.Serve(two); done <- struct{}{} }()
	t.Cleanup(func() {
		_, _ = plain.Close(), secure.Close()
		<-done
		<-done
	})
}

func ports(t *testing.T) [2]int {
	t.Helper()
	port := realserver.FreePort(t)
	return [2]int{port, port + 10_000}
}

func acmeOf(t *testing.T, p *realserver.Pebble, o ACMEOptions) ACMEOptions {
	t.Helper()
	roots, err := Roots(p.Roots)
	if err != nil {
		t.Fatal(err)
	}
	o.Directory, o.Roots = p.Directory, roots
	return o
}

// verify checks that the authority vouches for a certificate.
func verify(t *testing.T, p *realserver.Pebble, chain []byte, key []byte, host string) *x509.Certificate {
	t.Helper()
	cert, err := parse(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := p.Root()
	if err != nil {
		t.Fatal(err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	for _, der := range cert.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		between.AddCert(c)
	}
	if _, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between}); err != nil {
		t.Error(err)
	}
	return cert.Leaf
}

// TestIssue: an authority issues certificates after either challenge, whichever node it asks. It knows the certificate that a
// new one replaces. It may have lost the account, and all certificates.
func TestIssue(t *testing.T) {
	at := ports(t)
	for _, tt := range []struct {
		name      string
		http, tls int
		offered   bool // HTTP-01
	}{
		{"tls-alpn-01", 0, at[1], false},
		{"http-01", at[0], 1, true}, // the other one fails, and is given up
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := realserver.NewPebble(t, &realserver.PebbleOptions{HTTPPort: tt.http, TLSPort: tt.tls})
			records := recordsOf(t)
			o := Options{
				Hosts: []string{"live.example.org", "www.example.org"}, Records: records, Logger: zap.NewNop(),
				Secret: "a secret of all nodes", ACME: acmeOf(t, p, ACMEOptions{Email: "web@example.org", HTTP: tt.offered}),
			}
			k, another := newTestKeeper(t, o), newTestKeeper(t, o)
			serve(t, another, at) // the node that asks is not the one that answers
			a := newAuthority(o.ACME, k.vault)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			issue := func(host string, old *x509.Certificate) *x509.Certificate {
				chain, key, err := a.Issue(ctx, host, old)
				if err != nil {
					t.Fatal(err)
				}
				return verify(t, p, chain, key, host)
			}
			leaf := issue("live.example.org", nil)
			if w, err := a.Window(ctx, leaf); err != nil || w.Chosen.Before(w.Start) || w.Chosen.After(w.End) {
				t.Errorf("the window is %+v, %v", w, err)
			}
			issue("live.example.org", leaf)
			issue("www.example.org", nil)
			left, err := records.List(ctx, namespace, challengePrefix, "", 0)
			if err != nil || len(left) > 0 {
				t.Errorf("challenges are left: %v, %v", left, err)
			}
			p.Kill()
			if _, _, err := a.Issue(ctx, "live.example.org", nil); err == nil {
				t.Error("issued without an authority")
			}
			p.Start(t)
			issue("live.example.org", nil)
		})
	}
}

// TestRefused: an authority that can't see the answer issues nothing, and says why. No challenge stays.
func TestRefused(t *testing.T) {
	p := realserver.NewPebble(t, &realserver.PebbleOptions{HTTPPort: 1, TLSPort: 1})
	k := newTestKeeper(t, Options{Records: recordsOf(t)})
	a := newAuthority(acmeOf(t, p, ACMEOptions{HTTP: true}), k.vault)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, _, err := a.Issue(ctx, "live.example.org", nil); err == nil || !strings.Contains(err.Error(), "live.example.org") {
		t.Errorf("%v", err)
	}
	left, err := k.vault.records.List(ctx, namespace, challengePrefix, "", 0)
	if err != nil || len(left) > 0 {
		t.Errorf("challenges are left: %v, %v", left, err)
	}
}

// TestExternalAccount: an authority may demand an account that was made elsewhere.
func TestExternalAccount(t *testing.T) {
	const key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	p := realserver.NewPebble(t, &realserver.PebbleOptions{AlwaysValid: true, EABKey: key})
	for id, want := range map[string]bool{"": false, "kid-1": true, "kid-2": false} {
		k := newTestKeeper(t, Options{Records: recordsOf(t)})
		a := newAuthority(acmeOf(t, p, ACMEOptions{EABKey: id, EABSecret: key}), k.vault)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, _, err := a.Issue(ctx, "live.example.org", nil)
		cancel()
		if (err == nil) != want || err != nil && strings.Contains(err.Error(), key) {
			t.Errorf("with the ID %q: %v", id, err)
		}
	}
}

// TestAnswers: who asks for what is no challenge, or not one of ours, learns nothing.
func TestAnswers(t *testing.T) {
	k := newTestKeeper(t, Options{Records: recordsOf(t)})
	at := ports(t)
	serve(t, k, at)
	token := strings.Repeat("t", 43)
	if err := k.vault.challenge(t.Context(), http01, token, map[string]string{"keyAuthorization": token + ".thumb"}); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, tt := range []struct {
		host, path string
		status     int
	}{
		{"live.example.org", wellKnown + token, 200},
		{"LIVE.example.org:80", wellKnown + token, 200},
		{"evil.example", wellKnown + token, 404},
		{"live.example.org", wellKnown + strings.Repeat("u", 43), 404},
		{"live.example.org", wellKnown + "short", 404},
		{"live.example.org", wellKnown + token + "/..", 404},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+strconv.Itoa(at[0])+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = tt.host
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("%s %s: %s", tt.host, tt.path, resp.Status)
		}
	}
	for _, host := range []string{"live.example.org", "evil.example"} { // there is no such challenge
		config := &tls.Config{ServerName: host, NextProtos: []string{Protocol}, InsecureSkipVerify: true}
		if conn, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(at[1])), config); err == nil {
			_ = conn.Close()
			t.Errorf("%s: a certificate without a challenge", host)
		}
	}
}
