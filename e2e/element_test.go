package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// TestElement tests the custom element in a page with a strict policy on another origin, over each transport.
func TestElement(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	s := f.serveTo(t, everyTransport...)
	chromium := browser(t)
	s.post("one")
	for _, name := range everyTransport {
		t.Run(name, func(t *testing.T) {
			f.body.Store(element(`transports="` + name + `"`))
			p := open(t, chromium, f.url, `window.refused = []; window.told = [];
				addEventListener("securitypolicyviolation", e => refused.push(e.violatedDirective + " " + e.blockedURI));
				addEventListener("live-posts-update", e => told.push(e.detail))`)
			p.elementIs("live")
			p.holds("one")
			p.until(`told.length === 1 && told[0].channel === "match" && told[0].title === "The match" && told[0].added.length === 1`)
			p.until(root + `.querySelector("h2").textContent === "The match"`)
			two := s.post("two")
			p.holds("two", "one")
			p.until(fmt.Sprintf(`told.at(-1).added[0] === %q && document.querySelector("live-posts").revision === told.at(-1).revision`, two))
			s.edit(two, text{"text": "two, edited"})
			p.holds("two, edited", "one")
			s.edit(two, text{"show": false})
			p.holds("one")
			p.until(`document.querySelector("live-posts").posts.length === 1`)
			s.remove(two)
			var picture struct{ ID motacilla.PostID }
			s.api(http.MethodPost, "channels/match/posts", text{"content": []text{
				{"type": "image", "value": text{"url": "/api/none.png", "alt": "of the server"}},
			}}, &picture)
			p.until(root + `.querySelector("img").src === "` + s.site() + `/api/none.png"`)
			s.remove(picture.ID)
			p.holds("one")
			p.until(`getComputedStyle(` + root + `.querySelector("#live-posts")).display === "flex"`)
			p.until(`refused.length === 0`)
			if used := transports(p); len(used) != 1 || used[0] != name {
				t.Errorf("the page asked %q, want %s alone", used, name)
			}
			p.close()
		})
	}
}

// TestElementWithoutScripts tests a page whose policy forbids our scripts.
func TestElementWithoutScripts(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	s := f.serveTo(t, "sse")
	s.post("one")
	f.body.Store(element("", `<p>As of noon</p>`, postsOf(t, s)))
	f.policy.Store("default-src 'none'; script-src 'none'")
	p := open(t, browser(t), f.url)
	p.until(`document.querySelector("live-posts").shadowRoot === null`)
	p.until(`/As of noon[^]*one/.test(document.querySelector("live-posts").innerText)`)
	if used := transports(p); len(used) != 0 {
		t.Errorf("the page asked %q", used)
	}
}

func TestElementTakesOverWhatIsThere(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	s := f.serveTo(t, "sse", "long-polling")
	s.post("one")
	s.post("two")
	there := postsOf(t, s)
	chromium := browser(t)
	const watch = `window.told = []; addEventListener("live-posts-update", e => told.push(e.detail));
		new MutationObserver(() => {
			const first = document.querySelector(".live-post-wrapper");
			if (first && !window.first) first.kept = window.first = first;
		}).observe(document, {childList: true, subtree: true})`

	t.Run("posts of a revision", func(t *testing.T) {
		s.post("three") // after the page was made
		f.body.Store(element("", `<p class="note">As of noon</p>`, there))
		p := open(t, chromium, f.url, watch)
		p.elementIs("live")
		p.holds("three", "two", "one")
		p.until(`window.first.kept && window.first.getRootNode() === ` + root + ` && window.first.textContent.includes("two")`)
		p.until(`told.length === 1 && told[0].added.length === 1`) // old posts are not sent again
		p.until(`!document.querySelector(".note").checkVisibility() && !document.querySelector("live-posts .live-post")`)
		p.close()
	})
	t.Run("posts of no revision", func(t *testing.T) {
		f.body.Store(element("", strings.ReplaceAll(there, "data-revision", "data-none")))
		p := open(t, chromium, f.url, watch)
		p.elementIs("live")
		p.holds("three", "two", "one")
		p.until(`told.length === 1 && told[0].added.length === 3`)
		p.until(`!document.querySelector("live-posts .live-post").checkVisibility()`)
		p.close()
	})
	t.Run("posts of another channel", func(t *testing.T) {
		f.body.Store(element("", strings.ReplaceAll(there, `data-channel="match"`, `data-channel="other"`)))
		p := open(t, chromium, f.url, watch)
		p.elementIs("live")
		p.holds("three", "two", "one")
		p.close()
	})
}

