package doctor

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"
	"time"
)

// merges makes one request of those for the same URL that are under way at the same time, if they have a round.
func merges(p *httputil.ReverseProxy) http.Handler {
	type flight struct {
		done chan struct{}
		rec  *httptest.ResponseRecorder
	}
	var mu sync.Mutex
	flights := map[string]*flight{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.RawQuery, "round=") || r.Header.Get("Authorization") != "" {
			p.ServeHTTP(w, r)
			return
		}
		mu.Lock()
		f := flights[r.URL.String()]
		if f != nil {
			mu.Unlock()
			<-f.done
			replay(w, f.rec)
			return
		}
		f = &flight{make(chan struct{}), httptest.NewRecorder()}
		flights[r.URL.String()] = f
		mu.Unlock()
		p.ServeHTTP(f.rec, r)
		close(f.done)
		replay(w, f.rec)
	})
}

// The doctor tells whether a cache merges held polls. Its sign is time, so on a busy machine it looks more than once.
func TestMerged(t *testing.T) {
	s := serve(t, nil)
	for _, tt := range []struct {
		name   string
		change func(*httputil.ReverseProxy) http.Handler
		o      Options
		want   string
	}{
		{"merges", merges, Options{}, "ok: were one request"},
		{"merges, and the doctor has a token", merges, Options{Token: "s3cret", Channel: "open"}, "ok: were one request"},
		{"does not", nil, Options{}, "ok: each held poll is a request"},
		{"of a private channel", merges, Options{Token: "s3cret", Channel: "a-private"}, "not tested: private"},
		{"fast", merges, Options{Fast: true}, "not tested: --fast"},
		{"is before an older server", func(p *httputil.ReverseProxy) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				q.Del("round")
				r.URL.RawQuery = q.Encode()
				p.ServeHTTP(w, r)
			})
		}, Options{}, "not tested: older"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := s.alone()
			status, text, _ := strings.Cut(tt.want, ": ")
			var c Check
			for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
				_, checks := s.examine(t, s.proxy(tt.change), tt.o)
				if c = checks["merged-polls"]; string(c.Status) == status && strings.Contains(c.Seen, text) {
					return
				}
			}
			t.Errorf("got %+v, want %s", c, tt.want)
		})
	}
}
