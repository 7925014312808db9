package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// readers waits until the publisher has want readers, and still has them half a second later.
func (p *program) readers(publisher string, want int) {
	p.t.Helper()
	line := fmt.Sprintf("\nmotacilla_readers{publisher=%q} %d\n", publisher, want)
	var since time.Time
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get(p.site() + "/metrics")
		if err != nil {
			p.t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil {
			p.t.Fatal(err)
		}
		switch held := strings.Contains(string(body), line); {
		case !held:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) > 500*time.Millisecond:
			return
		}
		if time.Now().After(deadline) {
			_, after, _ := strings.Cut(string(body), "# TYPE motacilla_readers")
			p.t.Fatalf("want%s got%.300s", line, after)
		}
	}
}

// hide makes the page believe that it is hidden, or visible. The browser has no command for that.
func (p *tab) hide(hidden bool) {
	p.t.Helper()
	state := "visible"
	if hidden {
		state = "hidden"
	}
	p.eval(`Object.defineProperty(document, "visibilityState", {value: "`+state+`", configurable: true});
		document.dispatchEvent(new Event("visibilitychange"))`, nil)
}

func TestTabsShareOneConnection(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]wire{"sse": overTCP, "websocket": overTLS, "long-polling": overTLS} {
		w = w.unless()
		t.Run(name+" over "+string(w), func(t *testing.T) {
			t.Parallel()
			s := serveOver(t, w, t.TempDir(), name)
			texts := []string{"one"}
			s.post("one")
			chromium := browser(t)
			var tabs []*tab
			for range 3 {
				// Pages that follow take the lead if the leader is slow, until free says that they may.
				p := open(t, chromium, s.url, holdTimers("!window.free && ms >= 5000"))
				p.live()
				tabs = append(tabs, p)
			}
			post := func(text string) {
				t.Helper()
				s.post(text)
				texts = append([]string{text}, texts...)
			}
			all := func(tabs ...*tab) {
				t.Helper()
				for _, p := range tabs {
					p.shows(texts...)
				}
			}
			s.readers(name, 1)
			post("two")
			all(tabs...)
			if used := transports(tabs[1:]...); len(used) != 0 {
				t.Errorf("the pages that follow asked %q themselves", used)
			}
			for _, p := range tabs {
				p.eval(`window.free = true`, nil)
			}

			// The leading page is closed during a burst.
			for i := range 20 {
				if i == 10 {
					tabs[0].close()
				}
				post(fmt.Sprint("burst ", i))
			}
			tabs = tabs[1:]
			all(tabs...)
			s.readers(name, 1)

			// The leading page is hidden and shown again.
			tabs[0].hide(true)
			tabs[0].until(`document.querySelector("[data-live-status=paused]")`)
			post("while one is hidden")
			all(tabs[1])
			s.readers(name, 1)
			tabs[0].hide(false)
			all(tabs...)
			tabs[0].live()
			s.readers(name, 1)

			// All pages are hidden, so none is connected.
			for _, p := range tabs {
				p.hide(true)
			}
			s.readers(name, 0)
			post("while nobody looks")
			for _, p := range tabs {
				p.hide(false)
			}
			all(tabs...)
			s.readers(name, 1)
			if used := transports(tabs...); len(used) != 1 || used[0] != name {
				t.Errorf("the pages asked %q, want %s alone", used, name)
			}

			s.stop()
			for _, p := range tabs {
				p.until(`document.querySelector("[data-live-status=reconnecting]")`)
			}
			s.start()
			post("after a restart")
			all(tabs...)
			s.readers(name, 1)
		})
	}
}

func TestTabsOnTheirOwn(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]string{
		"without Web Locks":         `delete Navigator.prototype.locks`,
		"without BroadcastChannel":  `delete window.BroadcastChannel`,
		"where locks are forbidden": `LockManager.prototype.request = () => Promise.reject(new DOMException("", "SecurityError"))`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, "sse")
			chromium := browser(t)
			one, two := open(t, chromium, s.url, early), open(t, chromium, s.url, early)
			one.live()
			two.live()
			s.readers("sse", 2)
			s.post("one")
			one.shows("one")
			two.shows("one")
		})
	}
}

// TestAnotherTabLeadsIfOneHangs blocks the script of the leading page, which keeps its lock. Another page must lead.
func TestAnotherTabLeadsIfOneHangs(t *testing.T) {
	t.Parallel()
	s := newStack(t, "sse")
	hangs, release := make(chan struct{}), make(chan struct{})
	s.gate = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/live/hang" {
			return true
		}
		close(hangs)
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return false
	}
	s.start()
	chromium := browser(t)
	one := open(t, chromium, s.url)
	one.live()
	two := open(t, chromium, s.url, holdTimers("ms >= 5000")) // nor does it lead because the first answers late
	two.live()
	one.eval(`setTimeout(() => {
		const request = new XMLHttpRequest();
		request.open("GET", "/live/hang", false);
		try { request.send() } catch {}
	})`, nil)
	receive(t, "the leading page hangs", hangs)
	s.post("one")
	two.fire(`ms >= 25000 && ms < 32000`) // the leader has been silent
	two.shows("one")
	close(release)
	one.shows("one")
	s.post("two")
	one.shows("two", "one")
	two.shows("two", "one")
	readers := &s.feed.Metrics().Of("sse").Readers
	await(t, "the page that led before follows", func() bool { return readers.Load() == 1 })
}

func TestWhatOtherPagesSayIsChecked(t *testing.T) {
	t.Parallel()
	s := newStack(t, "sse")
	s.start()
	chromium := browser(t)
	one := open(t, chromium, s.url)
	one.live()
	const early = `window.errors = []; addEventListener("error", e => errors.push(e.message));
		addEventListener("unhandledrejection", e => errors.push(String(e.reason)))`
	two := open(t, chromium, s.url, early)
	two.live()
	one.eval(fmt.Sprintf(`(() => {
		const channel = new BroadcastChannel("motacilla 2 %s/");
		const good = {channel: "match", from: 0, revision: Number.MAX_SAFE_INTEGER, renders: {}, removals: []};
		const post = {show: true, content: "<p>forged</p>", created: "2026", modified: "", pinned: false, revision: 1};
		for (const update of [{}, null, 7, "x", [], {...good, revision: 1.5}, {...good, from: "0"}, {...good, renders: null},
			{...good, renders: {a: null}}, {...good, renders: {a: {...post, content: 7}}},
			{...good, renders: {a: {...post, created: undefined}}}, {...good, removals: [7]}, {...good, removals: {}}]) {
			channel.postMessage({channel: "match", update});
		}
		for (const lanes of [{}, null, "live", [7], [["match"]], [["match", "gone", 1]], [["match", "live", "1"]], [[1, "live", 1]]]) {
			channel.postMessage({transport: 1, lanes});
			channel.postMessage({transport: "pigeon", lanes});
		}
		channel.postMessage({refused: "match"}); // the server itself is asked
		for (const wants of [{}, null, "x", [7], {"": 1}, {match: "1"}, {match: -1}, {none: 0}]) channel.postMessage({page: "x", wants});
		for (const other of [null, 7, "x", [], {call: 1}, {page: 1}, {page: "x"}]) channel.postMessage(other);
	})()`, s.site()), nil)
	s.post("one")
	one.shows("one")
	two.shows("one")
	two.until(`errors.length === 0`)
	two.live()
}
