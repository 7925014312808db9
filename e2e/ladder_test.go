package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
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
	p := open(t, browser(t), s.url)
	p.live()
	s.post("one")
	p.shows("one")
	p.until(`sessionStorage.getItem("motacilla-transport").includes("interval-polling")`)
}

// buffering is a proxy like many: it passes an answer on when the answer is complete, and does not support WebSocket.
func buffering(t *testing.T, addr string) string {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host, out.RequestURI = "http", addr, ""
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
	for _, tt := range []struct {
		first string
		least time.Duration // to the first update
	}{
		{"sse", 4900 * time.Millisecond}, // the page notices after 5 s of silence
		{"websocket", 0},                 // refused at once
	} {
		t.Run(tt.first, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tt.first+",long-polling")
			s.post("one")
			chromium := browser(t)
			p := open(t, chromium, buffering(t, s.addr),
				`addEventListener("DOMContentLoaded", () => { window.began = performance.now() });
				new MutationObserver(() => {
					if (!window.took && document.querySelector("[data-live-status=live]")) took = performance.now() - began;
				}).observe(document, {attributes: true, childList: true, subtree: true})`)
			p.live()
			var ms float64
			p.eval(`took`, &ms)
			if took := time.Duration(ms) * time.Millisecond; took < tt.least {
				t.Errorf("live after %s, want %s or more", took, tt.least)
			}
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

// TestRestartIsNoReasonToFallBack stops the server for longer than it takes a page to give up a stream.
func TestRestartIsNoReasonToFallBack(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, name+",long-polling,interval-polling")
			p := open(t, browser(t), s.url)
			p.live()
			s.stop()
			time.Sleep(8 * time.Second)
			s.start()
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
			var asked, refused, next atomic.Int64
			s.gate = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/live/") {
					return true
				}
				now := time.Now().UnixNano()
				if asked.Add(1) <= refusals {
					refused.Store(now)
					w.Header().Set("Retry-After", "3")
					w.WriteHeader(tt.status)
					return false
				}
				next.CompareAndSwap(0, now)
				return true
			}
			s.start()
			p := open(t, browser(t), s.url)
			p.live()
			if waited := time.Duration(next.Load() - refused.Load()); waited < 3*time.Second {
				t.Errorf("the page came back after %s, the server said 3 s", waited)
			}
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
			two := open(t, browser(t), s.url)
			two.until(`document.querySelector("[data-live-status=connecting]")`)
			for deadline := time.Now().Add(time.Minute); two.times(name) < 2 && time.Now().Before(deadline); {
				time.Sleep(20 * time.Millisecond)
			}
			time.Sleep(2 * time.Second) // the server says 5 to 25
			if n := two.times(name); n != 2 {
				t.Errorf("a refused page asked %d times, want once to connect and once to learn why", n)
			}
			one.close()
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

// answers counts the connections to a server of the test.
type answers struct {
	mu sync.Mutex
	at []time.Time
}

func (a *answers) came() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, time.Now())
	return len(a.at)
}

// between returns the time from the first connection to the second.
func (a *answers) between() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.at) < 2 {
		return 0
	}
	return a.at[1].Sub(a.at[0])
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
		list   int           // the status of the list of transports from then on
		status string        // of the page in the end
		least  time.Duration // before the page comes back
	}{
		{"going away", websocket.StatusGoingAway, 200, "live", 0},
		{"try again later", websocket.StatusTryAgainLater, 200, "live", 5 * time.Second},
		{"not allowed", websocket.StatusPolicyViolation, 403, "refused", 0},
		{"not allowed, and then allowed", websocket.StatusPolicyViolation, 200, "live", 0},
		{"no such channel", 4404, 404, "gone", 0},
		{"an error", websocket.StatusInternalError, 200, "live", 0},
		{"restart", websocket.StatusServiceRestart, 200, "live", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, "websocket")
			var a answers
			var closed atomic.Bool
			s.gate = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/live/") {
					if closed.Load() && tt.list != http.StatusOK {
						route.WriteProblem(w, route.Problem{Status: tt.list})
						return false
					}
					return true
				}
				if a.came() > 1 {
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
			p := open(t, browser(t), s.url)
			if tt.status == "live" {
				for deadline := time.Now().Add(time.Minute); a.between() == 0 && time.Now().Before(deadline); {
					time.Sleep(20 * time.Millisecond)
				}
				if took := a.between(); took == 0 || took < tt.least {
					t.Errorf("the page came back after %s, want %s or more", took, tt.least)
				}
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
			var a answers
			s.gate = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/live/") || a.came() > 1 {
					return true
				}
				serveStream(w, r, time.Minute)
				return false
			}
			s.start()
			p := open(t, browser(t), s.url)
			p.live()
			s.post("one")
			p.shows("one")
			if took := a.between(); took < 1500*time.Millisecond {
				t.Errorf("the page came back after %s, want 1.5 s of silence first", took)
			}
		})
	}
}

// TestQuietStreamIsAlive waits for longer than a stream may be silent. Heartbeats keep it alive.
func TestQuietStreamIsAlive(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, name, "MOTACILLA_FEED_HEARTBEAT=1s")
			p := open(t, browser(t), s.url)
			p.live()
			time.Sleep(6 * time.Second)
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
