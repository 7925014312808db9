package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/motacilla-live/motacilla/internal/bundle"
	"go.yaml.in/yaml/v3"
)

// deskPolicy is the policy of the desk's page, so that the editor works under it.
const deskPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: http: data: blob:; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

var editorProgram = sync.OnceValues(func() (bundle.Program, error) {
	folder, err := deskSources()
	if err != nil {
		return bundle.Program{}, err
	}
	return bundle.NewProgram(filepath.Join(folder, "compose/client/editor/alone.ts"))
})

// deskWords returns the English words of the desk.
func deskWords(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../compose/words/en.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Words map[string]string }
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Words
}

// openEditor opens a page with nothing but the editor. It notes what the page's policy refused, and what was asked for over the
// network after the page.
func openEditor(t *testing.T, attributes string) *tab {
	t.Helper()
	return openEditorUnder(t, deskPolicy, attributes)
}

func openEditorUnder(t *testing.T, policy, attributes string) *tab {
	t.Helper()
	program, err := editorProgram()
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"lang": "en", "dir": "ltr", "words": deskWords(t)})
	if err != nil {
		t.Fatal(err)
	}
	files := http.NewServeMux()
	serve := func(path, kind string, content []byte) {
		files.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Content-Security-Policy", policy)
			_, _ = w.Write(content)
		})
	}
	serve("/{$}", "text/html", fmt.Appendf(nil, `<!doctype html><html lang="en" %s><meta charset="utf-8"><title>The editor</title>
		<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/editor.css"><main><h1>The editor</h1>
		<button id="before">Before</button><div id="desk"></div><button id="after">After</button></main>
		<script type="application/json" data-desk>%s</script><script type="module" src="/editor.js"></script>`, attributes, config))
	serve("/editor.js", "text/javascript", program.Script)
	serve("/editor.css", "text/css", program.Styles)
	site := usual().start(files)
	t.Cleanup(site.Close)
	p := open(t, browser(t), site.URL, `window.refused = []; window.failed = []; window.ran = undefined;
		addEventListener("securitypolicyviolation", e => refused.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample));
		addEventListener("error", e => failed.push(e.message));
		addEventListener("unhandledrejection", e => failed.push(String(e.reason)));`)
	p.until(`window.editor`)
	return p
}

// well checks that nothing failed on the editor's page, and that no script ran.
func (p *tab) well() {
	p.t.Helper()
	var state struct {
		Ran     any
		Refused []string
		Failed  []string
	}
	p.eval(`({ran: window.ran ?? null, refused, failed})`, &state)
	if state.Ran != nil || len(state.Refused) > 0 || len(state.Failed) > 0 {
		p.t.Errorf("the page ran %v, its policy refused %q, it failed with %q", state.Ran, state.Refused, state.Failed)
	}
}

// holdsTexts replaces what is in the editor by text blocks, and puts the cursor at the end.
func (p *tab) holdsTexts(texts ...string) {
	p.t.Helper()
	blocks := []text{}
	for _, s := range texts {
		blocks = append(blocks, text{"type": "text", "value": text{"text": s}})
	}
	p.holdsBlocks(blocks)
}

func (p *tab) holdsBlocks(blocks any) {
	p.t.Helper()
	content, err := json.Marshal(blocks)
	if err != nil {
		p.t.Fatal(err)
	}
	p.eval(fmt.Sprintf(`editor.set(%s); editor.focus("end")`, content), nil)
}

// says checks the editor's content: the text of a text block, or the JSON of another one.
func (p *tab) says(want ...string) {
	p.t.Helper()
	list, err := json.Marshal(append([]string{}, want...))
	if err != nil {
		p.t.Fatal(err)
	}
	const said = `editor.content().map(b => b.type === "text" ? b.value.text : JSON.stringify(b))`
	var got json.RawMessage
	var same bool
	p.eval(said, &got)
	p.eval(fmt.Sprintf(`JSON.stringify(%s) === JSON.stringify(%s)`, said, list), &same)
	if !same {
		p.t.Errorf("the content is\n     %s\nwant %s", got, list)
	}
}

const (
	ctrl  = chromedp.ModifierCtrl
	shift = chromedp.ModifierShift
)

// chord presses a key together with modifiers.
func (p *tab) chord(key string, modifiers ...chromedp.Modifier) {
	p.t.Helper()
	p.keys(key, chromedp.KeyModifiers(modifiers...))
}

