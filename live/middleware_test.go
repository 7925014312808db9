package live_test

import (
	"bufio"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

type middleware func(http.Handler) http.Handler

// wrap makes a middleware that puts w around the server's writer.
func wrap(around func(http.ResponseWriter) http.ResponseWriter) middleware {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			wrapped := around(w)
			h.ServeHTTP(wrapped, r)
			if c, ok := wrapped.(io.Closer); ok {
				_ = c.Close()
			}
		})
	}
}

// squeezed compresses everything, and sends it at the end.
type squeezed struct {
	http.ResponseWriter
	zip   *gzip.Writer
	begun bool
}

func (s *squeezed) Write(p []byte) (int, error) {
	if !s.begun {
		s.WriteHeader(http.StatusOK)
	}
	if s.zip == nil {
		s.zip = gzip.NewWriter(s.ResponseWriter)
	}
	return s.zip.Write(p)
}

func (s *squeezed) WriteHeader(status int) {
	s.begun = true
	s.Header().Set("Content-Encoding", "gzip")
	s.Header().Del("Content-Length")
	s.ResponseWriter.WriteHeader(status)
}

func (s *squeezed) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *squeezed) Close() error {
	if s.zip == nil {
		return nil
	}
	return s.zip.Close()
}

// counting is like the writer of a library for metrics or traces.
type counting struct {
	http.ResponseWriter
	status, bytes int
}

func (c *counting) WriteHeader(status int) { c.status = status; c.ResponseWriter.WriteHeader(status) }

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.bytes += n
	return n, err
}

func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// asking is like gin's writer: at the end it writes an answer if there was none.
type asking struct {
	http.ResponseWriter
	written bool
}

func (a *asking) Written() bool { return a.written }

func (a *asking) WriteHeader(status int) { a.written = true; a.ResponseWriter.WriteHeader(status) }

func (a *asking) Write(p []byte) (int, error) { a.written = true; return a.ResponseWriter.Write(p) }

func (a *asking) Flush() { a.written = true; _ = http.NewResponseController(a.ResponseWriter).Flush() }

func (a *asking) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.written = true
	return http.NewResponseController(a.ResponseWriter).Hijack()
}

func (a *asking) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *asking) Close() error {
	if !a.written {
		a.WriteHeader(http.StatusOK)
	}
	return nil
}

// open are middlewares whose writers can be unwrapped.
var open = map[string]middleware{
	"none":    func(h http.Handler) http.Handler { return h },
	"gzip":    wrap(func(w http.ResponseWriter) http.ResponseWriter { return &squeezed{ResponseWriter: w} }),
	"metrics": wrap(func(w http.ResponseWriter) http.ResponseWriter { return &counting{ResponseWriter: w} }),
	"gin":     wrap(func(w http.ResponseWriter) http.ResponseWriter { return &asking{ResponseWriter: w} }),
	"metrics around gzip around metrics": wrap(func(w http.ResponseWriter) http.ResponseWriter {
		return &counting{ResponseWriter: &squeezed{ResponseWriter: &counting{ResponseWriter: w}}}
	}),
	"gzip around gin": wrap(func(w http.ResponseWriter) http.ResponseWriter {
		return &squeezed{ResponseWriter: &asking{ResponseWriter: w, written: true}}
	}),
	"encoding up front": wrap(func(w http.ResponseWriter) http.ResponseWriter {
		w.Header().Set("Content-Encoding", "gzip")
		return &squeezed{ResponseWriter: w}
	}),
}

// events reads the updates of a stream of server-sent events.
type events struct {
	*testing.T
	lines *bufio.Scanner
}

func (e events) next() (u motacilla.Update) {
	e.Helper()
	for e.lines.Scan() {
		data, is := strings.CutPrefix(e.lines.Text(), "data: ")
		if !is {
			continue
		}
		if err := u.UnmarshalJSON([]byte(data)); err != nil {
			e.Fatal(err)
		}
		return u
	}
	e.Fatalf("the stream ended: %v", e.lines.Err())
	return u
}