// postsOf returns #live-posts of the server's page.
func postsOf(t *testing.T, s *program) string {
	t.Helper()
	page := get(t, s.url)
	_, list, found := strings.Cut(page, `<div id="live-posts"`)
	list, _, closed := strings.Cut(list, "</main>")
	if !found || !closed {
		t.Fatalf("the page has no list: %s", page)
	}
	return `<div id="live-posts"` + list
}

func TestElementSaysWhyThereIsNothing(t *testing.T) {
	t.Parallel()
	chromium := browser(t)
	t.Run("its origin is not allowed", func(t *testing.T) {
		t.Parallel()
		f := newForeign(t)
		s := serve(t, "sse,long-polling")
		f.server.Store(s.addr)
		f.body.Store(element("", `<p class="note">As of noon</p>`))
		s.post("one")
		p := open(t, chromium, f.url, warnings)
		p.elementIs("blocked")
		p.until(root + `.querySelector("[role=status]").textContent.includes("not allowed")`)
		p.until(`document.querySelector(".note").checkVisibility()`) // better than nothing
		p.until(`warned.length === 1 && warned[0].includes("server.origins") && warned[0].includes(location.origin)`)
		s.stop()
		s.env = append(s.env, "MOTACILLA_SERVER_ORIGINS="+f.url)
		s.start()
		p.elementIs("live") // without being loaded again
		p.holds("one")
	})
	t.Run("its page's policy forbids it", func(t *testing.T) {
		t.Parallel()
		f := newForeign(t)
		f.serveTo(t, "sse")
		f.policy.Store("script-src http://SERVER; connect-src 'none'")
		p := open(t, chromium, f.url, warnings)
		p.elementIs("blocked")
		p.until(`warned.length === 1 && warned[0].includes("connect-src")`)
	})
	t.Run("its channel is private, and then gone", func(t *testing.T) {
		t.Parallel()
		f := newForeign(t)
		s := f.serveTo(t, "websocket")
		s.channel(text{"access": "private"})
		p := open(t, chromium, f.url)
		p.elementIs("refused")
		p.until(root + `.querySelector("[role=status]").textContent.includes("private")`)
		s.channel(text{"access": "public"})
		s.post("one")
		p.eval(`{const e = document.querySelector("live-posts"), to = e.parentNode; e.remove(); to.append(e)}`, nil)
		p.holds("one")
		s.api(http.MethodDelete, "channels/"+string(channel), nil, nil)
		p.elementIs("gone")
	})
	t.Run("it has no channel, or no server", func(t *testing.T) {
		t.Parallel()
		f := newForeign(t)
		s := f.serveTo(t, "sse")
		s.post("one")
		f.body.Store(`<live-posts></live-posts>`)
		p := open(t, chromium, f.url)
		p.until(`document.querySelector("live-posts").status === "idle" && ` + root)
		p.eval(`document.querySelector("live-posts").src = "http://[no"; document.querySelector("live-posts").channel = "match"`, nil)
		p.until(`document.querySelector("live-posts").status === "idle"`)
		p.eval(`document.querySelector("live-posts").removeAttribute("src")`, nil)
		p.holds("one") // from where the module came
	})
}

const warnings = `window.warned = []; console.warn = text => warned.push(text)`

