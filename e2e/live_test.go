package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

type text = map[string]any

var everyTransport = []string{"sse", "websocket", "long-polling", "interval-polling"}

// TestProgram tests the program with each transport. Only MOTACILLA_PUBLISHERS differs.
func TestProgram(t *testing.T) {
	t.Parallel()
	for _, name := range everyTransport {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, name)
			one := s.post("one")
			chromium := browser(t)
			tabs := []*tab{open(t, chromium, s.url), open(t, chromium, s.url)}
			all := func(texts ...string) {
				t.Helper()
				for _, p := range tabs {
					p.shows(texts...)
				}
			}
			for _, p := range tabs {
				p.live()
			}
			all("one")

			two := s.post("two")
			s.post("three")
			all("three", "two", "one")
			tabs[0].eval(`document.querySelectorAll(".live-post-wrapper").forEach(e => e.kept = true)`, nil)
			s.edit(two, text{"text": "two, edited"})
			all("three", "two, edited", "one")
			tabs[0].until(`[...document.querySelectorAll(".live-post-wrapper")].every(e => e.kept)`)
			tabs[0].until(`document.querySelector(".post-edited")`)
			s.edit(two, text{"show": false})
			all("three", "one")
			tabs[0].until(`!document.body.innerHTML.includes("two, edited")`)
			s.edit(two, text{"show": true})
			all("three", "two, edited", "one")
			s.remove(two)
			all("three", "one")

			evil := `<script>window.ran = 1</script><img src="/none" onerror="window.ran = 2">` +
				`<a href="javascript:window.ran = 3">harmless</a>`
			bad := s.post(evil)
			all("harmless", "three", "one")
			for _, p := range tabs {
				p.eval(`document.querySelectorAll("#live-posts a").forEach(a => a.click())`, nil)
				p.eval(`new Promise(done => setTimeout(done, 200))`, nil)
				p.until(`window.ran === undefined && !document.querySelector("#live-posts script")`)
			}
			s.remove(bad)

			want := []string{"one", "three"}
			for i := range 100 {
				s.post(fmt.Sprint("burst ", i))
				want = append(want, fmt.Sprint("burst ", i))
			}
			newest := func() []string { list := slices.Clone(want); slices.Reverse(list); return list }
			all(newest()...)

			s.post("right before")
			s.stop()
			tabs[0].until(`document.querySelector("[data-live-status=reconnecting]")`)
			s.start()
			s.post("right after")
			s.remove(one)
			want = append(want[1:], "right before", "right after")
			all(newest()...)
			for _, p := range tabs {
				p.live()
			}
			s.post("the last")
			want = append(want, "the last")
			all(newest()...)
			if used := transports(tabs...); len(used) != 1 || used[0] != name {
				t.Errorf("the pages asked %q, want %s alone", used, name)
			}
		})
	}
}

func TestNothingThatIsBeingReadMoves(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, publisher string
		alone           bool // without the browser's own scroll anchoring, which Safari lacks
	}{
		{"interval-polling", "interval-polling", false},
		{"long-polling", "long-polling", false},
		{"without the browser's anchoring", "long-polling", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tt.publisher)
			var ids []motacilla.PostID
			for i := range 30 {
				ids = append(ids, s.post(fmt.Sprintf("<p>post %d</p><p>more</p><p>and more</p>", i)))
			}
			p := open(t, browser(t), s.url)
			p.live()
			if tt.alone {
				p.eval(`const sheet = new CSSStyleSheet();
					sheet.replaceSync("* { overflow-anchor: none !important }");
					document.adoptedStyleSheets = [sheet]; 0`, nil)
			}
			// The place on the screen is measured in every frame. So a jump there and back is seen too.
			p.eval(fmt.Sprintf(`window.read = document.querySelector('[data-post-id="%s"]');
				window.scrollTo(0, window.read.getBoundingClientRect().top - 100);
				new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
					const top = () => window.read.getBoundingClientRect().top, was = top();
					window.moved = 0;
					const watch = () => {
						window.moved = Math.max(window.moved, Math.abs(top() - was));
						window.watching = requestAnimationFrame(watch);
					};
					watch();
					done();
				})))`, ids[15]), nil)
			settled := func(what string) {
				t.Helper()
				var moved float64
				p.eval(`new Promise(done => setTimeout(() => done(window.moved), 150))`, &moved)
				if moved > 1 {
					t.Errorf("%s moved what is being read by %.1f px", what, moved)
				}
			}
			for i := range 20 {
				s.post(fmt.Sprint("new ", i))
			}
			p.until(`document.querySelectorAll(".live-post").length === 50`)
			settled("20 new posts")
			p.until(`document.querySelector("[data-live-new]:not([hidden])").textContent.includes("20 new posts")`)
			s.edit(ids[25], text{"text": "longer\nthan\nit\nwas\nbefore\nby\nfar"})
			p.until(`document.body.textContent.includes("longer")`)
			settled("an edit above")
			s.edit(ids[26], text{"show": false})
			p.until(fmt.Sprintf(`document.querySelector(".live-post-wrapper[hidden] > [data-post-id='%s']")`, ids[26]))
			settled("hiding one above")
			s.remove(ids[28])
			p.until(`document.querySelectorAll(".live-post").length === 49`)
			settled("a removal above")
			s.edit(ids[3], text{"pinned": true})
			p.until(`document.querySelector("[data-pinned=true]")`)
			settled("a pin")
			p.eval(`cancelAnimationFrame(window.watching); document.querySelector("[data-live-new]").click()`, nil)
			p.until(`window.scrollY === 0 && document.querySelector("[data-live-new]").hidden`)
			p.until(`document.querySelector("[data-pinned=true]").getBoundingClientRect().bottom <=
				document.querySelector("[data-pinned=false]").getBoundingClientRect().top`)
		})
	}
}

func TestChannelEndsAndOpensAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, "long-polling")
	s.post("one")
	p := open(t, browser(t), s.url)
	p.live()
	shown := func(badge string) string {
		return `[...document.querySelectorAll(".page-head .badge")].filter(e => getComputedStyle(e).display !== "none")` +
			`.map(e => e.textContent).join() === "` + badge + `"`
	}
	p.until(shown("Live"))
	s.channel(text{"ended": time.Now().UTC().Format(time.RFC3339)})
	p.until(shown("Ended"))
	s.channel(text{"ended": nil, "title": "The match, extra time"})
	p.until(shown("Live"))
	p.until(`document.title === "The match, extra time"`)
	s.post("two")
	p.shows("two", "one")
}

func TestPrivatePageIsReadAfterSigningIn(t *testing.T) {
	t.Parallel()
	s := serve(t, "long-polling")
	s.post("one")
	s.channel(text{"access": "private"})
	p := open(t, browser(t), s.url)
	p.until(`document.querySelector("form.sign-in") && !document.querySelector("#live-posts")`)
	send := func(token string) {
		p.eval(`document.querySelector("#token").value = "`+token+`";
			void document.querySelector("form.sign-in").requestSubmit()`, nil)
	}
	send("wrong")
	p.until(`document.body.textContent.includes("not the right token")`)
	send(token)
	p.shows("one")
	p.live()
	s.post("two")
	p.shows("two", "one")
	p.until(`location.pathname === "/channels/match" && !document.cookie.includes("motacilla_reader")`)
	p.cookieIsHTTPOnly("motacilla_reader")
}
