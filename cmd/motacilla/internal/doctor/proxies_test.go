package doctor

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"
	"time"
)

var quiet = log.New(io.Discard, "", 0)

// responses changes the server's answers.
func responses(change func(*http.Response)) func(*httputil.ReverseProxy) http.Handler {
	return func(p *httputil.ReverseProxy) http.Handler {
		date := p.ModifyResponse
		p.ModifyResponse = func(r *http.Response) error {
			if err := date(r); err != nil {
				return err
			}
			change(r)
			return nil
		}
		return p
	}
}

// requests changes the requests to the server.
func requests(change func(*http.Request)) func(*httputil.ReverseProxy) http.Handler {
	return func(p *httputil.ReverseProxy) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			change(r)
			p.ServeHTTP(w, r)
		})
	}
}

func isUpgrade(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }

// buffers holds back answers until they are complete.
func buffers(p *httputil.ReverseProxy) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isUpgrade(r) {
			p.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		defer replay(w, rec)
		p.ServeHTTP(rec, r)
	})
}

func replay(w http.ResponseWriter, rec *httptest.ResponseRecorder) {
	_ = recover() // a proxy ends a broken answer by a panic
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

// cuts breaks off streams after their first event, and held polls after a while.
func cuts(p *httputil.ReverseProxy) http.Handler {
	const patience = 250 * time.Millisecond
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		switch {
		case strings.Contains(r.URL.Path, "/sse/"):
			w = &impatient{ResponseWriter: w, end: cancel}
		case strings.Contains(r.URL.Path, "/long-polling/") && !strings.Contains(r.URL.RawQuery, "hold=0"):
			time.Sleep(patience)
			cancel() // before the server is asked, which might answer sooner
		}
		p.ServeHTTP(w, r.WithContext(ctx))
	})
}

// impatient lets the first event of a stream through and then calls end. A heartbeat may follow the event at once.
type impatient struct {
	http.ResponseWriter
	seen  []byte
	ended bool
	end   func()
}

func (w *impatient) Write(b []byte) (int, error) {
	if w.ended {
		return 0, io.ErrClosedPipe
	}
	before := len(w.seen)
	w.seen = append(w.seen, b...)
	data := bytes.Index(w.seen, []byte("data:"))
	if data < 0 {
		return w.ResponseWriter.Write(b)
	}
	length := bytes.Index(w.seen[data:], []byte("\n\n"))
	if length < 0 {
		return w.ResponseWriter.Write(b)
	}
	w.ended = true
	defer w.end()
	_, err := w.ResponseWriter.Write(b[:data+length+2-before])
	return len(b), err
}

func (w *impatient) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func moveDate(h http.Header, by time.Duration) {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		h.Set("Date", date.Add(by).Format(http.TimeFormat))
	}
}

// cache keeps answers for ever under the key that key returns. It does not keep an answer whose key is "".
func cache(key func(*http.Request) string, changed func(http.Header)) func(*httputil.ReverseProxy) http.Handler {
	return func(p *httputil.ReverseProxy) http.Handler {
		var mu sync.Mutex
		kept := map[string]*httptest.ResponseRecorder{}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			k := key(r)
			if k == "" || r.Method != http.MethodGet || isUpgrade(r) || strings.Contains(r.URL.Path, "/sse/") {
				p.ServeHTTP(w, r)
				return
			}
			mu.Lock()
			rec := kept[k]
			mu.Unlock()
			if rec == nil {
				rec = httptest.NewRecorder()
				p.ServeHTTP(rec, r)
				mu.Lock()
				kept[k] = rec
				mu.Unlock()
			} else if changed != nil {
				changed(w.Header())
			}
			replay(w, rec)
		})
	}
}

func wholeURL(r *http.Request) string {
	if r.Header.Get("If-None-Match") != "" || r.Header.Get("Origin") != "" {
		return ""
	}
	return r.URL.String()
}

func polls(of, query string, key func(*http.Request) string) func(*http.Request) string {
	return func(r *http.Request) string {
		if !strings.Contains(r.URL.Path, of) || !strings.Contains(r.URL.RawQuery, query) {
			return ""
		}
		return key(r)
	}
}

// squeezes compresses event streams, and flushes after every write.
func squeezes(p *httputil.ReverseProxy) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/sse/") {
			w.Header().Set("Content-Encoding", "gzip")
			w = &squeezer{w, gzip.NewWriter(w)}
			r.Header.Del("Accept-Encoding")
		}
		p.ServeHTTP(w, r)
	})
}

type squeezer struct {
	http.ResponseWriter
	to *gzip.Writer
}

func (s *squeezer) Write(b []byte) (int, error) {
	n, err := s.to.Write(b)
	_ = s.to.Flush()
	_ = http.NewResponseController(s.ResponseWriter).Flush()
	return n, err
}

