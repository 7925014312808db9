package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/motacilla-live/motacilla/internal/realserver"
)

// axeCore returns axe-core. testdata/README.md says where it is from.
func axeCore(t *testing.T) string {
	t.Helper()
	axe, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	return string(axe)
}

// accessible checks the page with axe-core. The page's policy must not be in force.
func (p *tab) accessible(axe string) {
	p.t.Helper()
	p.eval(axe+`;0`, nil)
	var found []struct {
		ID, Impact, Help string
		Nodes            []struct {
			HTML           string
			FailureSummary string
		}
	}
	p.eval(`axe.run().then(r => r.violations)`, &found)
	for _, v := range found {
		what, _ := json.Marshal(v.Nodes[0])
		if v.Impact == "serious" || v.Impact == "critical" {
			p.t.Errorf("%s, %s: %s, %d times: %s", v.ID, v.Impact, v.Help, len(v.Nodes), what)
		} else {
			p.t.Logf("%s, %s: %s: %s", v.ID, v.Impact, v.Help, what)
		}
	}
}

// colours makes the browser prefer light or dark colours.
func (p *tab) colours(scheme string) {
	p.t.Helper()
	p.run(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}))
}

// TestAccessibility checks pages with axe-core, in light and dark colours.
func TestAccessibility(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	axe := axeCore(t)
	f := newForeign(t)
	anypage := realserver.FreeAddress(t)
	f.others = []string{"http://" + anypage}
	s := f.serveTo(t, "sse")
	for i := range 55 {
		s.post(fmt.Sprint("post ", i))
	}
	for _, post := range []text{
		{"text": "<p>A <a href=\"https://example.org/\">link</a>, <em>words</em></p><blockquote>and a quotation</blockquote>" +
			"<pre>code</pre><ul><li>one</li></ul>", "author": "Ada Moreau"},
		{"text": "Goal!", "key_event": true, "author": "Ada Moreau"},
		{"text": "Kick-off at eight", "pinned": true},
		{"text": "https://www.youtube.com/watch?v=dQw4w9WgXcQ"},
		{"content": []text{{"type": "image", "value": text{"url": "https://example.org/a.png", "alt": "A stadium"}}}},
	} {
		s.api(http.MethodPost, "channels/match/posts", post, nil)
	}
	s.edit(s.post("to be edited"), text{"text": "edited"})
	server := "http://" + s.addr
	for id, change := range map[string]text{"ended": {"ended": "2026-01-01T00:00:00Z"}, "private": {"access": "private"}} {
		s.api(http.MethodPost, "channels", text{"id": id, "title": "The match before"}, nil)
		s.api(http.MethodPatch, "channels/"+id, change, nil)
	}
	example(t, anypage, server)
	arabic, harbour := tongues(t)[0].serve(t), theme(t)
	arabic.api(http.MethodPost, "channels", text{"id": "private", "title": "خاص"}, nil)
	arabic.api(http.MethodPatch, "channels/private", text{"access": "private"}, nil)
	f.body.Store(element("", `<h2 slot="title">The match, live</h2>`) +
		`<live-posts src="SERVER" channel="private"></live-posts><live-posts src="SERVER" channel="ended"></live-posts>`)

	p := open(t, browser(t), "about:blank")
	p.run(call(page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})) // the policies would stop axe
	for _, of := range []struct{ name, url, until string }{
		{"page", s.url, `document.querySelector("[data-live-status=live]")`},
		{"page that ended", server + "/channels/ended", `document.querySelector("[data-live-status=live]")`},
		{"private page", server + "/channels/private", `document.querySelector("form.sign-in")`},
		{"index", server + "/", `document.querySelectorAll(".channel").length === 2`},
		{"element", f.url, `document.querySelector("live-posts").status === "live" &&
			document.querySelectorAll("live-posts")[1].status === "refused"`},
		{"page in Arabic", arabic.url, `document.querySelector("[data-live-status=live]")`},
		{"private page in Arabic", "http://" + arabic.addr + "/channels/private", `document.querySelector("form.sign-in")`},
		{"index in Arabic", "http://" + arabic.addr, `document.querySelector(".channel")`},
		{"page of another look", harbour.url, `document.querySelector("[data-live-status=live]")`},
		{"example", "http://" + anypage, `document.querySelector("live-posts").status === "live"`},
	} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(of.name+", "+scheme, func(t *testing.T) {
				p.t = t
				p.colours(scheme)
				p.goTo(of.url)
				p.until(of.until)
				if of.name == "element" {
					p.eval(`Object.assign(document.body.style, {colorScheme: "light dark", background: "Canvas", color: "CanvasText"}); 0`, nil)
				}
				p.accessible(axe)
			})
		}
	}
}
