package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httputil"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// matches are channels of a server, with the texts that have been posted there, newest first.
type matches struct {
	s     *program
	texts map[string][]string
}

// newMatches makes n channels, m0 and on, with a post each.
func newMatches(s *program, n int) *matches {
	s.t.Helper()
	m := &matches{s: s, texts: map[string][]string{}}
	for i := range n {
		ch := fmt.Sprint("m", i)
		s.api(http.MethodPost, "channels", text{"id": ch, "title": "Match " + ch}, nil)
		m.post(ch, "first of "+ch)
	}
	return m
}

func (m *matches) post(ch, body string) {
	m.s.t.Helper()
	m.s.api(http.MethodPost, "channels/"+ch+"/posts", text{"text": body}, nil)
	m.texts[ch] = append([]string{body}, m.texts[ch]...)
}

// postAll posts to channels from and on.
func (m *matches) postAll(body string, from, to int) {
	m.s.t.Helper()
	for i := from; i < to; i++ {
		m.post(fmt.Sprint("m", i), body)
	}
}

// elements returns an element for each of the channels from m{from} on.
func elements(from, to int, attributes string) string {
	all := ""
	for i := from; i < to; i++ {
		all += fmt.Sprintf(`<live-posts src="SERVER" channel="m%d" %s></live-posts>`, i, attributes)
	}
	return all
}

// noteUpdates is a script for open. It notes posts that an element is told of as new twice. What elements show can be asked for.
const noteUpdates = `window.twice = []; {
	const seen = new WeakMap();
	addEventListener("live-posts-update", e => {
		const ids = seen.get(e.target) ?? new Set();
		seen.set(e.target, ids);
		e.detail.added.forEach(id => ids.has(id) ? twice.push(e.detail.channel + " " + id) : ids.add(id));
	});
}
window.shown = ch => [...document.querySelector('live-posts[channel="' + ch + '"]').shadowRoot
	.querySelectorAll("#live-posts:not([hidden]) > .live-post-wrapper:not([hidden]) > .live-post .post-body")].map(e => e.textContent);
window.statusOf = ch => document.querySelector('live-posts[channel="' + ch + '"]').status;`

// followAll waits until the page shows all that was posted to the channels, each text once and in order.
func (p *tab) followAll(m *matches, from, to int) {
	p.t.Helper()
	want := map[string][]string{}
	for i := from; i < to; i++ {
		want[fmt.Sprint("m", i)] = m.texts[fmt.Sprint("m", i)]
	}
	p.until(fmt.Sprintf(`Object.entries(%s).every(([ch, texts]) => JSON.stringify(shown(ch)) === JSON.stringify(texts) &&
		statusOf(ch) === "live")`, quoted(want)))
	p.until(`twice.length === 0`)
}

// quoted returns a value as a script has it.
func quoted(value any) string {
	text, _ := json.Marshal(value)
	return string(text)
}

// matchSite is a page of another site with elements for channels of a server.
func matchSite(t *testing.T, n int, publishers ...string) (*foreign, *matches) {
	t.Helper()
	return matchSiteOver(t, usual(), n, publishers...)
}

func matchSiteOver(t *testing.T, w wire, n int, publishers ...string) (*foreign, *matches) {
	t.Helper()
	f := newForeignOver(t, w)
	m := newMatches(f.serveTo(t, publishers...), n)
	f.policy.Store("")
	f.body.Store(elements(0, n, ""))
	return f, m
}

// add puts elements for channels into the page, all at once.
func (p *tab) add(s *program, from, to int) {
	p.t.Helper()
	p.eval(fmt.Sprintf(`{const at = document.createElement("div"); at.innerHTML = %q; document.querySelector("main").append(at)}`,
		strings.ReplaceAll(elements(from, to, ""), "SERVER", s.site())), nil)
}

func (p *tab) drop(ch string) {
	p.t.Helper()
	p.eval(`document.querySelector('live-posts[channel="`+ch+`"]').remove()`, nil)
}

