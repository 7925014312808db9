package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestEditorImages adds images: one that waits, one that the server refuses, one that it takes.
func TestEditorImages(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	p := openEditor(t, "")
	const dot = `Uint8Array.from(atob("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"), c => c.charCodeAt(0))`
	p.eval(`page.room = new Promise(r => window.makeRoom = r);
		editor.addImages([new File([`+dot+`], "dot.gif", {type: "image/gif"}), new File(["x"], "notes.pdf", {type: "application/pdf"})]); 0`, nil)
	p.until(`/not an image/.test(document.querySelector(".editor-status").textContent)`)
	p.until(`document.querySelectorAll(".editor-image").length === 1 && document.querySelector(".editor-image img").naturalWidth === 1`)
	p.says() // the browser has not kept it yet
	p.until(`!editor.empty()`)
	p.eval(`document.querySelector(".editor-text").dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", keyCode: 13, ctrlKey: true, bubbles: true, cancelable: true}))`, nil)
	p.until(`page.submitted === 0`)
	p.eval(`makeRoom()`, nil)
	p.until(`page.submitted === 1 && editor.content()[0].value.local === "file-1" && editor.content()[0].value.width === 1`)
	is := func(state string) {
		p.eval(`{ const s = page.known.get("file-1").state; s.value = {...s.value, problem: undefined, `+state+`} }; 0`, nil)
	}
	is(`sent: 21, total: 42`)
	p.until(`document.querySelector(".editor-image progress").value === 0.5 && /50/.test(document.querySelector(".editor-sending [role=status]").textContent)`)
	is(`waiting: true`)
	p.until(`/waits for a connection/.test(document.querySelector(".editor-sending").textContent)`)
	is(`waiting: false, problem: "HEIC images can't be read here."`)
	p.until(`document.querySelector(".editor-image .editor-problem").textContent === "HEIC images can't be read here."`)
	p.eval(`[...document.querySelectorAll(".editor-image button")].find(b => b.textContent === "Try again").click()`, nil)
	p.until(`page.known.get("file-1").retried === 1`)
	p.eval(`document.querySelector(".editor-image textarea").focus()`, nil)
	p.types("A dot")
	p.until(`document.querySelector(".editor-image textarea").matches("[aria-describedby]") && editor.content()[0].value.alt === "A dot"`)
	is(`block: {type: "image", value: {media: "m1", url: "/media/m1/1.gif", srcset: "/media/m1/1.gif 1w", alt: "", width: 1, height: 1, color: "#000000"}}`)
	const taken = `{"type":"image","value":{"media":"m1","url":"/media/m1/1.gif","srcset":"/media/m1/1.gif 1w","alt":"A dot","width":1,"height":1,"color":"#000000"}}`
	p.until(`editor.content()[0].value.media === "m1"`)
	p.says(taken)
	p.until(`document.querySelector(".editor-sending").hidden && document.querySelector(".editor-image img").naturalWidth === 1`)
	p.eval(`[...document.querySelectorAll(".editor-image button")].find(b => b.textContent === "Remove image").click()`, nil)
	p.says()
	p.chord("z", ctrl)
	p.says(taken)
	p.until(`page.changes > 0`)
	p.well()
}