func TestElementFollowsItsAttributes(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	s, other := f.serveTo(t, "sse", "websocket"), serve(t, "sse", "MOTACILLA_SERVER_ORIGINS="+f.url)
	f.server.Store(s.addr)
	f.policy.Store("")
	s.post("one")
	other.post("elsewhere")
	s.api(http.MethodPost, "channels", text{"id": "second", "title": "The second match"}, nil)
	s.api(http.MethodPost, "channels/second/posts", text{"text": "of the second"}, nil)
	p := open(t, browser(t), f.url, holdTimers(firstUpdate))
	p.holds("one")
	s.readers("sse", 1)
	set := func(name, value string) {
		p.eval(fmt.Sprintf(`document.querySelector("live-posts")[%q] = %q`, name, value), nil)
	}
	set("channel", "second")
	p.holds("of the second")
	p.until(root + `.querySelector("h2").textContent === "The second match"`)
	s.readers("sse", 1)
	p.eval(root+`.querySelector(".live-post-wrapper").kept = true`, nil)
	set("transports", "websocket")
	s.readers("sse", 0)
	s.readers("websocket", 1)
	p.until(root + `.querySelector(".live-post-wrapper").kept`) // the element goes on from its posts
	p.eval(fmt.Sprintf(`void Object.assign(document.querySelector("live-posts"), {channel: "match", transports: "", src: %q})`,
		other.site()+"/"), nil)
	p.holds("elsewhere")
	s.readers("websocket", 0)
	s.readers("sse", 0)
	other.readers("sse", 1)
	p.eval(`document.querySelector("live-posts").labels = {live: "Verbunden", badge: "Jetzt", earlier: "Früher"}`, nil)
	p.until(root + `.querySelector("[role=status]").textContent === "Verbunden" && ` + root +
		`.querySelector(".badge--live").textContent === "Jetzt"`)
	p.eval(`document.querySelector("live-posts").remove()`, nil)
	other.readers("sse", 0)
}

// census counts the things that an element may leave behind.
const census = `(() => {
	window.alive = {timers: new Set(), sources: new Set(), sockets: new Set(), channels: new Set(), locks: 0, requests: 0};
	const {setTimeout: later, setInterval: every, clearTimeout: forget, fetch: ask} = window;
	window.setTimeout = (f, ms, ...a) => { const id = later(() => { alive.timers.delete(id); f(...a) }, ms); alive.timers.add(id); return id };
	window.setInterval = (f, ms, ...a) => { const id = every(f, ms, ...a); alive.timers.add(id); return id };
	window.clearTimeout = window.clearInterval = id => { alive.timers.delete(id); forget(id) };
	window.fetch = (...a) => { alive.requests++; const r = ask(...a); r.catch(() => 0).finally(() => alive.requests--); return r };
	for (const [name, set] of [["EventSource", "sources"], ["WebSocket", "sockets"], ["BroadcastChannel", "channels"]]) {
		const Old = window[name];
		window[name] = class extends Old {
			constructor(...a) { super(...a); alive[set].add(this) }
			close(...a) { alive[set].delete(this); super.close(...a) }
		};
	}
	const request = navigator.locks.request.bind(navigator.locks);
	navigator.locks.request = (...a) => { alive.locks++; const r = request(...a); r.catch(() => 0).finally(() => alive.locks--); return r };
	window.count = () => [alive.timers.size, alive.sources.size, alive.sockets.size, alive.channels.size, alive.locks, alive.requests].join();
})()`

