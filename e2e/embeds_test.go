package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media/oembed"
	"github.com/motacilla-live/motacilla/outbound"
	live "github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// snippetKey is that of a snippet that embeds puts into the records.
var snippetKey = strings.Repeat("ab", 16)

// tube is a player that no server has, so that the tests reach nothing outside.
const tube = "https://127.0.0.1:1/embed/abc"

// embedding returns a stack whose pages show players, and which has a snippet.
func embedding(t *testing.T, frames live.Frames, snippet string) *stack {
	t.Helper()
	s := newStack(t, "long-polling")
	var err error
	if s.look, err = live.NewLook(live.LookOptions{Frames: frames}); err != nil {
		t.Fatal(err)
	}
	_, err = s.store.Records().Put(t.Context(), motacilla.Record{Namespace: "embeds.snippets", Key: snippetKey, Value: []byte(snippet)})
	if err != nil {
		t.Fatal(err)
	}
	s.more = snippets(t, s.store)
	return s
}

func snippets(t *testing.T, store *memory.Store) []route.Route {
	t.Helper()
	client := outbound.New(nil)
	t.Cleanup(client.Close)
	e, err := oembed.New(store.Records(), client, store, nil, &oembed.Options{Frames: oembed.FramesShow}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e.URLs()
}

// embed posts a page with a card.
func (s *stack) embed(url string, card motacilla.Card) motacilla.PostID {
	s.t.Helper()
	p, err := s.store.PutPost(s.t.Context(), channel, motacilla.Post{Show: true, Content: []motacilla.Block{
		{Type: motacilla.EmbedBlock, URL: url, Card: card},
	}}, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return p.ID
}

var video = motacilla.Card{
	Provider: "YouTube", Title: "Goal of the month", Summary: "Rovers", Frame: tube, Width: 640, Height: 360,
}

// TestReadersAgreeToPlayers: nothing of another site is loaded before the reader agrees, and the box is remembered.
func TestReadersAgreeToPlayers(t *testing.T) {
	t.Parallel()
	s := embedding(t, live.FramesAsk, "<p>words</p>")
	first := s.embed("https://www.youtube.com/watch?v=abc", video)
	s.start()
	window := browser(t)
	p := open(t, window, s.url)
	p.live()
	p.until(`!document.querySelector("iframe") && document.querySelector(".embed-title").textContent === "Goal of the month"`)
	p.until(`document.querySelector(".embed-show").checkVisibility() && document.querySelector(".embed-show").textContent === "Show content from YouTube"`)
	second := video
	second.Frame += "d"
	s.embed("https://youtu.be/abcd", second) // comes live
	p.until(`document.querySelectorAll(".embed-show").length === 2 && [...document.querySelectorAll(".embed-show")].every(e => e.checkVisibility())`)

	frame := `document.querySelector("#live-posts iframe")`
	p.eval(`[...document.querySelectorAll(".embed-show")].at(-1).click()`, nil)
	p.until(`document.querySelectorAll("iframe").length === 1 && ` + frame + `.src === "` + tube + `"`)
	p.until(frame + `.getAttribute("sandbox").includes("allow-same-origin") && ` + frame + `.title === "Goal of the month – YouTube"`)
	p.until(`(r => Math.abs(r.width / r.height - 16 / 9) < 0.01)(` + frame + `.getBoundingClientRect())`)
	p.until(`document.activeElement === ` + frame)
	p.eval(frame+`.mark = 1`, nil)
	s.edit(first, func(p *motacilla.Post) { p.Pinned = true })
	p.until(`document.querySelector("[data-pinned=true] iframe")?.mark === 1`) // a player that runs is not loaded again
	s.edit(first, func(p *motacilla.Post) { p.Author = "Ada" })
	p.until(`document.querySelector(".post-author") && document.querySelectorAll("iframe").length === 1`)

	p.eval(`[...document.querySelectorAll(".embed-always input")].at(-1).click()`, nil)
	p.until(`[...document.querySelectorAll(".embed-always input")].every(e => e.checked)`)
	next := open(t, window, s.url)
	next.until(`document.querySelectorAll("iframe").length === 2`)
	next.eval(`document.querySelector(".embed-always input").click()`, nil)
	again := open(t, window, s.url)
	again.live()
	again.until(`!document.querySelector("iframe") && document.querySelector(".embed-show").checkVisibility()`)
}

// TestPlayersWithoutScripts: what the server sends is enough to read.
func TestPlayersWithoutScripts(t *testing.T) {
	t.Parallel()
	for _, frames := range []live.Frames{live.FramesOff, live.FramesAsk, live.FramesShow} {
		s := embedding(t, frames, "")
		s.embed("https://www.youtube.com/watch?v=abc", video)
		s.start()
		answer, err := http.Get(s.url)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		html, policy := string(body), answer.Header.Get("Content-Security-Policy")
		if !strings.Contains(html, "Goal of the month") || strings.Contains(html, "<iframe") != (frames == live.FramesShow) ||
			strings.Contains(policy, "frame-src 'self' https:") != (frames != live.FramesOff) {
			t.Errorf("%s: %s\n%s", frames, policy, html)
		}
		if frames == live.FramesAsk && !strings.Contains(html, `data-live-ask="YouTube" hidden`) {
			t.Error("a button that does nothing shows without scripts")
		}
	}
}

// prisoner tries all that a snippet must not do, and tells that it has run.
const prisoner = `<script>
const tries = {
  parent: () => parent.document.title, top: () => top.document.title, cookie: () => document.cookie, storage: () => localStorage.length,
  session: () => sessionStorage.length, indexed: () => indexedDB.open("a"), write: () => { parent.ran = 1 }, lead: () => { top.location = "about:blank#led" },
};
const done = [];
for (const [name, f] of Object.entries(tries)) try { f(); done.push(name) } catch {}
fetch("/channels/match/transports", {credentials: "include"}).then(r => r.text()).then(() => done.push("fetch"), () => 0)
  .then(() => parent.postMessage({done}, "*"));
</script>`

// TestSnippetsHaveNoOriginOfOurs: a snippet runs, and reaches nothing of the page or the server. Opened by itself, or without the
// page's Content-Security-Policy, it is the same.
func TestSnippetsHaveNoOriginOfOurs(t *testing.T) {
	t.Parallel()
	for _, frames := range []live.Frames{live.FramesAsk, live.FramesShow} {
		for _, bypass := range []bool{false, true} {
			s := embedding(t, frames, prisoner)
			s.embed("https://x.com/a/status/1", motacilla.Card{Provider: "X", Title: "Ada", Summary: "Words", Frame: "/embeds/" + snippetKey})
			s.start()
			p := open(t, browser(t), "about:blank", `window.heard = []; addEventListener("message", e => heard.push({...e.data, origin: e.origin}))`)
			if bypass {
				p.run(call(page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true}))
			}
			p.run(chromedp.Navigate(s.url))
			p.live()
			if frames == live.FramesAsk {
				p.eval(`document.querySelector(".embed-show").click()`, nil)
			}
			p.until(`heard.length === 1 && heard[0].origin === "null"`)
			p.until(`!document.querySelector("iframe").getAttribute("sandbox").includes("same-origin")`)
			var heard []struct{ Done []string }
			p.eval(`heard`, &heard)
			for _, name := range heard[0].Done {
				if name != "lead" { // to set it is no error; that nothing happens is checked below
					t.Errorf("%s, bypass %v: a snippet could do %s", frames, bypass, name)
				}
			}
			p.until(`window.ran === undefined && location.href === "` + s.url + `"`)
			s.stop()
		}
	}
	s := embedding(t, live.FramesShow, `<script>document.title = "origin " + origin</script>`)
	s.start()
	p := open(t, browser(t), s.site()+"/embeds/"+snippetKey)
	p.until(`document.title === "origin null"`)
}

// TestHostileCardsRunNothing posts cards as if the look-up had cleaned nothing.
func TestHostileCardsRunNothing(t *testing.T) {
	t.Parallel()
	evil := []string{
		`<script>window.ran=1</script>`, `"><img src=x onerror=window.ran=2>`, `' onmouseover='window.ran=3`, `{{.}}`, `</a></div><svg onload=window.ran=4>`,
		`<iframe srcdoc="<script>parent.ran=5</script>"></iframe>`, "`+window.ran+`",
	}
	for _, frames := range []live.Frames{live.FramesOff, live.FramesAsk, live.FramesShow} {
		for _, bypass := range []bool{false, true} {
			if frames == live.FramesOff && bypass {
				continue
			}
			s := embedding(t, frames, "")
			for i, e := range evil {
				s.embed("https://example.org/?"+strings.ReplaceAll(e, " ", "+"), motacilla.Card{
					Provider: e, Title: e, Summary: e, Picture: "/media/" + e, Frame: "https://127.0.0.1:1/" + fmt.Sprint(i) + e, Width: 16, Height: 9,
				})
			}
			s.start()
			p := open(t, browser(t), "about:blank")
			if bypass {
				p.run(call(page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true}))
			}
			p.run(chromedp.Navigate(s.url))
			p.live()
			p.until(fmt.Sprintf(`document.querySelectorAll(".post-block--embed").length === %d`, len(evil)))
			p.eval(`document.querySelectorAll(".embed-show").forEach(e => e.click()); document.querySelectorAll("*").forEach(e => e.dispatchEvent(new MouseEvent("mouseover")))`, nil)
			for _, e := range evil {
				text, _ := json.Marshal(e)
				p.until(`[...document.querySelectorAll(".embed-title")].some(t => t.textContent === ` + string(text) + `)`)
			}
			frameCount := len(evil)
			if frames == live.FramesOff {
				frameCount = 0
			}
			p.until(fmt.Sprintf(`document.querySelectorAll("iframe").length === %d && [...document.querySelectorAll("iframe")].every(f =>
				f.hasAttribute("sandbox") && !f.hasAttribute("srcdoc") && new URL(f.src).host === "127.0.0.1:1")`, frameCount))
			p.until(`window.ran === undefined && !document.querySelector("#live-posts script, #live-posts [onerror], #live-posts [onload]")`)
			s.stop()
		}
	}
}