// TestEditorEmbedsAndScores operates both by keyboard.
func TestEditorEmbedsAndScores(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	p := openEditor(t, "")
	p.eval(`page.cards["https://video.example/1"] = {provider: "Video", title: "The goal"}; editor.focus(); editor.addLink("https://video.example/1"); 0`, nil)
	p.until(`page.asked.join() === "https://video.example/1" && document.querySelector(".editor-embed-title").textContent === "The goal"`)
	p.says(`{"type":"embed","value":{"url":"https://video.example/1","card":{"provider":"Video","title":"The goal"}}}`)
	p.types("After ")
	p.eval(`editor.addLink("https://example.org/")`, nil)
	p.says(`{"type":"embed","value":{"url":"https://video.example/1","card":{"provider":"Video","title":"The goal"}}}`,
		`<p>After <a href="https://example.org/" rel="nofollow noopener">https://example.org/</a></p>`)
	p.holdsTexts()
	p.eval(`editor.run("score")`, nil)
	p.until(`document.activeElement.matches(".editor-score-home")`)
	p.types("Arsenal\t2")
	p.until(`document.activeElement.matches(".editor-score-number")`)
	p.until(`editor.content()[0].value.home_score === "2"`) // Tab selects what is in a field
	p.types("\t ")                                          // the button +1 of home
	p.until(`editor.content()[0].value.home_score === "3"`)
	p.types("\tChelsea")
	p.until(`editor.content()[0].value.away === "Chelsea"`)
	p.types(kb.Escape)
	p.until(`document.activeElement.matches(".editor-text") && document.querySelector(".editor-score.is-selected")`)
	p.types("\r")
	p.until(`document.activeElement.matches(".editor-score-home")`)
	p.types(kb.Escape)
	p.types(kb.Delete)
	p.says()
	p.chord("z", ctrl)
	p.until(`editor.content()[0].type === "score"`)
	p.well()
}

// TestEditorTables makes a table, goes through it by Tab, and leaves it.
func TestEditorTables(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	p := openEditor(t, "")
	p.eval(`editor.focus(); editor.run("table")`, nil)
	p.until(`editor.can.value.active.has("table") && !document.querySelector(".editor-tablebar").hidden`)
	p.types("A\tB\tC\t1\t2\t3\t4\t5\t6\t7")
	p.says(`<table><tbody><tr><th>A</th><th>B</th><th>C</th></tr><tr><td>1</td><td>2</td><td>3</td></tr><tr><td>4</td><td>5</td><td>6</td></tr><tr><td>7</td><td></td><td></td></tr></tbody></table>`)
	bar := func(label string) {
		p.t.Helper()
		p.eval(fmt.Sprintf(`[...document.querySelectorAll(".editor-bar button")].find(b => b.textContent === %q).click()`, label), nil)
	}
	bar("Delete row")
	bar("Delete column")
	p.says(`<table><tbody><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr><tr><td>4</td><td>5</td></tr></tbody></table>`)
	p.eval(`document.querySelector(".editor-tablebar input").focus()`, nil)
	p.types("1 < 2")
	p.says(`<table><caption>1 &lt; 2</caption><tbody><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr><tr><td>4</td><td>5</td></tr></tbody></table>`)
	p.types(kb.Escape)
	p.until(`document.activeElement.matches(".editor-text")`)
	p.pastes(map[string]string{"text/html": `<table><tr><td>x</td><td>y</td></tr></table>`})
	p.until(`/<td>x<\/td><td>y<\/td>/.test(editor.content()[0].value.text) && editor.content().length === 1`)
	p.types(kb.Escape + "\t")
	p.until(`document.activeElement.matches("#after")`)
	p.eval(`editor.focus()`, nil)
	bar("Delete table")
	p.says()
	p.well()
}