func encoding(t *testing.T, resp *http.Response) {
	t.Helper()
	if got := resp.Header.Get("Content-Encoding"); resp.StatusCode != http.StatusOK || got != "" {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		t.Fatalf("%s, encoding %q, want 200 without one\n%s", resp.Status, got, body)
	}
}

// TestMiddleware: whatever middleware puts around the writer, streams and polls are not compressed and come at once. No
// heartbeat pushes out what is buffered.
func TestMiddleware(t *testing.T) {
	t.Parallel()
	for name, around := range open {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", HTTP/2: ", http2), func(t *testing.T) {
				t.Parallel()
				s := start(t, options(t))
				server := s.serve(around(s), http2)
				at := server.URL + base + "/live/"

				resp := get(t, server.Client(), at+"sse/match/")
				encoding(t, resp)
				stream := events{t, bufio.NewScanner(resp.Body)}
				head := stream.next().Revision
				for i := range 3 {
					p := s.post(fmt.Sprint("post ", i))
					if u := stream.next(); u.Revision != p.Revision {
						t.Fatalf("update %d is %d, want %d", i, u.Revision, p.Revision)
					}
					head = p.Revision
				}

				polled := make(chan motacilla.Update, 1)
				go func() {
					defer close(polled)
					resp := get(t, server.Client(), at+fmt.Sprint("long-polling/match/?since=", head))
					if resp.Header.Get("Content-Encoding") != "" {
						t.Error("the poll is encoded")
						return
					}
					polled <- update(t, resp.Body)
				}()
				await(t, "the poll is held", func() bool {
					return s.Feed.Metrics().Of("long-polling").Readers.Load() == 1
				})
				p := s.post("polled")
				if u := <-polled; u.Revision != p.Revision {
					t.Errorf("the poll got %d, want %d", u.Revision, p.Revision)
				}
				stream.next()

				resp = get(t, server.Client(), at+"interval-polling/match/")
				encoding(t, resp)
				if u := update(t, resp.Body); u.Revision != p.Revision {
					t.Errorf("the interval poll got %d", u.Revision)
				}
				if !http2 { // gorilla has no WebSocket over HTTP/2
					s.webSocket(server)
				}
				if err := s.Drain(t.Context()); err != nil {
					t.Error(err)
				}
				server.Close() // all handlers have returned
				if said := s.said.String(); said != "" {
					t.Errorf("the server says %s", said)
				}
			})
		}
	}
}

func (s *site) webSocket(server *httptest.Server) {
	s.Helper()
	to := "ws" + strings.TrimPrefix(server.URL, "http") + base + "/live/websocket/match/"
	conn, resp, err := gorilla.DefaultDialer.DialContext(s.Context(), to, nil)
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close()
	if got := resp.Header.Get("Content-Encoding"); got != "" {
		s.Errorf("the handshake has the encoding %q", got)
	}
	for i, want := 0, motacilla.Revision(0); i < 2; i++ {
		var u motacilla.Update
		if err := conn.ReadJSON(&u); err != nil {
			s.Fatal(err)
		}
		if i == 1 && u.Revision != want {
			s.Errorf("the socket got %d, want %d", u.Revision, want)
		}
		if i == 0 {
			want = s.post("to a socket").Revision
		}
	}
}

// TestPagesAreCompressed: the app's middleware has pages to itself.
func TestPagesAreCompressed(t *testing.T) {
	t.Parallel()
	s := start(t, options(t))
	server := s.serve(open["gzip"](s), false)
	for _, path := range []string{"/", "/channels/match", "/assets/live.js", "/channels/match/transports", "/api/channels"} {
		resp := get(t, server.Client(), server.URL+base+path)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %s, encoding %q", path, resp.Status, resp.Header.Get("Content-Encoding"))
		}
	}
}

// bare hides all methods of the server's writer but those of http.ResponseWriter.
type bare struct{ w http.ResponseWriter }

func (b bare) Header() http.Header         { return b.w.Header() }
func (b bare) Write(p []byte) (int, error) { return b.w.Write(p) }
func (b bare) WriteHeader(status int)      { b.w.WriteHeader(status) }

