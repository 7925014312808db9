package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// TestEditorPaste pastes what word processors, spreadsheets and pages put into the clipboard.
func TestEditorPaste(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	p := openEditor(t, "")
	samples, err := filepath.Glob("testdata/paste/*.html")
	if err != nil || len(samples) < 8 {
		t.Fatalf("the samples are %q (%v)", samples, err)
	}
	for _, sample := range samples {
		t.Run(strings.TrimSuffix(filepath.Base(sample), ".html"), func(t *testing.T) {
			p.t = t
			copied, err := os.ReadFile(sample)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(sample, ".html") + ".want")
			if err != nil {
				t.Fatal(err)
			}
			p.holdsTexts()
			p.pastes(map[string]string{"text/html": string(copied), "text/plain": "plain"})
			p.says(strings.TrimSpace(string(want)))
			if got := receiver.Sanitise(string(want)).String(); got != string(want) {
				t.Errorf("the server makes of it %s", got)
			}
		})
	}
	p.t = t
	for name, c := range map[string]struct {
		before string
		data   map[string]string
		want   []string
	}{
		"paragraphs": {"", map[string]string{"text/plain": "One\r\nand a line\r\n\r\n\r\nTwo <b>\n"}, []string{`<p>One<br>and a line</p><p>Two &lt;b&gt;</p>`}},
		"words":      {"<p>Now</p>", map[string]string{"text/html": "<b>here</b>", "text/plain": "here"}, []string{`<p>Now<strong>here</strong></p>`}},
		"a page":     {"", map[string]string{"text/plain": "https://example.org/a?b=1 "}, []string{`{"type":"embed","value":{"url":"https://example.org/a?b=1"}}`}},
		"a page in a line": {"<p>See </p>", map[string]string{"text/plain": "https://example.org/a"},
			[]string{`<p>See<a href="https://example.org/a" rel="nofollow noopener">https://example.org/a</a></p>`}},
		"a page with a name": {"", map[string]string{"text/plain": "https://ada:secret@example.org/"}, []string{`<p>https://ada:secret@example.org/</p>`}},
		"pictures":           {"", map[string]string{"text/html": `<p>a<img src="https://example.org/far.png">b</p>`}, []string{`<p>ab</p>`}},
		"code":               {"<pre>x</pre>", map[string]string{"text/html": "<b>y</b>", "text/plain": "<b>y</b>\n  z"}, []string{"<pre>x&lt;b&gt;y&lt;/b&gt;\n  z</pre>"}},
	} {
		if c.before == "" {
			p.holdsTexts()
		} else {
			p.holdsTexts(c.before)
		}
		if name == "code" {
			p.eval(`getSelection().collapse(document.querySelector(".editor-text pre code").firstChild, 1)`, nil)
			p.until(`editor.can.value.active.has("codeblock")`)
		}
		p.pastes(c.data)
		p.says(c.want...)
	}
	p.holdsTexts()
	p.pastes(map[string]string{"text/html": `<p>One</p><img alt="A dot" src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"><p>Two</p>`})
	p.until(`editor.content().some(b => b.value.local === "file-1" && b.value.alt === "A dot" && b.value.width === 1)`)
	p.until(`page.known.get("file-1").file.type === "image/gif" && page.known.get("file-1").file.size === 42`)
	p.holdsTexts()
	p.pastes(map[string]string{"text/html": `<meta charset="utf-8"><img src="https://example.org/x.png">`}, "copied.png")
	p.until(`JSON.stringify(editor.content().map(b => b.value.local)) === '["file-2"]'`)
	p.asksNothing()
	p.well()
}

// asksNothing checks that the page loaded nothing but itself.
func (p *tab) asksNothing() {
	p.t.Helper()
	var asked []string
	p.eval(`performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.endsWith("/editor.js") && !n.endsWith("/editor.css") && !/^blob:|\/favicon.ico$/.test(n))`, &asked)
	if len(asked) > 0 {
		p.t.Errorf("the page asked for %q", asked)
	}
}