// TestManyElementsShareAConnection adds elements to a page and removes some, while posts come.
func TestManyElementsShareAConnection(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, m := matchSite(t, 25, name, "long-polling")
			f.body.Store(elements(0, 20, ""))
			p := open(t, browser(t), f.url, noteUpdates, holdTimers(firstUpdate))
			p.followAll(m, 0, 20)
			m.s.readers(name, 1)
			m.postAll("second", 0, 25)
			p.followAll(m, 0, 20)
			if n := p.times(name); n != 1 {
				t.Errorf("the page connected %d times, want once", n)
			}

			p.add(m.s, 20, 25)
			m.postAll("while elements come", 0, 25)
			p.followAll(m, 0, 25)
			want := 2 // a new stream has taken the place of the first, once for all
			if name == "websocket" {
				want = 1
			}
			if n := p.times(name); n != want {
				t.Errorf("the page connected %d times, want %d", n, want)
			}
			for i := range 10 {
				p.drop(fmt.Sprint("m", i))
				m.postAll(fmt.Sprint("while elements go ", i), 0, 25)
			}
			p.followAll(m, 10, 25)
			m.s.readers(name, 1)
			m.postAll("last", 10, 25)
			p.followAll(m, 10, 25)
			if used := transports(p); !slices.Equal(used, []string{name}) {
				t.Errorf("the page asked %q, want %s alone", used, name)
			}
			p.eval(`document.querySelectorAll("live-posts").forEach(e => e.remove())`, nil)
			m.s.readers(name, 0)
		})
	}
}

// TestTabsWithOtherElementsShareAConnection opens pages that have no channel, or one, in common. The leading page is closed and
// another is hidden.
func TestTabsWithOtherElementsShareAConnection(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket", "interval-polling"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, m := matchSite(t, 9, name)
			chromium := browser(t)
			var tabs []*tab
			for i := range 3 {
				f.body.Store(elements(3*i, 3*i+3, "") + elements(0, min(i, 1), "")) // all show m0
				tabs = append(tabs, open(t, chromium, f.url, noteUpdates, holdTimers("!window.free && ms >= 5000")))
				tabs[i].followAll(m, 3*i, 3*i+3)
			}
			all := func(tabs []*tab, first int) {
				t.Helper()
				for i, p := range tabs {
					p.followAll(m, 3*(i+first), 3*(i+first)+3)
					p.followAll(m, 0, 1)
				}
			}
			m.postAll("second", 0, 9)
			all(tabs, 0)
			if name != "interval-polling" { // a poll is no reader
				m.s.readers(name, 1)
			}
			if used := transports(tabs[1:]...); len(used) != 0 {
				t.Errorf("the pages that follow asked %q themselves", used)
			}
			for _, p := range tabs {
				p.eval(`window.free = true`, nil)
			}
			tabs[0].close()
			m.postAll("after the first has gone", 0, 9)
			all(tabs[1:], 1)
			tabs[1].hide(true)
			m.postAll("while one is hidden", 0, 9)
			all(tabs[2:], 2)
			tabs[1].hide(false)
			all(tabs[1:], 1)
			if name != "interval-polling" {
				m.s.readers(name, 1)
			}
		})
	}
}

// TestOneRefusedChannelDoesNotConcernTheOthers reads a page with a private channel, a channel that does not exist, and one that is deleted.
func TestOneRefusedChannelDoesNotConcernTheOthers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, m := matchSite(t, 5, name)
			m.s.api(http.MethodPatch, "channels/m3", text{"access": "private"}, nil)
			f.body.Store(elements(0, 5, "") + elements(99, 100, ""))
			chromium := browser(t)
			p := open(t, chromium, f.url, noteUpdates)
			f.body.Store(elements(0, 5, ""))
			other := open(t, chromium, f.url, noteUpdates) // follows the first, which says what is refused
			for _, p := range []*tab{p, other} {
				p.until(`statusOf("m3") === "refused"`)
				p.followAll(m, 0, 3)
			}
			p.until(`statusOf("m99") === "gone"`)
			m.s.api(http.MethodDelete, "channels/m4", nil, nil)
			m.s.api(http.MethodPatch, "channels/m2", text{"access": "private"}, nil)
			m.postAll("second", 0, 2)
			for _, p := range []*tab{p, other} {
				p.until(`statusOf("m4") === "gone" && statusOf("m2") === "refused"`)
				p.followAll(m, 0, 2)
			}
			m.s.readers(name, 1)
		})
	}
}

// TestKilledServerLosesNothingOnAnyChannel kills the server while posts come, and starts it again.
func TestKilledServerLosesNothingOnAnyChannel(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]wire{"sse": overHTTP2, "websocket": overTCP} {
		w = w.unless()
		t.Run(name+" over "+string(w), func(t *testing.T) {
			t.Parallel()
			f, m := matchSiteOver(t, w, 8, name) // with polling, a slow restart would lead to it
			chromium := browser(t)
			var tabs []*tab
			for i := range 2 {
				f.body.Store(elements(4*i, 4*i+4, ""))
				tabs = append(tabs, open(t, chromium, f.url, noteUpdates))
				tabs[i].followAll(m, 4*i, 4*i+4)
			}
			for round := range 3 {
				m.postAll(fmt.Sprint("before ", round), 0, 8)
				m.s.kill()
				m.s.start()
				m.postAll(fmt.Sprint("after ", round), 0, 8)
			}
			for i, p := range tabs {
				p.followAll(m, 4*i, 4*i+4)
			}
			m.s.readers(name, 1)
			if used := transports(tabs...); !slices.Equal(used, []string{name}) {
				t.Errorf("the pages asked %q, want %s alone", used, name)
			}
		})
	}
}

