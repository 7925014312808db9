package e2e

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/internal/realserver"
)

// TestHubOfTabs: all tabs of a browser share one connection to the hub. If the tab that has it is closed, another one follows the hub, and
// no post is missed.
func TestHubOfTabs(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	for _, name := range []string{"mercure", "centrifugo"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, config := hubs[name](t)
			s := relaying(t, config, "sse")
			chromium := browser(t)
			var tabs []*tab
			tickets := func() (n int) {
				for _, p := range tabs {
					n += p.times(name)
				}
				return n
			}
			for range 3 {
				// Pages that follow take the lead if the leader is slow, until free says that they may.
				p := open(t, chromium, s.url, holdTimers(firstUpdate+" || !window.free && ms >= 5000"))
				p.live()
				tabs = append(tabs, p)
			}
			s.post("one")
			for _, p := range tabs {
				p.shows("one")
			}
			tabs[0].asks(name, 2) // the browser tells of requests some time later
			if n := tickets(); n != 2 || tabs[0].times(name) != n {
				t.Errorf("the pages have asked %d times for tickets, want 2 by the first", n)
			}
			for _, p := range tabs {
				p.eval(`window.free = true`, nil)
			}
			tabs[0].close()
			s.post("two")
			for _, p := range tabs[1:] {
				p.shows("two", "one")
			}
			await(t, "another page has connected to the hub", func() bool { return tickets() >= 4 })
			s.post("three")
			for _, p := range tabs[1:] {
				p.shows("three", "two", "one")
				if n := p.times("sse"); n != 0 {
					t.Errorf("a page has asked for server-sent events %d times", n)
				}
			}
		})
	}
}

// TestCentrifugoWithoutWebSocket: a page whose WebSocket to Centrifugo is refused, or never opened, goes on with server-sent events of it.
func TestCentrifugoWithoutWebSocket(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	for name, answer := range map[string]http.HandlerFunc{
		"refused": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"silent":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := realserver.NewCentrifugo(t)
			hub, err := url.Parse(c.URL)
			if err != nil {
				t.Fatal(err)
			}
			asked := make(chan string, 100)
			way := httputil.NewSingleHostReverseProxy(hub)
			front := overTCP.start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				at := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
				asked <- at
				if at == "websocket" {
					answer(w, r)
					return
				}
				way.ServeHTTP(w, r)
			}))
			t.Cleanup(front.Close)
			s := relaying(t, "{type: centrifugo, url: "+c.URL+"/api, key: "+realserver.CentrifugoAPIKey+", readers: "+front.URL+"}", "sse")
			p := open(t, browser(t), s.url, holdTimers("ms >= 2500"))
			first := receive(t, "the page asks the hub", asked) // what fires earlier would close a WebSocket that was never asked for
			if name == "silent" {
				p.fire("ms === 2500")
			}
			p.live()
			s.post("one")
			p.shows("one")
			s.post("two")
			p.shows("two", "one")
			p.askedOnly("centrifugo", 2)
			second := receive(t, "the page asks the hub again", asked)
			if ways := fmt.Sprint(first, " ", second, " ", len(asked)); ways != "websocket uni_sse 0" {
				t.Errorf("the page has asked the hub for %s more", ways)
			}
		})
	}
}