// attacks are pieces of HTML that try to run a script or to load something in the editor's page.
var attacks = []string{
	`<img src=x onerror="window.ran=1">`, `<svg onload="window.ran=2"><script>window.ran=3</script></svg>`,
	`<a href="javascript:window.ran=4">link</a>`, "<a href=\" \x01 java\tscr\nipt:window.ran=5\">link</a>", `<script>window.ran=6</script>`,
	`<iframe srcdoc="<script>parent.ran=7</script>"></iframe>`, `<math><mi xlink:href="javascript:window.ran=8">x</mi></math>`,
	`<p onclick="window.ran=9" onfocus="window.ran=9" tabindex=0 autofocus>x</p>`, `<form action="javascript:window.ran=10"><button>x</button></form>`,
	`<noscript><p title="</noscript><img src=x onerror=window.ran=11>"></noscript>`, `<template><img src=x onerror=window.ran=12></template>`,
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.ran=13&gt;">`,
	`<svg></p><style><a id="</style><img src=1 onerror=window.ran=14>">`, `<xmp><p title="</xmp><img src=x onerror=window.ran=15>">`,
	`<table><caption><img src=x onerror=window.ran=16>c</caption><tr><td>x</td></tr></table>`, `<style>@import "//evil.example/x.css";</style>x`,
	`<div style="background:url(https://evil.example/x.png)">x</div>`, `<link rel=stylesheet href=https://evil.example/x.css><base href=https://evil.example/>x`,
	`<meta http-equiv=refresh content="0;url=javascript:window.ran=17">x`, `<object data="javascript:window.ran=18"></object><embed src="javascript:window.ran=18">`,
	`<img src="https://evil.example/x.png"><img srcset="https://evil.example/y.png 1x">`, `<video poster=https://evil.example/p.png src=https://evil.example/v><audio src=x onerror=window.ran=19>`,
	`<p><abbr title="x" onmouseover="window.ran=20">x</abbr><kbd style="color:red" onclick=1></kbd></p>`, `<dl onclick="window.ran=21"><dt><img src=x onerror=window.ran=21>a</dt></dl>`,
	`<div data-pm-slice='0 0 ["image",{"value":{"url":"javascript:window.ran=22"}}]'><p>x</p></div>`, `<p data-desk="">x</p><img data-desk src=x onerror=window.ran=23>`,
	`<a href="https://example.org/&quot; onmouseover=&quot;window.ran=24">x</a>`, `<p lang='"><img src=x onerror=window.ran=25>'>x</p>`,
	`<a href="data:text/html,<script>window.ran=26</script>">x</a>`, `<img src="data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9Ii8vIj4=">`,
	"<scr\x00ipt>window.ran=27</scr\x00ipt>", `<a style="x:expression(window.ran=28)" style=y stylestyle==z>style=a</a>`,
}

// TestEditorRunsNothing pastes and sets what tries to run scripts, in a page without a policy.
func TestEditorRunsNothing(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	p := openEditorUnder(t, "", "")
	const left = `[...document.querySelectorAll(".editor-text *")].flatMap(e =>
		/^(script|style|iframe|object|embed|link|meta|base|svg|math|form|video|audio|template)$/.test(e.localName) ? [e.outerHTML] :
		[...e.attributes].filter(a => /^on|^srcdoc$|^srcset$/.test(a.name) || /javascript:|evil\.example|^data:/i.test(a.value.replace(/[\x00-\x20]/g, "")))
			.map(a => a.name + "=" + a.value))`
	for _, attack := range attacks {
		for _, way := range []func(){
			func() { p.holdsTexts(); p.pastes(map[string]string{"text/html": attack}) },
			func() { p.holdsTexts(attack) },
			func() {
				p.holdsBlocks([]text{{"type": "image", "value": text{"url": attack, "alt": attack}}, {"type": "embed", "value": text{"url": "javascript:window.ran=90", "card": text{"title": attack, "frame": "javascript:window.ran=91", "picture": "https://evil.example/p"}}},
					{"type": "score", "value": text{"home": attack, "away": attack, "home_score": attack, "away_score": attack, "note": attack}}, {"type": attack, "value": text{}}})
			},
		} {
			way()
			var found []string
			p.eval(left, &found)
			if len(found) > 0 {
				t.Errorf("%s leaves %q", attack, found)
			}
		}
	}
	p.eval(`document.querySelectorAll(".editor-text *").forEach(e => { e.click(); e.dispatchEvent(new MouseEvent("mouseover", {bubbles: true})) }); 0`, nil)
	p.asksNothing()
	p.well()
}

