package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

func TestFallsBackWhereTheFirstTransportIsDead(t *testing.T) {
	t.Parallel()
	s := newStack(t, "long-polling", "interval-polling")
	s.gate = func(_ http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "long-polling") {
			return true
		}
		<-r.Context().Done() // it never answers
		return false
	}
	s.start()
	p := open(t, browser(t), s.url, holdTimers(firstUpdate))
	p.asks("long-polling", 1)
	p.fire(firstUpdate)
	p.live()
	s.post("one")
	p.shows("one")
	p.until(`sessionStorage.getItem("motacilla-transport").includes("interval-polling")`)
}

// buffering is a proxy like many: it passes an answer on when the answer is complete, and does not support WebSocket.
func buffering(t *testing.T, s *program) string {
	t.Helper()
	upstream := s.wire.parse(s.addr)
	proxy := s.wire.start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host, out.RequestURI = upstream.Scheme, upstream.Host, ""
		for _, name := range []string{"Connection", "Upgrade"} {
			out.Header.Del(name)
		}
		answer, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = answer.Body.Close() }()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		maps.Copy(w.Header(), answer.Header)
		w.WriteHeader(answer.StatusCode)
		_, _ = w.Write(body)
	}))
	t.Cleanup(func() {
		proxy.CloseClientConnections()
		proxy.Close()
	})
	return proxy.URL + "/channels/" + string(channel)
}

func TestFallsBackBehindABufferingProxyAndRemembers(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"sse", "websocket"} {
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			s := serve(t, first+",long-polling")
			s.post("one")
			p := open(t, browser(t), buffering(t, s), holdTimers(firstUpdate))
			if first == "sse" { // a WebSocket is refused at once
				p.asks("sse", 1)
				p.fire(firstUpdate)
			}
			p.live()
			s.post("two")
			p.shows("two", "one")
			p.forget()
			p.eval(`location.reload()`, nil)
			p.until(`performance.getEntriesByType("navigation")[0].type === "reload"`)
			p.live()
			s.post("three")
			p.shows("three", "two", "one")
			if used := transports(p); len(used) != 1 || used[0] != "long-polling" {
				t.Errorf("the second time the page asked %q", used)
			}
		})
	}
}

// TestRestartIsNoReasonToFallBack stops the server until a page has failed to connect more often than it takes to give up a
// stream.
func TestRestartIsNoReasonToFallBack(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, name+",long-polling,interval-polling")
			p := open(t, browser(t), s.url, holdTimers("ms >= 200"))
			p.live()
			s.stop()
			const pause = `ms !== 5000 && ms < 45000` // neither of the attempt nor of a silent stream
			for range 6 {
				p.fire(pause)
			}
			p.until(`document.querySelector("[data-live-status=reconnecting]")`)
			p.sets(pause) // the sixth attempt has failed too: on a busy machine it could reach the server that starts
			s.start()
			p.fire(pause)
			s.post("one")
			p.shows("one")
			p.live()
			if used := transports(p); len(used) != 1 || used[0] != name {
				t.Errorf("the page asked %q, want %s alone", used, name)
			}
		})
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
	}{
		{"sse", http.StatusServiceUnavailable}, {"sse", http.StatusTooManyRequests},
		{"websocket", http.StatusServiceUnavailable}, {"websocket", http.StatusTooManyRequests},
		{"long-polling", http.StatusServiceUnavailable}, {"interval-polling", http.StatusTooManyRequests},
	} {
		t.Run(fmt.Sprint(tt.name, " ", tt.status), func(t *testing.T) {
			t.Parallel()
			s := newStack(t, tt.name, "interval-polling")
			if tt.name == "interval-polling" {
				s = newStack(t, tt.name)
			}
			// A browser does not say why a stream was refused. The page asks a second time, at once, to learn it.
			refusals := int64(1)
			if tt.name == "sse" || tt.name == "websocket" {
				refusals = 2
			}
			var asked atomic.Int64
			s.gate = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/live/") {
					return true
				}
				if asked.Add(1) <= refusals {
					w.Header().Set("Retry-After", "3")
					w.WriteHeader(tt.status)
					return false
				}
				return true
			}
			s.start()
			p := open(t, browser(t), s.url, holdTimers("ms >= 3000"))
			const pause = `ms >= 3000 && ms <= 3750`
			p.sets(pause)
			if n := asked.Load(); n != refusals {
				t.Errorf("the page asked %d times before its pause, want %d", n, refusals)
			}
			p.fire(pause)
			p.live()
			if used := transports(p); len(used) != 1 || used[0] != tt.name {
				t.Errorf("the page asked %q, want %s alone", used, tt.name)
			}
		})
	}
}

// TestLimitsAreObeyed allows one reader. Another browser waits as long as the server says, and then takes its place.
func TestLimitsAreObeyed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, name, "MOTACILLA_SERVER_LIMITS_READERS_PER_ADDRESS=1")
			one := open(t, browser(t), s.url)
			one.live()
			two := open(t, browser(t), s.url, holdTimers("ms >= 5000"))
			two.asks(name, 2)
			const pause = `ms > 5000 && ms < 32000` // the server says 5 to 25 s
			two.sets(pause)
			two.until(`document.querySelector("[data-live-status=connecting]")`)
			if n := two.times(name); n != 2 {
				t.Errorf("a refused page asked %d times, want once to connect and once to learn why", n)
			}
			one.close()
			s.readers(name, 0)
			two.fire(pause)
			two.live()
			s.post("one")
			two.shows("one")
		})
	}
}

