package route_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/motacilla-live/motacilla/route"
)

func TestOriginsAllow(t *testing.T) {
	list := route.NewOrigins("https://www.example.org", "https://Other.example/", "https://*.wild.example")
	for _, c := range []struct {
		o            *route.Origins
		origin, host string
		want         bool
	}{
		{nil, "https://live.example", "live.example", true},
		{&route.Origins{}, "http://LIVE.example:8080", "live.example:8080", true},
		{nil, "http://live.example", "live.example", true}, // TLS may end before us
		{nil, "https://live.example:8443", "live.example", false},
		{nil, "https://live.example.evil", "live.example", false},
		{nil, "foo://live.example", "live.example", false},
		{nil, "live.example", "live.example", false},
		{nil, "https://", "", false},
		{nil, "null", "live.example", false},
		{nil, "", "live.example", false},
		{list, "https://www.example.org", "live.example", true},
		{list, "https://other.example", "live.example", true},
		{list, "http://www.example.org", "live.example", false},
		{list, "https://www.example.org:444", "live.example", false},
		{list, "https://www.example.org.evil", "live.example", false},
		{list, "https://a.wild.example", "live.example", false},
		{list, "null", "live.example", false},
		{list, "", "live.example", false},
		{route.NewOrigins("*"), "https://any.example", "live.example", true},
		{route.NewOrigins("*"), "null", "live.example", true},
		{route.NewOrigins("*"), "", "live.example", false},
	} {
		if got := c.o.Allow(c.origin, c.host); got != c.want {
			t.Errorf("%+v: %q at %q: %t", c.o, c.origin, c.host, got)
		}
	}
}

func TestCORS(t *testing.T) {
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	list := route.NewOrigins("https://www.example.org", "https://*.wild.example")
	for _, c := range []struct {
		o                               *route.Origins
		method, origin, asks            string
		wantOrigin, wantCreds, wantVary string
	}{
		{nil, "GET", "https://www.example.org", "", "", "", ""},
		{list, "GET", "https://www.example.org", "", "https://www.example.org", "true", "Origin"},
		{list, "GET", "https://evil.example", "", "", "", "Origin"},
		{list, "GET", "https://a.wild.example", "", "", "", "Origin"},
		{list, "OPTIONS", "https://www.example.org", "GET", "https://www.example.org", "true", ""},
		{list, "OPTIONS", "https://www.example.org", "DELETE", "", "", ""},
		{list, "OPTIONS", "https://evil.example", "GET", "", "", ""},
		{route.NewOrigins("*"), "GET", "https://any.example", "", "*", "", ""},
		{route.NewOrigins("*"), "GET", "null", "", "*", "", ""},
		{route.NewOrigins("*"), "OPTIONS", "https://any.example", "POST", "*", "", ""},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		r.Header.Set("Origin", c.origin)
		if c.asks != "" {
			r.Header.Set("Access-Control-Request-Method", c.asks)
			r.Header.Set("Access-Control-Request-Headers", "cache-control,last-event-id")
		}
		w := httptest.NewRecorder()
		c.o.CORS(ok).ServeHTTP(w, r)
		h := w.Header()
		if h.Get("Access-Control-Allow-Origin") != c.wantOrigin || h.Get("Access-Control-Allow-Credentials") != c.wantCreds ||
			c.wantVary != "" && h.Get("Vary") != c.wantVary {
			t.Errorf("%s %s: %v", c.method, c.origin, h)
		}
	}
}