// flushing hides only Hijack.
type flushing struct{ bare }

func (f flushing) Flush() { _ = http.NewResponseController(f.w).Flush() }

// sealed is like the writer of gin-contrib/gzip: it compresses, has all methods, and no Unwrap.
type sealed struct{ flushing }

func (s sealed) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(s.w).Hijack()
}

// TestMiddlewareThatHides: the answer and the log say which middleware is in the way, and what to change. The log says it
// once.
func TestMiddlewareThatHides(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		around  func(w http.ResponseWriter) http.ResponseWriter
		path    string
		upgrade bool
		want    string // in the error; empty means that all is well
	}{
		{"Flush", func(w http.ResponseWriter) http.ResponseWriter { return bare{w} }, "sse", false, "live_test.bare around the http.ResponseWriter, which hides Flush"},
		{"Flush from a poll", func(w http.ResponseWriter) http.ResponseWriter { return bare{w} }, "long-polling", false, "hides Flush"},
		{"Hijack", func(w http.ResponseWriter) http.ResponseWriter { return flushing{bare{w}} }, "websocket", true, "live_test.flushing around the http.ResponseWriter, which hides Hijack"},
		{"Hijack from a stream", func(w http.ResponseWriter) http.ResponseWriter { return flushing{bare{w}} }, "sse", false, ""},
		{"the encoding", func(w http.ResponseWriter) http.ResponseWriter {
			w.Header().Set("Content-Encoding", "gzip")
			return sealed{flushing{bare{w}}}
		}, "sse", false, "live_test.sealed around the http.ResponseWriter, which encodes the answer"},
		{"the encoding of an upgrade", func(w http.ResponseWriter) http.ResponseWriter {
			w.Header().Set("Content-Encoding", "gzip")
			return sealed{flushing{bare{w}}}
		}, "websocket", true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			core, logged := observer.New(zapcore.ErrorLevel)
			o.Logger = zap.New(core)
			s := start(t, o)
			server := s.serve(wrap(tt.around)(s), false)
			at := base + "/live/" + tt.path + "/match/"
			for range 2 {
				var resp *http.Response
				if tt.upgrade {
					u, _ := url.Parse(server.URL)
					conn, answer, err := gorilla.DefaultDialer.DialContext(t.Context(), "ws://"+u.Host+at, nil)
					if err == nil {
						_ = conn.Close()
					}
					resp = answer
				} else {
					resp = get(t, server.Client(), server.URL+at)
				}
				switch {
				case resp == nil:
					t.Fatal("no answer")
				case tt.want == "":
					if resp.StatusCode >= 300 {
						t.Errorf("%s", resp.Status)
					}
					continue
				}
				body, _ := io.ReadAll(resp.Body)
				if resp.StatusCode != http.StatusInternalServerError || !strings.Contains(string(body), tt.want) ||
					!strings.Contains(string(body), "Unwrap() http.ResponseWriter") || !strings.Contains(string(body), base+"/live/") {
					t.Errorf("%s %s, want %q", resp.Status, body, tt.want)
				}
			}
			if tt.want == "" {
				if logged.Len() > 0 {
					t.Errorf("logged %v", logged.All())
				}
				return
			}
			if all := logged.All(); len(all) != 1 || !strings.Contains(all[0].Message, tt.want) || all[0].ContextMap()["path"] != at {
				t.Errorf("logged %+v", all)
			}
		})
	}
}

// TestBothVersionsOfHTTP makes sure that the tests of middleware use the version that they name.
func TestBothVersionsOfHTTP(t *testing.T) {
	t.Parallel()
	s := start(t, options(t))
	for _, http2 := range []bool{false, true} {
		server := s.serve(s, http2)
		resp := get(t, server.Client(), server.URL+base+"/")
		if (resp.ProtoMajor == 2) != http2 || (resp.TLS != nil && resp.TLS.Version >= tls.VersionTLS12) != http2 {
			t.Errorf("HTTP/2 %v: %s", http2, resp.Proto)
		}
	}
}
