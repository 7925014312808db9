package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// oddHub speaks Pusher's protocol to one reader at a time. It takes what is pushed to it and sends on nothing of it, but what the test says.
type oddHub struct {
	config string // how the program relays to it
	says   chan string
	heard  chan string // what readers send
}

// newOddHub starts a hub that greets readers with rhythm, in seconds.
func newOddHub(t *testing.T, rhythm string) *oddHub {
	t.Helper()
	h := &oddHub{says: make(chan string, 10), heard: make(chan string, 1000)}
	server := overTCP.start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/app/") {
			_, _ = io.WriteString(w, "{}") // a push
			return
		}
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		say := func(text string) bool { return conn.Write(r.Context(), websocket.MessageText, []byte(text)) == nil }
		say(`{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",\"activity_timeout\":` + rhythm + `}"}`)
		_, subscribe, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		h.heard <- string(subscribe)
		say(`{"event":"pusher_internal:subscription_succeeded","channel":"live-match","data":"{}"}`)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				_, text, err := conn.Read(r.Context())
				if err != nil {
					return
				}
				select {
				case h.heard <- string(text):
				default: // enough was heard
				}
			}
		}()
		for {
			select {
			case text := <-h.says:
				say(text)
			case <-ended:
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	h.config = "{type: pusher, app_id: a, key: k, secret: s, url: " + server.URL + ", readers: " + strings.Replace(server.URL, "http", "ws", 1) + "}"
	return h
}

// TestHubRhythm: a hub's rhythm counts within bounds. Otherwise a page would ping without end.
func TestHubRhythm(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	for rhythm, ms := range map[string]int{"3000000": 3_600_000, "0.001": 10_000, "-5": 10_000, "30": 30_000} {
		t.Run(rhythm, func(t *testing.T) {
			t.Parallel()
			h := newOddHub(t, rhythm)
			s := relaying(t, h.config, "sse")
			p := open(t, browser(t), s.url, holdTimers(longTimers))
			p.live()
			receive(t, "the page subscribes", h.heard)
			p.fire(fmt.Sprintf("ms === %d", ms))
			if said := receive(t, "the page says something", h.heard); said != `{"event":"pusher:ping","data":{}}` {
				t.Errorf("the page says %s", said)
			}
			p.askedOnly("pusher", 2)
		})
	}
}

// TestHubAsksInVain: a page asks for what a node does not have yet again soon, however often the hub had nothing to say before.
func TestHubAsksInVain(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	h := newOddHub(t, "120")
	s := relaying(t, h.config, "sse")
	p := open(t, browser(t), s.url, holdTimers("ms >= 2000"))
	p.live()
	for quiet := range 5 {
		p.fire(checkTimer)
		p.asks("pusher", 3+quiet)
	}
	p.sets(checkTimer) // it has the answer
	h.says <- `{"event":"update","channel":"live-match","data":"{\"channel\":\"match\",\"from\":9000000000000000,\"revision\":9000000000000000,\"renders\":{},\"removals\":[]}"}`
	for i, again := range []string{"ms >= 2000 && ms < 3000", "ms >= 4000 && ms < 5000"} {
		p.asks("pusher", 8+i)
		p.fire(again)
	}
}

// TestHubAndServerThatHangs: a page whose question is never answered begins anew, and gets what the hub does not send.
func TestHubAndServerThatHangs(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	h := newOddHub(t, "120")
	s := relaying(t, h.config, "sse")
	p := open(t, browser(t), s.url, holdTimers(longTimers), `{
		const ask = window.fetch;
		window.hung = 0;
		window.fetch = (url, o) => {
			if (!window.hangs || !String(url).includes("/live/pusher/")) return ask(url, o);
			window.hung++;
			return new Promise((_, fail) => o.signal.addEventListener("abort", () => fail(o.signal.reason)));
		};
	}`)
	p.live()
	p.sets(checkTimer)
	p.eval(`window.hangs = true`, nil)
	p.fire(checkTimer)
	p.until(`window.hung === 1`)
	p.eval(`window.hangs = false`, nil)
	s.post("news")
	p.fire("ms === 45000")
	p.shows("news")
	p.asks("pusher", 4)
	p.askedOnly("pusher", 4)
}