func TestPageIsToldThatItsChannelIsGoneOrPrivate(t *testing.T) {
	t.Parallel()
	for _, name := range everyTransport {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, name)
			chromium := browser(t)
			p := open(t, chromium, s.url)
			p.live()
			s.channel(text{"access": "private"})
			p.until(`document.querySelector("[data-live-status=refused]")`)
			s.channel(text{"access": "public"})
			p.eval(`location.reload()`, nil)
			two := open(t, chromium, s.url)
			p.live()
			two.live()
			s.api(http.MethodDelete, "channels/"+string(channel), nil, nil)
			p.until(`document.querySelector("[data-live-status=gone]")`)
			two.until(`document.querySelector("[data-live-status=gone]")`)
		})
	}
}

func heartbeat(r *http.Request) []byte {
	cursor, _ := motacilla.ParseRevision(r.URL.Query().Get("since"))
	return (&motacilla.Update{Channel: channel, From: cursor, Revision: cursor}).AppendJSON(nil)
}

func TestCloseCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		code   websocket.StatusCode
		list   int    // the status of the list of transports from then on
		status string // of the page in the end
		pause  string // before the page comes back, if it is longer than after other codes
	}{
		{"going away", websocket.StatusGoingAway, 200, "live", ""},
		{"try again later", websocket.StatusTryAgainLater, 200, "live", `ms > 5000 && ms < 20000`},
		{"not allowed", websocket.StatusPolicyViolation, 403, "refused", ""},
		{"not allowed, and then allowed", websocket.StatusPolicyViolation, 200, "live", ""},
		{"no such channel", 4404, 404, "gone", ""},
		{"an error", websocket.StatusInternalError, 200, "live", ""},
		{"restart", websocket.StatusServiceRestart, 200, "live", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, "websocket")
			var came atomic.Int64
			var closed atomic.Bool
			s.gate = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/live/") {
					if closed.Load() && tt.list != http.StatusOK {
						route.WriteProblem(w, route.Problem{Status: tt.list})
						return false
					}
					return true
				}
				if came.Add(1) > 1 {
					return true
				}
				conn, err := websocket.Accept(w, r, nil)
				if err != nil {
					t.Error(err)
					return false
				}
				_ = conn.Write(r.Context(), websocket.MessageText, heartbeat(r))
				closed.Store(true)
				_ = conn.Close(tt.code, "")
				return false
			}
			s.start()
			p := open(t, browser(t), s.url, holdTimers("ms >= 5000"))
			await(t, "the page connects", func() bool { return came.Load() > 0 })
			if tt.pause != "" {
				p.sets(tt.pause)
				if n := came.Load(); n != 1 {
					t.Errorf("the page connected %d times before its pause, want once", n)
				}
				p.fire(tt.pause)
			}
			if tt.status == "live" {
				await(t, "the page comes back", func() bool { return came.Load() > 1 })
				s.post("one")
				p.shows("one")
			}
			p.until(`document.querySelector("[data-live-status=` + tt.status + `]")`)
		})
	}
}

// serveStream answers a stream of either kind with the first update, and is silent for d after it.
func serveStream(w http.ResponseWriter, r *http.Request, d time.Duration) {
	ctx, cancel := context.WithTimeout(r.Context(), d)
	defer cancel()
	if strings.Contains(r.URL.Path, "websocket") {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		_ = conn.Write(ctx, websocket.MessageText, heartbeat(r))
		ctx = conn.CloseRead(ctx)
		<-ctx.Done()
		_ = conn.CloseNow()
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = fmt.Fprintf(w, "data: %s\n\n", heartbeat(r))
	_ = http.NewResponseController(w).Flush()
	<-ctx.Done()
}

func TestSilentStreamIsDead(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, name)
			s.beat = 500 * time.Millisecond // so that 1.5 s of silence are too many
			const silence = `ms === 1500`
			var came atomic.Int64
			s.gate = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/live/") || came.Add(1) > 1 {
					return true
				}
				serveStream(w, r, time.Hour)
				return false
			}
			s.start()
			p := open(t, browser(t), s.url, holdTimers(silence+" || "+firstUpdate))
			p.live()
			p.sets(silence)
			if n := came.Load(); n != 1 {
				t.Errorf("the page connected %d times before the silence, want once", n)
			}
			p.fire(silence)
			s.post("one")
			p.shows("one")
		})
	}
}

// TestQuietStreamIsAlive waits for more heartbeats than a stream may lack. Each lets the page wait anew.
func TestQuietStreamIsAlive(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, name, "MOTACILLA_FEED_HEARTBEAT=1s")
			p := open(t, browser(t), s.url, holdTimers("ms >= 3000"))
			p.live()
			// The page sets the timer when it connects and with the first update too.
			p.until(`timersSet.filter(ms => ms === 3000).length >= 2 + 4`)
			s.post("one")
			p.shows("one")
			if n := p.times(name); n != 1 {
				t.Errorf("the page connected %d times", n)
			}
		})
	}
}

// TestStreamThatIsAlwaysCutShortIsGivenUp cuts every stream short.
func TestStreamThatIsAlwaysCutShortIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, name, "long-polling")
			s.gate = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/live/"+name) {
					return true
				}
				serveStream(w, r, 300*time.Millisecond)
				return false
			}
			s.start()
			p := open(t, browser(t), s.url)
			p.live()
			p.until(`sessionStorage.getItem("motacilla-transport").includes("long-polling")`)
			s.post("one")
			p.shows("one")
		})
	}
}
