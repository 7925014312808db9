package outbound

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// loopback allows the servers of tests.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

func newClient(t *testing.T, o Options) *Client {
	c := New(&o)
	t.Cleanup(c.Close)
	return c
}

// serve runs a server on 127.0.0.1, and counts its requests.
func serve(t *testing.T, h http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	var hits atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s, &hits
}

func text(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }

func TestPrivateServersAreNotReached(t *testing.T) {
	s, hits := serve(t, text)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	c := newClient(t, Options{})
	for _, host := range []string{
		"127.0.0.1", "localhost", "LOCALHOST", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "127。0。0。1", "①②⑦.0.0.①", "2130706433", "0x7f.1", "0177.0.0.1",
		"10.0.0.1", "169.254.169.254", "[fd00:ec2::254]", "100.64.0.1", "192.168.1.1", "[fe80::1%25lo]",
	} {
		address := "http://" + host + ":" + port + "/"
		if _, err := c.Get(t.Context(), address, 100); !errors.Is(err, ErrRefused) {
			t.Errorf("Get %s: %v", address, err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader("a"))
		if err != nil {
			continue
		}
		if answer, err := c.Do(r); !errors.Is(err, ErrRefused) {
			t.Errorf("Do %s: %v", address, err)
			if err == nil {
				answer.Body.Close()
			}
		}
		if answer, err := c.HTTP().Get(address); !errors.Is(err, ErrRefused) {
			t.Errorf("HTTP %s: %v", address, err)
			if err == nil {
				answer.Body.Close()
			}
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the server was reached %d times", n)
	}
}

func TestRedirectsAreChecked(t *testing.T) {
	inner, hits := serve(t, text)
	innerURL := strings.Replace(inner.URL, "127.0.0.1", "127.0.0.2", 1)
	var target string
	outer, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) })
	c := newClient(t, Options{Allow: loopback})
	for _, target = range []string{
		innerURL, "http://localhost.localdomain@127.0.0.2/", "file:///etc/passwd", "gopher://127.0.0.1/", "http://169.254.169.254/latest/",
		"http://user:secret@127.0.0.1/", "http://2130706433/", "http://[::1]/", "http://127.0.0.1:22/", "//10.0.0.1/",
	} {
		_, err := c.Get(t.Context(), outer.URL, 100)
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", target, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error tells a password: %v", err)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the server was reached %d times", n)
	}
}

func TestRedirectsAreBounded(t *testing.T) {
	s, hits := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) })
	c := newClient(t, Options{Allow: loopback, Redirects: 3})
	if _, err := c.Get(t.Context(), s.URL, 100); err == nil || hits.Load() != 4 {
		t.Errorf("%v after %d requests", err, hits.Load())
	}
	hits.Store(0)
	c = newClient(t, Options{Allow: loopback, Redirects: -1})
	if _, err := c.Get(t.Context(), s.URL, 100); err == nil || hits.Load() != 1 {
		t.Errorf("%v after %d requests", err, hits.Load())
	}
}

func TestARedirectToAnotherHostTakesNoSecretsAlong(t *testing.T) {
	var got http.Header
	other, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Clone() })
	s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	c := newClient(t, Options{Allow: loopback})
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/hook/secret", nil)
	for _, name := range []string{"Authorization", "Cookie", "X-Token", "Private-Token"} {
		r.Header.Set(name, "secret")
	}
	r.Header.Set("Accept", "text/plain")
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if all := fmt.Sprint(got); strings.Contains(all, "secret") || got.Get("Accept") != "text/plain" || got.Get("User-Agent") != "Motacilla" {
		t.Errorf("the other host got %v", got)
	}
}

func TestNoRedirectFromHTTPSToHTTP(t *testing.T) {
	plain, hits := serve(t, text)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL, http.StatusFound)
	}))
	t.Cleanup(s.Close)
	c := newClient(t, Options{Allow: loopback})
	c.transport.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	if _, err := c.Get(t.Context(), s.URL, 100); !errors.Is(err, ErrRefused) || hits.Load() != 0 {
		t.Errorf("%v after %d requests", err, hits.Load())
	}
}

func TestAnotherHostHeaderIsRefused(t *testing.T) {
	s, _ := serve(t, text)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	r.Host = "metadata.internal"
	answer, err := newClient(t, Options{Allow: loopback}).Do(r)
	if !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	if err == nil {
		answer.Body.Close()
	}
}

func TestNoProxyOfTheEnvironment(t *testing.T) {
	proxy, hits := serve(t, text)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("ALL_PROXY", proxy.URL)
	if _, err := newClient(t, Options{Allow: loopback}).Get(t.Context(), "http://10.0.0.1/", 100); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	if hits.Load() != 0 {
		t.Error("the proxy was called")
	}
}

