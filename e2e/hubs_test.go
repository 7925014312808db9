package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/internal/realserver"
)

// hub is a real hub. It can be killed and started again.
type hub interface {
	Kill()
	Restart(t testing.TB)
}

// hubs start each hub, and return how the program relays to it. Public readers need no token.
var hubs = map[string]func(t *testing.T) (it hub, config string){
	"mercure": func(t *testing.T) (hub, string) {
		m := realserver.NewMercure(t, &realserver.MercureOptions{Anonymous: true})
		return m, "{type: mercure, url: " + m.URL + ", key: " + realserver.MercurePublisherKey + ", readers: " + m.URL + "}"
	},
	"centrifugo": func(t *testing.T) (hub, string) {
		c := realserver.NewCentrifugo(t)
		return c, "{type: centrifugo, url: " + c.URL + "/api, key: " + realserver.CentrifugoAPIKey + ", readers: " + c.URL + "}"
	},
	"nchan": func(t *testing.T) (hub, string) {
		n := realserver.NewNchan(t, `
			location ~ ^/publish/(.+)$ { nchan_publisher http; nchan_channel_id $1; }
			location ~ ^/live/(.+)$ { nchan_subscriber eventsource; nchan_subscriber_first_message newest; nchan_channel_id $1; }`)
		return n, `{type: nchan, url: "http://` + n.Addr + `/publish/{channel}", readers: "http://` + n.Addr + `/live/{channel}"}`
	},
	"pusher": func(t *testing.T) (hub, string) {
		s := realserver.NewSoketi(t)
		return s, "{type: pusher, app_id: " + realserver.SoketiApp + ", key: " + realserver.SoketiKey + ", secret: " + realserver.SoketiSecret +
			", url: http://" + s.Addr + ", readers: ws://" + s.Addr + "}"
	},
}

// relaying starts the program with a hub and other transports. It returns when the program pushes to the hub.
func relaying(t *testing.T, config, others string, env ...string) *program {
	t.Helper()
	dir := t.TempDir()
	text := "publishers:\n  - " + config + "\n"
	for name := range strings.SplitSeq(others, ",") {
		text += "  - {type: " + name + "}\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "motacilla.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serveIn(t, dir, "", env...)
	s.relays()
	return s
}

// relays waits until the program pushes to the hub.
func (p *program) relays() {
	p.t.Helper()
	leading := regexp.MustCompile(`\nmotacilla_relay_leading\{[^}]*\} 1\n`)
	await(p.t, "the program relays", func() bool {
		answer, err := http.Get(p.site() + "/metrics")
		if err != nil {
			return false
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		return err == nil && leading.Match(body)
	})
}

// The timers of a reader at a hub. Tests hold them: then a reader asks the server only because of what the hub sends.
const (
	longTimers = `ms >= 5000`
	checkTimer = `ms >= 54000 && ms <= 66000`   // the hub has said nothing
	graceTimer = `ms === 10000`                 // the hub has not sent what the server has
	againTimer = `ms >= 290000 && ms <= 376000` // a hub is given up
)

// TestHub: a page follows a channel through each hub. When the hub dies, the page goes on with another transport, and later with the
// hub again. It shows every post.
func TestHub(t *testing.T) {
	t.Parallel()
	onlyTCP(t) // a page over TLS can't use a hub without
	for name, start := range hubs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			it, config := start(t)
			s := relaying(t, config, "sse")
			p := open(t, browser(t), s.url, holdTimers(longTimers))
			p.live()
			one := s.post("one")
			p.shows("one")
			s.post("two")
			p.shows("two", "one")
			s.edit(one, text{"text": "one, edited"})
			p.shows("two", "one, edited")
			p.askedOnly(name, 2) // when it came, and when the hub was ready

			it.Kill()
			p.asks("sse", 1)
			p.live()
			s.post("three")
			p.shows("three", "two", "one, edited")

			it.Restart(t)
			s.readers("sse", 1)
			p.fire(againTimer)
			s.readers("sse", 0)
			p.live()
			p.forget()
			s.post("four")
			p.shows("four", "three", "two", "one, edited")
			s.remove(one)
			p.shows("four", "three", "two")
			if n := p.times("sse"); n != 0 {
				t.Errorf("the page has asked for server-sent events %d times", n)
			}
		})
	}
}

// askedOnly waits until the page has asked this transport so often. It fails if it has asked more often, or another one.
func (p *tab) askedOnly(name string, times int) {
	p.t.Helper()
	p.asks(name, times) // the browser tells of requests some time later
	if used := transports(p); len(used) != 1 || used[0] != name || p.times(name) != times {
		p.t.Errorf("the page asked %q, %s %d times, want it alone %d times", used, name, p.times(name), times)
	}
}

// TestDeadHub: a hub that can't be reached makes the page use the next transport, at once and without an outage.
func TestDeadHub(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	for name, start := range hubs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			it, config := start(t)
			it.Kill()
			s := relaying(t, config, "sse,websocket,long-polling")
			s.post("one")
			p := open(t, browser(t), s.url, holdTimers(longTimers))
			p.live()
			s.post("two")
			p.shows("two", "one")
			s.readers("sse", 1)
			if n := p.times("websocket"); n != 0 {
				t.Errorf("the page has asked for a WebSocket %d times, though server-sent events work", n)
			}
		})
	}
}

// lossy stands between the program and a hub. It answers some pushes itself, as if the hub had taken them.
type lossy struct {
	url  string
	lose chan struct{} // a push is lost for each value
	lost chan struct{}
}

