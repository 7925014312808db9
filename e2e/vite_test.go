package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/realserver"
)

// viteSite type-checks and builds examples/vite, and serves it at addr by its own server.
func viteSite(t *testing.T, addr, live string) {
	t.Helper()
	folder := filepath.Join(npmApp(t), "vite")
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	p := node(t, folder, []string{"HOST=" + host, "PORT=" + port, "LIVE=" + live, "CHANNEL=" + string(channel)}, "server.mjs")
	p.says(fmt.Sprintf("http://%s shows %s of %s", addr, channel, live))
}

// everyFrame notes what the reader sees of the posts, frame by frame, and keeps the first post's element.
const everyFrame = `window.frames = []; window.told = [];
	addEventListener("live-posts-update", e => told.push(e.detail));
	const look = () => {
		const host = document.querySelector("live-posts");
		if (host && document.readyState !== "loading") {
			const bodies = [...host.querySelectorAll(".post-body"), ...(host.shadowRoot?.querySelectorAll(".post-body") ?? [])];
			const seen = bodies.filter(e => e.checkVisibility()).map(e => e.textContent).join();
			if (frames.at(-1) !== seen) frames.push(seen);
		}
		requestAnimationFrame(look);
	};
	requestAnimationFrame(look);
	new MutationObserver(() => { window.first ??= document.querySelector("live-posts .live-post-wrapper") })
		.observe(document, {childList: true, subtree: true})`

// TestViteApp builds the example with Vite and reads it on another origin than the live server. Its server has the newest
// posts in the page. The element takes them over, and goes on from their revision.
func TestViteApp(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	folder := filepath.Join(npmApp(t), "vite")
	for _, command := range []string{"node ../node_modules/typescript/bin/tsc -p .", "node ../node_modules/vite/bin/vite.js build"} {
		if _, err := inFolder(folder, command); err != nil {
			t.Fatal(err)
		}
	}
	chromium := browser(t)
	const path = "/news/live"
	for name, at := range map[string]func(server string) string{
		"at the root":                      func(server string) string { return server },
		"below a path of a proxy":          func(server string) string { return below(t, path, server) },
		"below a path that the server has": func(server string) string { return server + path },
	} {
		t.Run(name, func(t *testing.T) {
			site := realserver.FreeAddress(t)
			env := []string{"MOTACILLA_SERVER_ORIGINS=http://" + site}
			if strings.HasSuffix(name, "has") {
				env = append(env, "MOTACILLA_SERVER_BASE_PATH="+path)
			}
			s := serve(t, "", env...)
			live := at("http://" + s.addr)
			viteSite(t, site, live)
			s.post("one")
			s.post("two")
			var page string
			await(t, "the served page has the posts", func() bool { // it has none if the live server took longer than 2 s
				page = get(t, "http://"+site+"/")
				return strings.Contains(page, "two")
			})
			if strings.Index(page, "two") > strings.Index(page, "one") {
				t.Errorf("the newest post is not the first: %s", page)
			}
			p := open(t, chromium, "http://"+site+"/", everyFrame, holdTimers(firstUpdate))
			p.elementIs("live")
			for late := time.Now().Add(patience); !p.servedWith("two") && time.Now().Before(late); {
				p.close()
				p = open(t, chromium, "http://"+site+"/", everyFrame, holdTimers(firstUpdate))
				p.elementIs("live")
			}
			p.holds("two", "one")
			p.until(`first.isConnected && first.getRootNode() === ` + root + ` && first.textContent.includes("two")`)
			p.until(`document.querySelector(".ticker").textContent === "2 posts"`)
			p.until(`document.title === "The match – The Harbour Post"`)
			s.readers("sse", 1) // element and ticker share a connection
			three := s.post("three")
			p.holds("three", "two", "one")
			p.until(`document.querySelector(".ticker").textContent === "3 posts"`)
			p.until(`document.querySelector(".ticker").hasAttribute("data-news")`)
			s.edit(three, text{"text": "three, edited"})
			p.holds("three, edited", "two", "one")
			s.remove(three)
			p.holds("two", "one")
			p.until(`document.querySelector(".ticker").textContent === "2 posts"`)
			// The posts were neither gone nor twice on the screen for a frame, and were not sent again.
			var frames []string
			p.eval(`frames`, &frames)
			for _, frame := range frames {
				if strings.Count(frame, "one") != 1 || strings.Count(frame, "two") != 1 {
					t.Errorf("the reader has seen %q", frames)
					break
				}
			}
			p.until(`told.every(u => !u.added.length || u.added.length === 1) && told.flatMap(u => u.added).length === 1`)
			p.close()
		})
	}
}

// servedWith reports whether the page had a post with this text when it came. It has none if the live server took longer than 2 s.
func (p *tab) servedWith(text string) (yes bool) {
	p.t.Helper()
	p.eval(fmt.Sprintf(`Boolean(window.first) && first.textContent.includes(%q)`, text), &yes)
	return yes
}

// below serves a server below a path, as a proxy does that takes the path off, and returns its URL there.
func below(t *testing.T, path, server string) string {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.StripPrefix(path, httputil.NewSingleHostReverseProxy(target)))
	t.Cleanup(proxy.Close)
	return proxy.URL + path
}