func TestErrorsTellNoSecrets(t *testing.T) {
	s, _ := serve(t, text)
	s.Close()
	c := newClient(t, Options{Allow: loopback})
	for _, address := range []string{s.URL + "/bot123:secret/get?token=secret", "http://10.0.0.1/secret?secret", "http://a:secret@b/"} {
		_, err := c.Get(t.Context(), address, 100)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
		u, _ := url.Parse(address)
		if err != nil && !strings.Contains(err.Error(), u.Hostname()) {
			t.Errorf("the error does not name the host: %v", err)
		}
	}
}

func TestABodyIsBounded(t *testing.T) {
	s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		var out io.Writer = w
		if r.URL.Path == "/bomb" { // 3 kB become 2.5 MB
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			out = z
		}
		chunk := strings.Repeat("a", 256<<10)
		for range 10 {
			if _, err := io.WriteString(out, chunk); err != nil {
				return
			}
		}
	})
	c := newClient(t, Options{Allow: loopback, Most: 1 << 20})
	for _, path := range []string{"/", "/bomb"} {
		if _, err := c.Get(t.Context(), s.URL+path, 256<<10); !errors.Is(err, ErrTooLarge) {
			t.Errorf("Get %s: %v", path, err)
		}
		p, err := c.GetStart(t.Context(), s.URL+path, 256<<10)
		if err != nil || len(p.Body) != 256<<10 || !p.Cut {
			t.Errorf("GetStart %s: %v", path, err)
		}
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		answer, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if !errors.Is(err, ErrTooLarge) || n > 1<<20 {
			t.Errorf("Do %s: %v after %d bytes", path, err, n)
		}
	}
}

func TestALongHeaderIsRefused(t *testing.T) {
	s, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("A", strings.Repeat("a", maxHeader+1))
	})
	if _, err := newClient(t, Options{Allow: loopback}).Get(t.Context(), s.URL, 100); err == nil {
		t.Error("a header of more than maxHeader bytes is taken")
	}
}

func TestASilentServer(t *testing.T) {
	s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/begin" {
			fmt.Fprint(w, "a")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	c := newClient(t, Options{Allow: loopback, Timeout: 100 * time.Millisecond})
	for _, path := range []string{"/", "/begin"} {
		if _, err := c.Get(t.Context(), s.URL+path, 100); err == nil {
			t.Errorf("Get %s succeeds", path)
		}
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/begin", nil)
	answer, err := c.Do(r)
	if errors.Is(err, errQuiet) {
		return // this process was stopped
	}
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.ReadAll(answer.Body); !errors.Is(err, errQuiet) {
		t.Error(err)
	}
}

func TestGetAsksForMediaTypes(t *testing.T) {
	s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.URL.Query().Get("type"))
		fmt.Fprint(w, r.Header.Get("Accept"))
	})
	c := newClient(t, Options{Allow: loopback})
	for got, ok := range map[string]bool{
		"application/json": true, "Application/JSON; charset=utf-8": true, "text/html": false, "image/png": true, "": false,
	} {
		p, err := c.Get(t.Context(), s.URL+"?type="+url.QueryEscape(got)+"#fragment", 100, "application/json", "image/*;q=0.5")
		if ok != (err == nil) {
			t.Errorf("%q: %v", got, err)
		}
		if err == nil && string(p.Body) != "application/json, image/*;q=0.5" {
			t.Errorf("Accept is %q", p.Body)
		}
	}
}

func TestAStatusIsAnError(t *testing.T) {
	s, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, err := newClient(t, Options{Allow: loopback}).Get(t.Context(), s.URL, 100)
	var status *StatusError
	if !errors.As(err, &status) || status.Status != 429 || status.RetryAfter != 2*time.Minute || status.Host != "127.0.0.1" {
		t.Error(err)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	s, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newClient(t, Options{Allow: loopback}).Get(ctx, s.URL, 100); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const week = 7 * 24 * time.Hour
	for value, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, " 5 ": 5 * time.Second, "0": 0, "-1": 0, "soon": 0, "1.5": 0,
		"99999999999": week, "9223372036854775807": week, "99999999999999999999": 0,
		now.Add(time.Hour).Format(http.TimeFormat): time.Hour, now.Add(-time.Hour).Format(http.TimeFormat): 0,
		now.AddDate(1, 0, 0).Format(http.TimeFormat): week,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("Retry-After: %s is %v, want %v", value, got, want)
		}
	}
}