// TestElementsPollWhileTheServerIsFull is TestPollsWhileTheServerIsFull for several channels.
func TestElementsPollWhileTheServerIsFull(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForeign(t)
			s := serve(t, name+",long-polling,interval-polling", "MOTACILLA_SERVER_ORIGINS="+f.url,
				"MOTACILLA_SERVER_LIMITS_READERS=1", "MOTACILLA_SERVER_LIMITS_OVERFLOW=polling")
			f.server.Store(s.addr)
			f.policy.Store("")
			f.body.Store(elements(0, 3, ""))
			m := newMatches(s, 3)
			one := open(t, browser(t), s.url, holdTimers(firstUpdate))
			one.live()
			two := open(t, browser(t), f.url, holdTimers(firstUpdate+" || ms >= 50000"), noteUpdates, `
				window.broke = false;
				addEventListener("live-posts-status", e => { broke ||= e.detail.status === "reconnecting" });`)
			two.followAll(m, 0, 3)
			m.postAll("second", 0, 3)
			two.followAll(m, 0, 3)
			const back = `ms > 50000 && ms <= 150000`
			two.sets(back)
			if n := two.times(name); n != 1 {
				t.Errorf("the page asked for its stream %d times, want 1", n)
			}
			two.fire(back)
			two.asks(name, 2)
			two.sets(back)
			m.postAll("third", 0, 3)
			two.followAll(m, 0, 3)

			one.close()
			s.readers(name, 0)
			two.fire(back)
			two.asks(name, 3)
			s.readers(name, 1)
			two.until(`sessionStorage.getItem("motacilla-transport").includes("` + name + `")`)
			two.followAll(m, 0, 3)
			two.forget()
			m.postAll("fourth", 0, 3)
			two.followAll(m, 0, 3)
			if used := transports(two); len(used) != 0 {
				t.Errorf("the page has its stream, and asked %q", used)
			}
			two.until(`!broke`)
		})
	}
}

// TestFullChannelIsPolled: a channel that has as many readers as it may have is polled. The others stay on the common connection.
func TestFullChannelIsPolled(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForeign(t)
			s := serve(t, name+",interval-polling", "MOTACILLA_SERVER_ORIGINS="+f.url,
				"MOTACILLA_SERVER_LIMITS_READERS_PER_CHANNEL=1", "MOTACILLA_SERVER_LIMITS_OVERFLOW=polling")
			f.server.Store(s.addr)
			f.policy.Store("")
			m := newMatches(s, 3)
			f.body.Store(elements(0, 1, ""))
			one := open(t, browser(t), f.url, noteUpdates, holdTimers(firstUpdate))
			one.followAll(m, 0, 1)
			f.body.Store(elements(0, 3, ""))
			two := open(t, browser(t), f.url, noteUpdates, holdTimers(firstUpdate+" || ms >= 50000"))
			two.followAll(m, 0, 3)
			m.postAll("second", 0, 3)
			two.followAll(m, 0, 3)
			s.readers(name, 2)
			if used := transports(two); !slices.Contains(used, "interval-polling") || !slices.Contains(used, name) {
				t.Errorf("the page asked %q, want %s, and polling for one channel", used, name)
			}
			one.close()
			s.readers(name, 1)
			two.fire(`ms > 50000 && ms <= 150000`)
			m.postAll("third", 0, 3)
			two.followAll(m, 0, 3)
			// When the channel is back on the common connection, nothing asks for it any more.
			await(t, "polling ends", func() bool {
				before := two.times("interval-polling")
				m.postAll("fourth", 0, 1)
				two.followAll(m, 0, 3)
				time.Sleep(100 * time.Millisecond)
				return two.times("interval-polling") == before
			})
			s.readers(name, 1)
		})
	}
}