// TestEditorKeys sets marks, links, lists and quotes by keys alone.
func TestEditorKeys(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	p := openEditor(t, "")
	p.holdsTexts()
	p.chord("b", ctrl)
	p.types("bold")
	p.chord("b", ctrl)
	p.chord("i", ctrl)
	p.types("em")
	p.until(`editor.can.value.active.has("italic") && !editor.can.value.active.has("bold")`)
	p.chord("i", ctrl)
	p.chord("u", ctrl)
	p.types("u")
	p.says(`<p><strong>bold</strong><em>em</em><u>u</u></p>`)
	p.chord("k", ctrl)
	p.until(`document.activeElement.matches(".editor-form input")`)
	p.types("no address\r")
	p.until(`/not an address/.test(document.querySelector(".editor-form .editor-problem").textContent)`)
	p.chord("a", ctrl)
	p.types("example.org/x\r")
	p.until(`document.activeElement.matches(".editor-text")`)
	p.says(`<p><strong>bold</strong><em>em</em><u>u</u><a href="https://example.org/x" rel="nofollow noopener">https://example.org/x</a></p>`)
	p.holdsTexts("a")
	p.chord("8", ctrl, shift)
	p.types("\rb\t\rc")
	p.says(`<ul><li>a<ul><li>b</li><li>c</li></ul></li></ul>`)
	p.chord("7", ctrl, shift)
	p.says(`<ul><li>a<ol><li>b</li><li>c</li></ol></li></ul>`)
	p.types("\t", shift)
	p.says(`<ul><li>a<ol><li>b</li></ol></li><li>c</li></ul>`)
	p.holdsTexts("said")
	p.chord("9", ctrl, shift)
	p.says(`<blockquote>said</blockquote>`)
	p.chord("9", ctrl, shift)
	p.says(`said`)
	p.types("\r", shift)
	p.types("more")
	p.says(`said<br>more`)
	p.chord("z", ctrl)
	p.until(`editor.content()[0].value.text !== "said<br>more"`)
	p.chord("y", ctrl)
	p.says(`said<br>more`)
	p.types("\r", ctrl)
	p.until(`page.submitted === 1`)
	p.until(`page.shortcuts.every(s => document.querySelector("script[data-desk]").textContent.includes('"' + s.text + '"'))`)
	p.until(`page.markdownShortcuts.every(s => document.querySelector("script[data-desk]").textContent.includes('"' + s.text + '"'))`)
	p.well()
}

// TestEditorComposition types by an input method. No Markdown shortcut fires before the composition ends.
func TestEditorComposition(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	p := openEditor(t, `dir="rtl"`)
	p.holdsTexts()
	compose := func(text string) {
		p.run(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			at := int64(len([]rune(text)))
			_, err := cdp.Call(ctx, target, input.ImeSetComposition, input.ImeSetCompositionParams{Text: text, SelectionStart: at, SelectionEnd: at})
			return err
		}))
	}
	p.types("a **")
	compose("に")
	compose("にほ**")
	p.until(`document.querySelector(".editor-text").textContent.includes("にほ**") && !document.querySelector(".editor-text strong")`)
	compose("日本")
	p.run(call(input.InsertText, input.InsertTextParams{Text: "日本"}))
	p.types(" مرحبا** ")
	p.says(`<p>a <strong>日本 مرحبا</strong> </p>`)
	p.until(`getComputedStyle(document.querySelector(".editor-text p")).unicodeBidi === "plaintext"`)
	p.well()
}

// TestEditorAccessibility checks the editor with axe-core, with everything in it.
func TestEditorAccessibility(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	axe := axeCore(t)
	p := openEditorUnder(t, "", "")
	p.holdsBlocks([]text{
		{"type": "text", "value": text{"text": `<h2>A</h2><p>b <a href="https://e.example/">c</a> <abbr title="x">d</abbr></p><dl><dt>e</dt><dd>f</dd></dl><blockquote><p>g</p></blockquote><ul><li>h</li></ul><pre>i</pre>`}},
		{"type": "image", "value": text{"local": "none", "alt": ""}},
		{"type": "embed", "value": text{"url": "https://e.example/", "card": text{"title": "T", "summary": "S"}}},
		{"type": "score", "value": text{"home": "a", "away": "b", "home_score": "1", "away_score": "0", "note": ""}},
		{"type": "text", "value": text{"text": `<table><caption>j</caption><tbody><tr><th>k</th><td>l</td></tr></tbody></table>`}},
	})
	p.eval(`{ const cell = document.querySelector(".editor-text td p"); getSelection().collapse(cell.firstChild, 1) }; 0`, nil)
	p.until(`!document.querySelector(".editor-tablebar").hidden`)
	for _, scheme := range []string{"light", "dark"} {
		p.colours(scheme)
		p.accessible(axe)
	}
	p.eval(`editor.run("link")`, nil)
	p.until(`document.activeElement.matches(".editor-form input")`)
	p.accessible(axe)
}