// TestPlayersInAPageOfAnotherSite: the element shows the same, and a snippet leads to its own server.
func TestPlayersInAPageOfAnotherSite(t *testing.T) {
	t.Parallel()
	for _, frames := range []live.Frames{live.FramesAsk, live.FramesShow} {
		s := embedding(t, frames, "<p>words</p>")
		site := s.wire.start(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<!doctype html><title>Another site</title><live-posts src="%[1]s" channel="match"></live-posts>
				<script type="module" src="%[1]s/assets/live-posts.js"></script>`, s.site())
		}))
		t.Cleanup(site.Close)
		s.origins = route.NewOrigins(site.URL)
		s.embed("https://x.com/a/status/1", motacilla.Card{Provider: "X", Title: "Ada", Frame: "/embeds/" + snippetKey, Picture: "/media/a/1.jpg"})
		s.start()
		p := open(t, browser(t), site.URL)
		in := `document.querySelector("live-posts").shadowRoot.querySelector`
		p.until(in + `(".embed-title").textContent === "Ada"`)
		p.until(in + `(".embed-picture").src === "` + s.site() + `/media/a/1.jpg"`)
		if frames == live.FramesAsk {
			p.until(in + `(".embed-show").checkVisibility() && !` + in + `("iframe")`)
			p.eval(in+`(".embed-show").click()`, nil)
		}
		p.until(in + `("iframe").src === "` + s.site() + `/embeds/` + snippetKey + `" && !` +
			in + `("iframe").getAttribute("sandbox").includes("same-origin")`)
		s.stop()
	}
}

// TestPicturesOfEmbeds takes pictures of cards and players on a phone and a desktop.
func TestPicturesOfEmbeds(t *testing.T) {
	t.Parallel()
	dir := *shots
	if dir == "" {
		dir = t.TempDir()
	}
	s := embedding(t, live.FramesAsk, `<blockquote style="border:1px solid #ccd;border-radius:12px;padding:1em;max-width:32em">
		The roof is open and the pitch is wet. Kick-off at eight.<footer>Ada Moreau</footer></blockquote>`)
	s.more = append(s.more, route.Route{Name: "picture", Pattern: "/picture.svg", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 420"><rect width="800" height="420" fill="#27614a"/>`+
			`<circle cx="400" cy="210" r="90" fill="none" stroke="#fff" stroke-width="6"/><path d="M400 0v420" stroke="#fff" stroke-width="6"/></svg>`)
	})})
	s.embed("https://www.example.org/reports/123", motacilla.Card{Provider: "The Evening Paper", Title: "Rovers and United meet for the fortieth time",
		Summary: "Both sides are unchanged. A look back at thirty-nine matches, of which Rovers won twenty, and at the one that was never finished.", Picture: "/picture.svg"})
	s.embed("https://example.net/a", motacilla.Card{Provider: "example.net"})
	s.embed("https://x.com/ada/status/1", motacilla.Card{Provider: "X", Title: "Ada Moreau",
		Summary: "The roof is open and the pitch is wet. Kick-off at eight.", Frame: "/embeds/" + snippetKey, Height: 180})
	withPicture := video
	withPicture.Picture = "/picture.svg"
	s.embed("https://www.youtube.com/watch?v=abc", withPicture)
	s.start()
	p := open(t, browser(t), s.url)
	p.live()
	p.eval(`document.querySelectorAll(".embed-show")[1].click()`, nil)
	p.until(`document.querySelectorAll("iframe").length === 1 && document.querySelector(".embed-picture").complete`)
	for name, width := range map[string]int64{"phone": 390, "desktop": 1100} {
		for _, dark := range []bool{false, true} {
			shade := map[bool]string{false: "", true: "-dark"}[dark]
			png := p.shot(width, 1500, dark)
			if err := os.WriteFile(filepath.Join(dir, "embeds-"+name+shade+".png"), png, 0o600); err != nil {
				t.Fatal(err)
			}
			p.until(`document.documentElement.scrollWidth <= innerWidth`)
		}
	}
}