// types types as a person does: a key that the page takes for itself puts nothing into the text.
func (p *tab) types(text string, modifiers ...chromedp.Modifier) {
	p.t.Helper()
	for _, r := range text {
		keys := kb.Encode(r)
		if !strings.ContainsRune("\r\t\b", r) {
			p.keys(string(r))
			continue
		}
		for _, k := range keys {
			switch {
			case k.Type == kb.KeyChar:
				continue
			case k.Type != kb.KeyUp:
				k.Type, k.Text = kb.KeyDown, map[bool]string{true: "\r"}[r == '\r']
			}
			chromedp.KeyModifiers(modifiers...)(k)
			p.run(call(input.DispatchKeyEvent, *k))
		}
	}
}

// pastes pastes data of MIME types, as the browser hands it to the page.
func (p *tab) pastes(data map[string]string, files ...string) {
	p.t.Helper()
	items, err := json.Marshal(data)
	if err != nil {
		p.t.Fatal(err)
	}
	names, err := json.Marshal(files)
	if err != nil {
		p.t.Fatal(err)
	}
	p.eval(fmt.Sprintf(`{
		const data = new DataTransfer();
		for (const [type, text] of Object.entries(%s)) data.setData(type, text);
		for (const name of %s ?? []) data.items.add(new File([name], name, {type: name.endsWith(".txt") ? "text/plain" : "image/png"}));
		document.querySelector(".editor-text").dispatchEvent(
			new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
	}; 0`, items, names), nil)
}

// TestEditorMarkdown types as in Markdown.
func TestEditorMarkdown(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	p := openEditor(t, "")
	for typed, want := range map[string]string{
		"# Goal":                  `<h2>Goal</h2>`,
		"## Goal":                 `<h3>Goal</h3>`,
		"### Goal":                `<h4>Goal</h4>`,
		"a **b c** d":             `<p>a <strong>b c</strong> d</p>`,
		"a *b c* d":               `<p>a <em>b c</em> d</p>`,
		"a ~~b c~~ d":             `<p>a <s>b c</s> d</p>`,
		"a `b *c* d` e":           `<p>a <code>b *c* d</code> e</p>`,
		"2*3*4 and **":            `<p>2*3*4 and **</p>`,
		"> Quoted\r\rBen":         `<blockquote><p>Quoted</p><cite>Ben</cite></blockquote>`,
		"> One\rTwo\r\rBen\rThen": `<blockquote><p>One</p><p>Two</p><cite>Ben</cite></blockquote><p>Then</p>`,
		"- a\rb\r\rc":             `<ul><li>a</li><li>b</li></ul><p>c</p>`,
		"1. a\rb":                 `<ol><li>a</li><li>b</li></ol>`,
		"7. a":                    `<ol start="7"><li>a</li></ol>`,
		"2026. A year":            `<p>2026. A year</p>`,
		"```a\rb  c":              "<pre><code>a\nb  c</code></pre>",
		"```a\r\r\rb":             `<pre><code>a</code></pre><p>b</p>`,
		"---After":                `<hr><p>After</p>`,
		"see [our page](https://example.org/a_b) now": `<p>see <a href="https://example.org/a_b" rel="nofollow noopener">our page</a> now</p>`,
		"[x](javascript:alert(1)) y":                  `<p>[x](javascript:alert(1)) y</p>`,
		"<b>x</b> & y":                                `<p>&lt;b&gt;x&lt;/b&gt; &amp; y</p>`,
	} {
		p.holdsTexts()
		p.types(typed)
		p.says(want)
	}
	p.well()
}

// TestEditorTakesShortcutsBack takes back what a shortcut made, before what was typed.
func TestEditorTakesShortcutsBack(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	p := openEditor(t, "")
	for typed, want := range map[string]string{
		"# ": `<p># </p>`, "a **b**": `<p>a **b**</p>`, "> ": `<p>&gt; </p>`, "- ": `<p>- </p>`, "```": "<p>```</p>", "---": `<p>---</p>`,
		"[a](https://example.org)": `<p>[a](https://example.org)</p>`,
	} {
		for _, undo := range []func(){func() { p.chord("z", ctrl) }, func() { p.chord(kb.Backspace) }} {
			p.holdsTexts()
			p.types(typed)
			undo()
			p.says(want)
		}
	}
	p.well()
}