// TestEditorPastesAnything pastes random HTML. What comes of it is what the server takes as it is.
func TestEditorPastesAnything(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	p := openEditorUnder(t, "", "") // a policy would tell of each handler of an event, also where nothing can run
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	pool := slicesOf(t)
	var pasted []string
	for range 150 {
		var b strings.Builder
		for range 1 + random.IntN(12) {
			piece := pool[random.IntN(len(pool))]
			if random.IntN(3) == 0 && len(piece) > 0 {
				from := random.IntN(len(piece))
				piece = piece[from : from+random.IntN(len(piece)-from)+1]
			}
			b.WriteString(piece)
		}
		pasted = append(pasted, strings.ToValidUTF8(b.String(), "\ufffd"))
	}
	list, err := json.Marshal(pasted)
	if err != nil {
		t.Fatal(err)
	}
	var results []struct {
		Failed  string
		Content []motacilla.RawBlock
	}
	p.eval(fmt.Sprintf(`(async () => {
		const results = [];
		for (const [i, html] of %s.entries()) {
			const before = [[], [{type: "text", value: {text: "<ul><li>x</li></ul>"}}], [{type: "text", value: {text: "<table><tbody><tr><td>x</td><td>y</td></tr></tbody></table>"}}]][i %% 3];
			const one = {failed: "", content: []};
			results.push(one);
			try {
				editor.set(before);
				const data = new DataTransfer();
				data.setData("text/html", html);
				if (i %% 4 === 0) data.setData("text/plain", html);
				document.querySelector(".editor-text").dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
				await editor.settled();
				one.content = editor.content().map(b => b.value.local ? {type: "image", value: {...b.value, url: "/x"}} : b);
				const json = JSON.stringify(one.content);
				editor.set(editor.content());
				if (JSON.stringify(editor.content().map(b => b.value.local ? {type: "image", value: {...b.value, url: "/x"}} : b)) !== json) one.failed = "set again it changes";
			} catch (e) { one.failed = String(e.stack) }
		}
		return results;
	})()`, list), &results)
	for i, r := range results {
		if r.Failed != "" {
			t.Errorf("seed %d, %q: %s", seed, pasted[i], r.Failed)
		}
		for _, b := range r.Content {
			if b.Type != motacilla.TextBlock {
				continue
			}
			if got := receiver.Sanitise(b.Text).String(); got != b.Text {
				t.Errorf("seed %d, %q: the content is\n     %s\nof which the server makes\n     %s", seed, pasted[i], b.Text, got)
			}
		}
	}
	p.asksNothing()
	p.well()
}

// slicesOf returns pieces of HTML.
func slicesOf(t *testing.T) []string {
	t.Helper()
	pool := append([]string{
		"<p>", "</p>", "<b>", "</b>", "<i>x", "<li>", "<ul>", "</ul>", "<ol start=4>", "</ol>", "<table>", "<tr>", "<td colspan=2>", "<td rowspan=3>y", "</table>",
		"<blockquote>", "</blockquote>", "<cite>z</cite>", "<pre>\n\n", "</pre>", "<h1>", "</h1>", "<hr>", "<br>", "a", " ", "&nbsp;", "\n", "&amp;lt;", "<dl><dt>t<dd>d</dl>",
		`<a href="https://example.org/?a=1&b='">`, "</a>", "<div>", "</div>", `<span style="font-weight:bold;text-decoration:underline">`, "</span>", "<!--", "-->", "\u202eabc", "\U0001f980",
		"<code>", "</code>", "style=", "<style>", "</style>", "\x00", "\r", "<caption>c", "<th scope=row>", `<p style='mso-list:l0 level3 lfo1'>`, "<frameset>", "<select>", "<body>", "</html>",
	}, attacks...)
	samples, err := filepath.Glob("testdata/paste/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, sample := range samples {
		copied, err := os.ReadFile(sample)
		if err != nil {
			t.Fatal(err)
		}
		pool = append(pool, strings.SplitAfter(string(copied), "\n")...)
	}
	return pool
}
