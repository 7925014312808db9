package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/r3labs/sse/v2"
)

// The tests in this file read with clients of other projects.

// otherSite is a page of another origin, with an empty list.
func otherSite(t *testing.T) string {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!doctype html><title>Another site</title><div id="live-posts"></div>`))
	}))
	t.Cleanup(site.Close)
	return site.URL
}

func (p *program) stream(publisher string, query string) string {
	return "http://" + p.addr + "/live/" + publisher + "/" + string(channel) + "/" + query
}

// chained is a script that is true if the updates of one reader, in order of arrival, form a chain.
const chained = `updates.every((u, i) => i === 0 || u.from === updates[i - 1].revision)`

// TestBrowsersEventSource restarts the server. The browser's EventSource comes back by itself.
func TestBrowsersEventSource(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	site := otherSite(t)
	s := serve(t, "sse", "MOTACILLA_SERVER_ORIGINS="+site)
	s.post("one")
	p := open(t, browser(t), site)
	p.eval(`window.updates = []; window.ids = [];
		window.source = new EventSource("`+s.stream("sse", "")+`");
		source.onmessage = e => { updates.push(JSON.parse(e.data)); ids.push(e.lastEventId) }; 0`, nil)
	p.until(`updates.length > 0 && updates[0].reset === true && Object.keys(updates[0].renders).length === 1`)
	two := s.post("two")
	s.edit(two, text{"text": "two, edited"})
	s.remove(two)
	p.until(`updates.some(u => u.removals.includes("` + string(two) + `"))`)
	s.stop()
	s.start()
	three := s.post("three")
	p.until(`updates.some(u => u.renders["` + string(three) + `"])`)
	p.until(chained + ` && updates.filter(u => u.reset).length === 1`)
	p.until(`updates.every((u, i) => ids[i] === String(u.revision))`)
	p.eval(`source.close()`, nil)
	s.readers("sse", 0)
}

// TestBrowsersWebSocket resumes at each revision that the page has seen.
func TestBrowsersWebSocket(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	site := otherSite(t)
	s := serve(t, "websocket", "MOTACILLA_SERVER_ORIGINS="+site)
	s.post("one")
	p := open(t, browser(t), site)
	url := strings.Replace(s.stream("websocket", ""), "http", "ws", 1)
	p.eval(`window.updates = [];
		window.socket = new WebSocket("`+url+`");
		socket.onmessage = e => updates.push(JSON.parse(e.data)); 0`, nil)
	p.until(`updates.length > 0 && updates[0].reset === true`)
	for i := range 5 {
		s.post(fmt.Sprint("post ", i))
	}
	p.until(`new Set(updates.flatMap(u => Object.keys(u.renders))).size === 6 && ` + chained)
	p.eval(`Promise.all(updates.map(u => u.revision).map((since, i, all) => new Promise((done, fail) => {
		const again = new WebSocket("`+url+`?since=" + since);
		again.onclose = () => fail(new Error("closed"));
		again.onmessage = e => {
			const u = JSON.parse(e.data), posts = Object.keys(u.renders).length;
			again.onclose = null;
			again.close();
			const ok = u.from === since && u.revision === all[all.length - 1] && !u.reset;
			ok ? done(posts) : fail(new Error(e.data));
		};
	})))`, nil)
	p.eval(`window.closeCode = new Promise(done => socket.onclose = e => done(e.code)); 0`, nil)
	s.stop()
	var code int
	p.eval(`closeCode`, &code)
	if code != 1001 {
		t.Errorf("a server that stops closed with %d, want 1001", code)
	}

	stranger := open(t, browser(t), otherSite(t))
	s.start()
	stranger.eval(`new Promise(done => {
		const socket = new WebSocket("`+url+`");
		socket.onopen = () => done("open");
		socket.onclose = () => done("refused");
	}).then(what => window.what = what)`, nil)
	stranger.until(`what === "refused"`)
}

// TestWagtailLivesScript handles each message as Wagtail Live's script does (static/wagtail_live/js/utils.js and
// websocket/websocket.js), and asks at the same path.
func TestWagtailLivesScript(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	site := otherSite(t)
	config, err := filepath.Abs("../examples/wagtail-live.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, "", "MOTACILLA_CONFIG="+config, "MOTACILLA_SERVER_ORIGINS="+site)
	one := s.post("one")
	p := open(t, browser(t), site)
	p.eval(`window.thrown = []; window.visible = () => [...document.querySelectorAll(".live-post-wrapper")]
			.filter(e => e.style.display !== "none").map(e => e.textContent.trim().split("\n").pop().trim());
		const list = document.querySelector("#live-posts");
		const byID = id => document.querySelector("[data-post-id='" + id + "']");
		window.socket = new WebSocket("ws://`+s.addr+`/ws/channel/match/");
		socket.onmessage = e => {
			try {
				const message = JSON.parse(e.data);
				for (const id in message.renders) {
					const wrapper = document.createElement("div"), old = byID(id);
					wrapper.className = "live-post-wrapper";
					wrapper.innerHTML = message.renders[id].content;
					if (!message.renders[id].show) wrapper.style.display = "none";
					if (old) list.replaceChild(wrapper, old.parentElement);
					else list.prepend(wrapper);
				}
				message.removals.forEach(id => byID(id)?.parentElement.remove());
			} catch (err) {
				thrown.push(String(err));
			}
		}; 0`, nil)
	bodies := func(want ...string) {
		t.Helper()
		list, _ := json.Marshal(want)
		p.until(`thrown.length === 0 && JSON.stringify([...document.querySelectorAll(".live-post-wrapper")]
			.filter(e => e.style.display !== "none").map(e => e.querySelector(".post-body").textContent)) === JSON.stringify(` +
			string(list) + `)`)
	}
	bodies("one")
	two := s.post("two")
	s.post("three")
	bodies("three", "two", "one")
	s.edit(two, text{"text": "two, edited"})
	bodies("three", "two, edited", "one")
	s.edit(two, text{"show": false})
	bodies("three", "one")
	s.edit(two, text{"show": true})
	bodies("three", "two, edited", "one")
	s.remove(one)
	bodies("three", "two, edited")
}

func TestCurl(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s := serve(t, "sse")
	first := s.post("one")
	read := func(url string, more ...string) (next func(field string) string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		cmd := exec.CommandContext(ctx, "curl", append([]string{"-sSN", "-D", "-", url}, more...)...)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cancel(); _ = cmd.Wait() })
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		return func(field string) string {
			t.Helper()
			for lines.Scan() {
				if value, ok := strings.CutPrefix(strings.TrimRight(lines.Text(), "\r"), field+": "); ok {
					return value
				}
			}
			t.Fatalf("no %q: %v", field, lines.Err())
			return ""
		}
	}
	next := read(s.stream("sse", ""))
	for _, field := range []string{"Content-Type", "retry"} {
		if value := next(field); field == "Content-Type" && value != "text/event-stream" {
			t.Errorf("Content-Type: %s", value)
		}
	}
	id := next("id")
	if data := next("data"); !strings.Contains(data, `"reset":true`) || !strings.Contains(data, string(first)) {
		t.Errorf("the first event is %s", data)
	}
	two := s.post("two")
	data := next("data")
	for !strings.Contains(data, string(two)) && strings.Contains(data, `"from":`+id+`,"revision":`+id+",") { // a heartbeat may come
		data = next("data")
	}
	if !strings.Contains(data, `"from":`+id+",") || !strings.Contains(data, string(two)) {
		t.Errorf("after %s came %s", id, data)
	}
	for _, how := range [][]string{{s.stream("sse", "?since="+id)}, {s.stream("sse", ""), "-H", "Last-Event-ID: " + id}} {
		if data := read(how[0], how[1:]...)("data"); !strings.Contains(data, `"from":`+id+",") {
			t.Errorf("%q: %s", how, data)
		}
	}
}

func TestR3labsClient(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s := serve(t, "sse")
	s.post("one")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := sse.NewClient(s.stream("sse", ""), sse.ClientMaxBufferSize(4<<20))
	events := make(chan *sse.Event, 64)
	done := make(chan struct{})
	defer func() { cancel(); <-done }()
	go func() {
		defer close(done)
		for ctx.Err() == nil { // the client comes back by itself after an error, but not after the end of a stream
			_ = client.SubscribeRawWithContext(ctx, func(e *sse.Event) {
				select {
				case events <- e:
				case <-ctx.Done():
				}
			})
		}
	}()
	var view motacilla.View
	seen := func(want int) {
		t.Helper()
		for len(view.Renders()) != want {
			select {
			case e := <-events:
				var u motacilla.Update
				if len(e.Data) == 0 {
					continue
				}
				if err := json.Unmarshal(e.Data, &u); err != nil {
					t.Fatal(err)
				}
				if string(e.ID) != u.Revision.String() {
					t.Errorf("event %s has revision %s", e.ID, u.Revision)
				}
				if view.Apply(&u, view.Revision == 0) {
					t.Fatalf("a gap: %s after %s", e.Data, view.Revision)
				}
			case <-time.After(patience):
				t.Fatalf("%d posts, want %d", len(view.Renders()), want)
			}
		}
	}
	seen(1)
	two := s.post("two")
	seen(2)
	s.stop()
	s.start()
	s.post("three")
	seen(3)
	s.remove(two)
	seen(2)
}

func TestCoderWebSocket(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s := serve(t, "websocket")
	s.post("one")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dial := func(query string) *websocket.Conn {
		t.Helper()
		conn, _, err := websocket.Dial(ctx, s.stream("websocket", query), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.CloseNow() })
		return conn
	}
	read := func(conn *websocket.Conn) (u motacilla.Update, err error) {
		for err == nil && u.Heartbeat() { // one may come at any time
			var data []byte
			if _, data, err = conn.Read(ctx); err == nil {
				u = motacilla.Update{}
				err = json.Unmarshal(data, &u)
			}
		}
		return u, err
	}
	conn := dial("")
	snapshot, err := read(conn)
	if err != nil || !snapshot.Reset || len(snapshot.Renders) != 1 {
		t.Fatalf("%+v, %v", snapshot, err)
	}
	if err := conn.Write(ctx, websocket.MessageText, []byte("what readers say is ignored")); err != nil {
		t.Fatal(err)
	}
	s.post("two")
	if u, err := read(conn); err != nil || u.From != snapshot.Revision || len(u.Renders) != 1 {
		t.Errorf("%+v, %v", u, err)
	}
	again := dial("?since=" + snapshot.Revision.String())
	if u, err := read(again); err != nil || u.From != snapshot.Revision || len(u.Renders) != 1 {
		t.Errorf("%+v, %v", u, err)
	}
	closes := func(conn *websocket.Conn, want websocket.StatusCode) {
		t.Helper()
		for {
			_, err := read(conn)
			var closed websocket.CloseError
			if errors.As(err, &closed) && closed.Code == want {
				return
			}
			if err != nil {
				t.Errorf("closed with %v, want %d", err, want)
				return
			}
		}
	}
	pinged, stop := context.WithTimeout(ctx, patience)
	defer stop()
	go func() { _, _ = read(again) }() // a client that pings must read
	if err := again.Ping(pinged); err != nil {
		t.Errorf("ping: %v", err)
	}
	s.api(http.MethodDelete, "channels/"+string(channel), nil, nil)
	closes(conn, 4404)
	closes(dial(""), 4404)
	s.api(http.MethodPost, "channels", map[string]any{"id": channel}, nil)
	conn = dial("")
	if _, err := read(conn); err != nil {
		t.Fatal(err)
	}
	s.stop()
	closes(conn, websocket.StatusGoingAway)
}
