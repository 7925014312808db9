package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// arrivals are the requests of streams, by the protocol and the address that they came from.
type arrivals struct {
	next http.Handler

	mu   sync.Mutex
	from map[string]map[string]int
}

func (a *arrivals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/live/") {
		a.mu.Lock()
		if a.from[r.Proto] == nil {
			a.from[r.Proto] = map[string]int{}
		}
		a.from[r.Proto][r.RemoteAddr]++
		a.mu.Unlock()
	}
	a.next.ServeHTTP(w, r)
}

// of returns how many requests came over each connection of a protocol.
func (a *arrivals) of(proto string) []int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Values(a.from[proto]))
}

// siteOverHTTP2 serves the channels c0, c1 and so on over TLS and HTTP/2.
func siteOverHTTP2(t *testing.T, channels int) (*live.Live, *httptest.Server, *arrivals) {
	t.Helper()
	store := memory.New(nil)
	site, err := live.New(live.Options{Store: store, Publishers: func(p *live.Parts) []publisher.Publisher {
		return []publisher.Publisher{sse.New(p.Feed, nil), websocket.New(p.Feed, nil)}
	}})
	if err == nil {
		err = site.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range channels {
		ch := motacilla.Channel{ID: motacilla.ChannelID(fmt.Sprint("c", i)), Title: "A match"}
		if _, err := store.PutChannel(t.Context(), ch, 0); err != nil {
			t.Fatal(err)
		}
	}
	counted := &arrivals{next: site, from: map[string]map[string]int{}}
	server := httptest.NewUnstartedServer(counted)
	server.EnableHTTP2, server.Config.HTTP2 = true, live.HTTP2(0)
	server.StartTLS()
	t.Cleanup(func() {
		_ = site.Drain(context.Background())
		server.Close()
		_ = site.Shutdown(context.Background())
	})
	return site, server, counted
}

// A page with twenty event streams opens one connection for all of them. Over HTTP/1.1 a browser would open six, and fourteen
// streams would wait. A WebSocket gets a connection of its own, over HTTP/1.1.
func TestStreamsOfABrowserShareAConnection(t *testing.T) {
	t.Parallel()
	const channels = 20
	site, server, counted := siteOverHTTP2(t, channels)
	tab := open(t, browser(t), "about:blank")
	tab.run(call(security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}),
		chromedp.Navigate(server.URL+"/channels/c0"))
	tab.eval(fmt.Sprintf(`window.got = {};
		window.streams = Array.from({length: %d}, (_, i) => {
			const s = new EventSource("/live/sse/c" + i + "/");
			s.onmessage = (e) => { (got[i] ||= []).push(e.data); };
			return s;
		});`, channels), nil)
	tab.until(fmt.Sprintf(`Object.keys(got).length === %d`, channels))
	for i := range channels {
		ch := motacilla.ChannelID(fmt.Sprint("c", i))
		if _, _, err := site.Ingest("test").Post(t.Context(), ch, receiver.Message{Text: fmt.Sprintf("news of c%d.", i)}); err != nil {
			t.Fatal(err)
		}
	}
	tab.until(fmt.Sprintf(`Array.from({length: %d}, (_, i) => i).every((i) => got[i].join().includes("news of c" + i + "."))`, channels))
	if n := counted.of("HTTP/2.0"); len(n) != 1 || n[0] < channels {
		t.Errorf("requests of each connection over HTTP/2: %v, want one connection with at least %d", n, channels)
	}
	if n := counted.of("HTTP/1.1"); len(n) != 0 {
		t.Errorf("requests of each connection over HTTP/1.1: %v, want none", n)
	}
	tab.eval(`window.socket = new WebSocket(location.origin.replace("https", "wss") + "/live/websocket/c1/");
		socket.onmessage = (e) => { window.said = e.data; }`, nil)
	tab.until(`window.said && said.includes("news of c1.")`)
	if n := counted.of("HTTP/1.1"); len(n) != 1 {
		t.Errorf("connections of the WebSocket over HTTP/1.1: %v, want one", n)
	}
}