func newLossy(t *testing.T, hub string) *lossy {
	t.Helper()
	l := &lossy{lose: make(chan struct{}, 10), lost: make(chan struct{}, 10)}
	server := overTCP.start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-l.lose:
			l.lost <- struct{}{}
			_, _ = io.WriteString(w, "urn:uuid:lost")
			return
		default:
		}
		out, err := http.NewRequestWithContext(r.Context(), r.Method, hub, r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		out.Header = r.Header
		answer, err := http.DefaultClient.Do(out)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
		_ = answer.Body.Close()
	}))
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// TestHubLoses: what a hub has lost, or was too large for it, comes from the server.
func TestHubLoses(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	m := realserver.NewMercure(t, &realserver.MercureOptions{Anonymous: true})
	way := newLossy(t, m.URL)
	s := relaying(t, "{type: mercure, url: "+way.url+", key: "+realserver.MercurePublisherKey+", readers: "+m.URL+", max_bytes: 2000, timeout: 2m}", "sse") // a push that is late would be made again
	p := open(t, browser(t), s.url, holdTimers(longTimers))
	p.live()
	p.asks("mercure", 2)

	// The next update does not fit.
	way.lose <- struct{}{}
	s.post("lost")
	receive(t, "a push is lost", way.lost)
	s.post("next")
	p.shows("next", "lost")
	p.askedOnly("mercure", 3)

	// The hub gets a notice instead.
	large := strings.Repeat("large ", 500)
	s.post(large)
	p.shows(strings.TrimSpace(large), "next", "lost")
	p.askedOnly("mercure", 4)

	// Nothing comes after it: the page asks after a while. It takes the connection for dead then, and makes another one.
	way.lose <- struct{}{}
	s.post("last")
	receive(t, "a push is lost", way.lost)
	p.fire(checkTimer)
	p.shows("last", strings.TrimSpace(large), "next", "lost")
	p.askedOnly("mercure", 5)
	p.fire(graceTimer)
	p.asks("mercure", 7)
	p.live()
	s.post("through the hub")
	p.shows("through the hub", "last", strings.TrimSpace(large), "next", "lost")
	p.askedOnly("mercure", 7)
}

// TestHubOfManyChannels: a few channels are followed through the hub, each over a connection of its own. More share a connection to the
// server. One that the hub does not have gets a stream of the server.
func TestHubOfManyChannels(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	m := realserver.NewMercure(t, &realserver.MercureOptions{Anonymous: true})
	f := newForeign(t)
	f.policy.Store("")
	s := relaying(t, "{type: mercure, url: "+m.URL+", key: "+realserver.MercurePublisherKey+", readers: "+m.URL+
		", channels: [match, other-*]}", "sse", "MOTACILLA_SERVER_ORIGINS="+f.url)
	f.server.Store(s.addr)
	for _, id := range []string{"other-1", "other-2", "other-3", "other-4", "elsewhere"} {
		s.api(http.MethodPost, "channels", text{"id": id, "title": id}, nil)
	}
	for _, tt := range []struct {
		channels []string
		tickets  int // that the page asks for
		streams  int
	}{
		{[]string{"match", "other-1"}, 4, 0},
		{[]string{"match", "other-1", "elsewhere"}, 5, 1},
		{[]string{"match", "other-1", "other-2", "other-3", "other-4"}, 0, 1},
	} {
		t.Run(fmt.Sprint(len(tt.channels)), func(t *testing.T) {
			body := ""
			for _, ch := range tt.channels {
				body += `<live-posts src="SERVER" channel="` + ch + `"></live-posts>`
			}
			f.body.Store(body)
			p := open(t, browser(t), f.url, holdTimers(longTimers))
			const every = `[...document.querySelectorAll("live-posts")].every`
			p.until(every + `(e => e.status === "live")`)
			news := fmt.Sprintf("news of %d", len(tt.channels))
			for _, ch := range tt.channels {
				s.api(http.MethodPost, "channels/"+ch+"/posts", text{"text": news}, nil)
			}
			p.until(every + `(e => e.posts.length > 0 && e.posts[0].content.includes("` + news + `"))`)
			p.asks("mercure", tt.tickets) // the browser tells of requests some time later
			p.asks("sse", tt.streams)
			if tickets, streams := p.times("mercure"), p.times("sse"); tickets != tt.tickets || streams != tt.streams {
				t.Errorf("the page has asked %d times for tickets, want %d; and for %d streams, want %d", tickets, tt.tickets, streams, tt.streams)
			}
			p.close()
			s.readers("sse", 0)
		})
	}
}

// TestHubFromNode: the package follows a hub in Node.js, which has no EventSource and perhaps no WebSocket.
func TestHubFromNode(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	folder := npmApp(t)
	for _, name := range []string{"mercure", "centrifugo"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, config := hubs[name](t)
			s := relaying(t, config, "sse")
			p := node(t, folder, nil, "follow.mjs", s.site(), string(channel), name)
			s.post("one")
			p.says(`["one"]`)
			s.post("two")
			p.says(`["two","one"]`)
			p.ends()
			// A snapshot needs the server alone.
			q := node(t, folder, nil, "--input-type=module", "-e", `import {snapshot} from "@motacilla/client";
				const update = await snapshot({src: "`+s.site()+`", channel: "`+string(channel)+`", only: ["`+name+`"]});
				console.log(Object.keys(update.renders).length, update.reset)`)
			q.says("2 true")
			q.ends()
			s.readers("sse", 0)
		})
	}
}
