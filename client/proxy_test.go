package client_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// TestThroughProxy follows through a proxy with TLS and HTTP/2 that needs a name and a password, and sets a cookie.
func TestThroughProxy(t *testing.T) {
	each(t, func(t *testing.T, name string) {
		s := open(t)
		s.post(t, "Kick-off")
		target, err := url.Parse(s.url())
		if err != nil {
			t.Fatal(err)
		}
		behind := httputil.NewSingleHostReverseProxy(target)
		own := &http.Transport{}
		defer own.CloseIdleConnections()
		behind.Transport = own
		proto := make(chan string, 100)
		proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "mara" || password != "s3cret" {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			r.Header.Del("Authorization")
			if !strings.HasSuffix(r.URL.Path, "/transports") {
				if _, err := r.Cookie("seen"); err != nil {
					http.Error(w, "the cookie is missing", http.StatusForbidden)
					return
				}
				proto <- r.Proto
			}
			http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1", Path: "/"})
			behind.ServeHTTP(w, r)
		}))
		proxy.EnableHTTP2 = true
		proxy.StartTLS()
		defer proxy.Close()
		o := s.quick(name)
		o.HTTP = proxy.Client()
		if o.HTTP.Jar, err = cookiejar.New(nil); err != nil {
			t.Fatal(err)
		}
		base := strings.Replace(proxy.URL, "https://", "https://mara:s3cret@", 1)
		n := 0
		for u, err := range following(patient(t), base, match, o) {
			if err != nil {
				t.Fatal(err)
			}
			if u.Heartbeat() {
				continue
			}
			if n++; n == 2 {
				break
			}
			s.post(t, "Goal")
		}
		want := "HTTP/2.0"
		if name == "websocket" {
			want = "HTTP/1.1"
		}
		if got := <-proto; got != want {
			t.Errorf("the proxy was asked over %s, want %s", got, want)
		}
	})
}