// TestElementsThatGoAreUnsubscribed removes an element, and closes a page that follows another one.
func TestElementsThatGoAreUnsubscribed(t *testing.T) {
	t.Parallel()
	// following returns the channels of the newest connection, by its address and by what was sent over it.
	const note = `window.said = [];
		window.EventSource = class extends EventSource { constructor(url) { super(url); said.push(url) } };
		window.WebSocket = class extends WebSocket {
			constructor(url) { super(url); said.push(url) }
			send(text) { said.push(text); super.send(text) }
		};
		window.following = () => {
			let all = new Set();
			for (const text of said) {
				if (!text.startsWith("{")) {
					all = new Set(new URL(text, location.href).searchParams.getAll("c").map(c => c.split(",")[0]));
					continue;
				}
				const m = JSON.parse(text);
				for (const ch of Object.keys(m.subscribe ?? {})) all.add(ch);
				for (const ch of m.unsubscribe ?? []) all.delete(ch);
			}
			return [...all].sort().join();
		};`
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, m := matchSite(t, 4, name)
			chromium := browser(t)
			f.body.Store(elements(0, 2, ""))
			one := open(t, chromium, f.url, noteUpdates, note)
			one.followAll(m, 0, 2)
			f.body.Store(elements(2, 4, ""))
			two := open(t, chromium, f.url, noteUpdates)
			two.followAll(m, 2, 4)
			one.until(`following() === "m0,m1,m2,m3"`)
			one.drop("m1")
			one.until(`following() === "m0,m2,m3"`)
			two.close()
			one.until(`following() === "m0"`)
			m.post("m0", "second")
			one.followAll(m, 0, 1)
			m.s.readers(name, 1)
		})
	}
}

// TestFullServerKeepsItsReader adds an element to a page that is the only reader that there may be. The new stream would be one more
// than may be, so the old one ends first.
func TestFullServerKeepsItsReader(t *testing.T) {
	t.Parallel()
	for _, limit := range []string{"READERS", "READERS_PER_CHANNEL"} {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			f := newForeign(t)
			s := serve(t, "sse,interval-polling", "MOTACILLA_SERVER_ORIGINS="+f.url,
				"MOTACILLA_SERVER_LIMITS_"+limit+"=1", "MOTACILLA_SERVER_LIMITS_OVERFLOW=polling")
			f.server.Store(s.addr)
			f.policy.Store("")
			m := newMatches(s, 3)
			f.body.Store(elements(0, 2, ""))
			p := open(t, browser(t), f.url, noteUpdates, holdTimers(firstUpdate+" || ms >= 50000"))
			p.followAll(m, 0, 2)
			p.add(s, 2, 3)
			m.postAll("second", 0, 3)
			p.followAll(m, 0, 3)
			s.readers("sse", 1)
			if used := transports(p); !slices.Equal(used, []string{"sse"}) {
				t.Errorf("the page asked %q, want sse alone", used)
			}
		})
	}
}

// TestMoreElementsThanAConnectionCarries has 120 elements.
func TestMoreElementsThanAConnectionCarries(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, m := matchSite(t, 120, name)
			p := open(t, browser(t), f.url, noteUpdates, holdTimers(firstUpdate))
			p.followAll(m, 0, 120)
			m.s.readers(name, 2)
			m.postAll("second", 90, 110)
			p.followAll(m, 90, 110)
		})
	}
}

// TestServerThatCarriesOneChannelOnly hides the addresses for several channels, as of a server of an older release. Each channel has a
// connection then. When the server is upgraded, they share one.
func TestServerThatCarriesOneChannelOnly(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForeign(t)
			m := newMatches(f.serveTo(t, name), 3)
			var old atomic.Bool
			old.Store(true)
			proxy := httputil.NewSingleHostReverseProxy(m.s.wire.parse(m.s.addr))
			proxy.ModifyResponse = func(answer *http.Response) error {
				if !old.Load() || !strings.HasSuffix(answer.Request.URL.Path, "/transports") {
					return nil
				}
				return without(answer, regexp.MustCompile(`,"many":"[^"]*"`))
			}
			ctx, cancel := context.WithCancel(t.Context())
			server := f.wire.start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Del("Accept-Encoding")
				proxy.ServeHTTP(w, r.WithContext(ctx))
			}))
			t.Cleanup(func() {
				cancel()
				server.CloseClientConnections()
				server.Close()
			})
			f.server.Store(server.Listener.Addr().String())
			f.policy.Store("")
			f.body.Store(elements(0, 3, ""))
			p := open(t, browser(t), f.url, noteUpdates, holdTimers(firstUpdate))
			p.followAll(m, 0, 3)
			m.s.readers(name, 3)
			m.postAll("second", 0, 3)
			p.followAll(m, 0, 3)
			old.Store(false)
			p.eval(`location.reload()`, nil)
			p.until(`performance.getEntriesByType("navigation")[0].type === "reload"`)
			p.followAll(m, 0, 3)
			m.s.readers(name, 1)
		})
	}
}