func (s *squeezer) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func only(path string, h http.Handler, answer http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, path) {
			answer(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Each fault of a proxy is found under its name, and no other fault is reported.
func TestProxies(t *testing.T) {
	s := serve(t, nil)
	backend := s.url.Host
	for _, tt := range []struct {
		name   string
		change func(*httputil.ReverseProxy) http.Handler
		o      Options
		want   map[string]string
	}{
		{"good", nil, Options{}, nil},
		{"good, for another origin", nil, Options{Origin: "https://www.example.org"}, nil},
		{"good, with a token for a private channel", nil, Options{Channel: "a-private", Token: "s3cret"}, nil},
		{"buffers", buffers, Options{First: 500 * time.Millisecond}, map[string]string{"event-stream": "failure: proxy_buffering off"}},
		{"cuts", cuts, Options{}, map[string]string{"held-requests": "failure: cut off after ", "event-stream-heartbeat": "failure: cut off"}},
		{"takes ETag off", responses(func(r *http.Response) { r.Header.Del("ETag") }), Options{Fast: true},
			map[string]string{"etag": "failure: no ETag"}},
		{"takes If-None-Match off", requests(func(r *http.Request) { r.Header.Del("If-None-Match") }), Options{Fast: true},
			map[string]string{"etag": "failure: not 304"}},
		{"has browsers keep polls", responses(func(r *http.Response) {
			if strings.Contains(r.Request.URL.Path, "interval") {
				r.Header.Set("Cache-Control", "public, max-age=3600")
			}
		}), Options{Fast: true}, map[string]string{"cache-control": "failure: max-age=3600"}},
		{"has nobody keep polls", responses(func(r *http.Response) {
			if strings.Contains(r.Request.URL.Path, "interval") {
				r.Header.Set("Cache-Control", "no-store")
			}
		}), Options{Fast: true}, map[string]string{"cache-control": "warning: nearly all polls"}},
		{"has caches keep streams", responses(func(r *http.Response) {
			if strings.Contains(r.Request.URL.Path, "sse") {
				r.Header.Set("Cache-Control", "max-age=60")
			}
		}), Options{Fast: true}, map[string]string{"event-stream": "failure: max-age=60"}},
		{"keeps everything", cache(polls("-polling", "", wholeURL), nil), Options{Again: patience},
			map[string]string{"cache": "failure: no-store was kept", "held-requests": "failure: a cache keeps"}},
		{"keeps held requests, and hides it", cache(polls("long-polling", "", func(r *http.Request) string {
			if strings.Contains(r.URL.RawQuery, "hold=0") {
				return ""
			}
			return r.URL.String()
		}), nil), Options{Again: patience}, map[string]string{"held-requests": "failure: a cache keeps"}},
		{"keeps polls", cache(polls("interval", "", wholeURL), nil), Options{},
			map[string]string{"cache": "failure: comes again"}},
		{"keeps polls whatever the query", cache(polls("interval", "", func(r *http.Request) string {
			if r.Header.Get("If-None-Match") != "" {
				return ""
			}
			return r.URL.Path
		}), nil), Options{Fast: true}, map[string]string{"cache": "failure: out of its key"}},
		{"tells that it keeps what it may not", cache(polls("long-polling", "hold=0", wholeURL),
			func(h http.Header) { h.Set("X-Cache", "HIT from edge") }), Options{},
			map[string]string{"cache": "failure: X-Cache: HIT"}},
		{"loses the upgrade", requests(func(r *http.Request) {
			r.Header.Del("Upgrade")
			r.Header.Del("Connection")
		}), Options{Fast: true}, map[string]string{"websocket": "failure: proxy_set_header Upgrade"}},
		{"loses Host", requests(func(r *http.Request) { r.Host = backend }), Options{Fast: true},
			map[string]string{"websocket": "failure: proxy_set_header Host $host;"}},
		{"compresses events", squeezes, Options{}, map[string]string{"event-stream-compression": "warning: gzip_types"}},
		{"is an hour behind", responses(func(r *http.Response) {
			moveDate(r.Header, -time.Hour)
		}), Options{Fast: true}, map[string]string{"clock": "failure: 1h0m0s behind"}},
		{"is ten seconds ahead", responses(func(r *http.Response) {
			moveDate(r.Header, 10*time.Second)
		}), Options{Fast: true}, map[string]string{"clock": "warning: ahead"}},
		{"allows origins too", responses(func(r *http.Response) { r.Header.Add(allowOrigin, "*") }),
			Options{Fast: true, Origin: "https://www.example.org"}, map[string]string{"origins": "failure: 2 times"}},
		{"loses Origin", requests(func(r *http.Request) {
			if !isUpgrade(r) {
				r.Header.Del("Origin")
			}
		}), Options{Fast: true, Origin: "https://www.example.org"}, map[string]string{"origins": "failure: may not read"}},
		{"loses Vary", responses(func(r *http.Response) { r.Header.Del("Vary") }),
			Options{Fast: true, Origin: "https://www.example.org"}, map[string]string{"origins": "warning: Vary"}},
		{"refuses OPTIONS", func(p *httputil.ReverseProxy) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodOptions {
					w.WriteHeader(http.StatusMethodNotAllowed)
					return
				}
				p.ServeHTTP(w, r)
			})
		}, Options{Fast: true, Origin: "https://www.example.org"}, map[string]string{"origins": "failure: limit_except"}},
		{"is asked for an origin that is not listed", nil, Options{Fast: true, Origin: "https://other.example"},
			map[string]string{"origins": "failure: server.origins: [https://other.example]", "websocket": "failure: server.origins"}},
		{"passes no streams", func(p *httputil.ReverseProxy) http.Handler {
			return only("/live/sse/", p, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
		}, Options{Fast: true}, map[string]string{"event-stream": "failure: not an event stream"}},
		{"is before a store that is away", func(p *httputil.ReverseProxy) http.Handler {
			return only("/readyz", p, func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
			})
		}, Options{Fast: true}, map[string]string{"ready": "failure: the store does not answer"}},
		{"is before something else", func(*httputil.ReverseProxy) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") })
		}, Options{Fast: true, Channel: "open"}, map[string]string{"channel": "failure: not as Motacilla does"}},
		{"is asked for no channel", nil, Options{Channel: "nobody"}, map[string]string{"channel": "failure: --channel"}},
		{"is asked for a private channel", nil, Options{Channel: "a-private"}, map[string]string{"channel": "failure: --token"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := s.alone()
			_, checks := s.examine(t, s.proxy(tt.change), tt.o)
			found(t, checks, tt.want)
		})
	}
}