// TestElementLeavesNothing removes the element and inserts it again a hundred times, both at once and after it has connected.
func TestElementLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket", "long-polling"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForeign(t)
			s := f.serveTo(t, name)
			for i := range 60 { // so that the page has older posts to load
				s.post(fmt.Sprint("post ", i))
			}
			p := open(t, browser(t), f.url, census)
			p.elementIs("live")
			p.eval(`window.it = document.querySelector("live-posts"); it.remove(); 0`, nil)
			p.until(`count() === "0,0,0,0,0,0"`)
			before := p.listeners()
			p.eval(`(async () => {
				for (let i = 0; i < 100; i++) {
					document.body.append(it);
					if (i % 10 === 9) {
						while (it.status !== "live") await new Promise(done => requestAnimationFrame(done));
						if (i === 49) await it.loadOlder();
					}
					it.remove();
				}
			})()`, nil)
			p.until(`count() === "0,0,0,0,0,0"`)
			s.readers(name, 0)
			// The last connection may take a while to close, and keeps its listeners until then.
			await(t, "no listeners are left behind", func() bool { return p.listeners() <= before })
			p.eval(`document.body.append(it)`, nil)
			p.elementIs("live")
			s.readers(name, 1)
			s.post("the last")
			p.until(visibleInElement + `.length === 61 && ` + visibleInElement + `[0] === "the last"`)
		})
	}
}

func TestElementLoadsOlderPosts(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	s := f.serveTo(t, "sse")
	for i := range 120 {
		s.post(fmt.Sprint("post ", i))
	}
	p := open(t, browser(t), f.url)
	p.elementIs("live")
	link := root + `.querySelector("[part=more]")`
	count := func(n int) { p.until(fmt.Sprintf(`%s.length === %d`, visibleInElement, n)) }
	count(50)
	p.eval(link+`.click()`, nil)
	count(100)
	p.until(root + `.querySelector("[aria-live]").textContent === "50 earlier posts"`)
	s.stop()
	p.elementIs("reconnecting")
	p.eval(link+`.click()`, nil)
	p.until(link + `.textContent.includes("Try again")`)
	s.start()
	p.eval(link+`.click()`, nil)
	count(120)
	p.until(link + `.hidden && ` + link + `.textContent === "Earlier posts"`)
	p.until(visibleInElement + `.every((text, i) => text === "post " + (119 - i))`)
}

// TestElementLoadsOlderPostsWithoutPages: a server may leave the pages of channels to an app. Older posts are there anyway.
func TestElementLoadsOlderPostsWithoutPages(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	s := serve(t, "sse", "MOTACILLA_PAGE_CHANNELS=false", "MOTACILLA_SERVER_ORIGINS="+f.url)
	f.server.Store(s.addr)
	for i := range 60 {
		s.post(fmt.Sprint("post ", i))
	}
	p := open(t, browser(t), f.url)
	p.elementIs("live")
	p.until(visibleInElement + `.length === 50`)
	p.eval(root+`.querySelector("[part=more]").click()`, nil)
	p.until(visibleInElement + `.every((text, i) => text === "post " + (59 - i)) && ` + visibleInElement + `.length === 60`)
}

func TestElementsOfOnePageShareAConnection(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	s := f.serveTo(t, "sse", "websocket")
	s.post("one")
	f.body.Store(element("") + element("") + element(`transports="websocket"`))
	f.policy.Store("") // the test parses HTML itself
	p := open(t, browser(t), f.url, holdTimers(firstUpdate), `window.said = new Map(); addEventListener("live-posts-status", e => {
		said.set(e.target, [...said.get(e.target) ?? [], e.detail.status]);
	})`)
	all := func(texts string) {
		p.until(`[...document.querySelectorAll("live-posts")].every(e => e.posts.map(p =>
			new DOMParser().parseFromString(p.content, "text/html").querySelector(".post-body").textContent).join() === "` + texts + `")`)
	}
	all("one")
	s.readers("sse", 1)
	s.readers("websocket", 1) // a page may choose another transport
	s.post("two")
	all("two,one")
	p.eval(`window.out = document.querySelector("live-posts"); out.remove()`, nil)
	s.post("three")
	all("three,two,one")
	s.readers("sse", 1)
	p.until(`out.status === "paused" && said.size === 3 &&
		[...said.values()].every(list => list.every((status, i) => status !== list[i - 1]))`)
}
