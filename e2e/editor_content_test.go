package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// someHTML returns a random text of a post, as a source may send it.
func someHTML(random *rand.Rand) string {
	words := []string{"Goal", " ", "1 – 0", "\n", "&amp;", "\u00a0", "<br>", "it's", `"x"`, "مرحبا", "\U0001f980", "  a  "}
	inline := []string{"b", "strong", "i", "em", "s", "u", "code", "sub", "sup", "mark", `abbr title="x"`, "kbd", "q", `span lang="fr"`, `a href="https://e.example/?a=1&amp;b='"`,
		"small", `time datetime="2026-01-01"`, "del", `em dir="rtl"`, "cite", `a href="mailto:a@e.example" title="t"`}
	block := []string{"p", `p lang="de"`, "div", "h1", "h2", "h4", "h6", "blockquote", "ul", "ol", `ol start="3" reversed`, "pre", "dl", "table", "hr", "td", "li", "pre><code", "blockquote><p"}
	var b strings.Builder
	var run func(depth int)
	line := func() {
		for range random.IntN(4) {
			if random.IntN(3) > 0 {
				b.WriteString(words[random.IntN(len(words))])
				continue
			}
			tag := inline[random.IntN(len(inline))]
			fmt.Fprintf(&b, "<%s>%s", tag, words[random.IntN(len(words))])
			if random.IntN(4) == 0 {
				fmt.Fprintf(&b, "<%s>%s", inline[random.IntN(len(inline))], words[random.IntN(len(words))])
			}
			fmt.Fprintf(&b, "</%s>", strings.Fields(tag)[0])
		}
	}
	run = func(depth int) {
		for range random.IntN(4) {
			tag := block[random.IntN(len(block))]
			if depth > 3 || random.IntN(3) == 0 {
				line()
				continue
			}
			name, _, _ := strings.Cut(strings.Fields(tag)[0], ">")
			fmt.Fprintf(&b, "<%s>", tag)
			switch name {
			case "ul", "ol":
				for range 1 + random.IntN(3) {
					b.WriteString("<li>")
					run(depth + 1)
				}
			case "table":
				if random.IntN(3) == 0 {
					b.WriteString("<caption>a <b>caption</b></caption>")
				}
				width := 1 + random.IntN(3)
				for range 1 + random.IntN(3) {
					b.WriteString([]string{"<tr>", "<thead><tr>", "<tbody><tr>"}[random.IntN(3)])
					for range width - random.IntN(10)/9 {
						b.WriteString([]string{"<td>", "<th scope=row>", "<td>", "<td>"}[random.IntN(4)])
						run(depth + 2)
					}
				}
			case "dl":
				b.WriteString("<dt>a<dd>")
				line()
			case "blockquote":
				run(depth + 1)
				if random.IntN(2) == 0 {
					b.WriteString("<cite>Ben</cite>")
				}
			default:
				line()
			}
			fmt.Fprintf(&b, "</%s>%s", name, []string{"", "\n", " "}[random.IntN(3)])
		}
	}
	run(0)
	return b.String()
}

var (
	tagged = regexp.MustCompile(`<[^>]*>`)
	spaces = regexp.MustCompile(`[\s\x{a0}]+`)
)

// wordsOf returns the letters of HTML.
func wordsOf(html string) string {
	return spaces.ReplaceAllString(tagged.ReplaceAllString(html, ""), "")
}

// TestEditorChangesNothingByItself gives the editor posts of all kinds. It gives back what it got, byte for byte, also next to a
// change, and after the change is undone. What it writes itself is what the server takes as it is, and no word is lost.
func TestEditorChangesNothingByItself(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	p := openEditorUnder(t, "", "")
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 2))
	posts := [][]text{ // beside a line, the second begins as the first does
		{{"type": "text", "value": text{"text": "<hr>Goal"}}},
		{{"type": "text", "value": text{"text": "Goal<p></p>"}}},
	}
	for len(posts) < 250 {
		post := []text{}
		for range 1 + random.IntN(3) {
			switch random.IntN(6) {
			case 0:
				post = append(post, text{"type": "image", "value": text{"url": "https://e.example/x.png", "alt": "x", "width": 3.0, "height": 2.0, "media": "a1", "srcset": "/a 1w"}})
			case 1:
				post = append(post, text{"type": "embed", "value": text{"url": "https://e.example/?x#y", "card": text{"title": "T"}}})
			default:
				if html := receiver.Sanitise(someHTML(random)).String(); wordsOf(html) != "" {
					post = append(post, text{"type": "text", "value": text{"text": html}})
				}
			}
		}
		posts = append(posts, post)
	}
	list, err := json.Marshal(posts)
	if err != nil {
		t.Fatal(err)
	}
	type block struct {
		Type  string
		Value struct{ Text string }
	}
	var results []struct {
		Failed         string
		Same, Undone   string
		Beside, Bolded []block
		Opaque         int
	}
	p.eval(fmt.Sprintf(`(async () => {
		const results = [];
		for (const post of %s) {
			const one = {failed: "", same: "", undone: "", beside: [], bolded: [], opaque: 0};
			results.push(one);
			try {
				const json = JSON.stringify(post);
				editor.set(post);
				const got = JSON.stringify(editor.content());
				if (got !== json) one.same = got;
				editor.run("rule");
				one.beside = editor.content();
				editor.run("undo");
				const undone = JSON.stringify(editor.content());
				if (undone !== json) one.undone = undone;
				const dom = document.querySelector(".editor-text");
				one.opaque = dom.querySelectorAll(".editor-opaque").length;
				dom.dispatchEvent(new KeyboardEvent("keydown", {key: "a", keyCode: 65, ctrlKey: true, bubbles: true, cancelable: true}));
				editor.run("bold");
				one.bolded = editor.content();
			} catch (e) { one.failed = String(e.stack) }
		}
		return results;
	})()`, list), &results)
	opaque, checked := 0, 0
	for i, r := range results {
		was, _ := json.Marshal(posts[i])
		opaque += r.Opaque
		if r.Failed != "" || r.Same != "" || r.Undone != "" {
			t.Errorf("seed %d, %s\n failed %s\nbecame %s\nundone %s", seed, was, r.Failed, r.Same, r.Undone)
			continue
		}
		var before, after strings.Builder
		texts := []string{}
		for _, b := range posts[i] {
			if b["type"] == "text" {
				texts = append(texts, b["value"].(text)["text"].(string))
			}
		}
		before.WriteString(wordsOf(strings.Join(texts, "")))
		beside := []string{}
		for _, b := range r.Beside {
			if b.Type == "text" {
				beside = append(beside, b.Value.Text)
			}
		}
		if got, want := strings.Join(beside, ""), strings.Join(texts, ""); !insertedRule(got, want) {
			t.Errorf("seed %d: beside a line\n     %s\nbecame\n     %s", seed, want, got)
		}
		for _, b := range r.Bolded {
			if b.Type == "text" {
				after.WriteString(wordsOf(b.Value.Text))
				if got := receiver.Sanitise(b.Value.Text).String(); got != b.Value.Text {
					t.Errorf("seed %d, %s: the editor writes\n     %s\nof which the server makes\n     %s", seed, was, b.Value.Text, got)
				}
			}
		}
		checked++
		if before.String() != after.String() {
			t.Errorf("seed %d, %s: the words %q became %q", seed, was, before.String(), after.String())
		}
	}
	if checked < 200 || opaque > 250 {
		t.Errorf("%d posts were checked, with %d parts that the editor does not know", checked, opaque)
	}
	t.Logf("%d posts, %d parts that the editor does not know", checked, opaque)
	if len(p.unfit()) > 0 {
		t.Errorf("it failed with %q", p.unfit())
	}
}

// insertedRule reports whether got is want with one line across in it. It may stand in place of an empty line at the beginning.
func insertedRule(got, want string) bool {
	const rule = "<hr>"
	if after, first := strings.CutPrefix(got, rule); first && strings.HasSuffix(want, after) && wordsOf(strings.TrimSuffix(want, after)) == "" {
		return true
	}
	for i := range len(got) - len(rule) + 1 {
		if got[i:i+len(rule)] == rule && got[:i]+got[i+len(rule):] == want {
			return true
		}
	}
	return false
}

func (p *tab) unfit() []string {
	p.t.Helper()
	var failed []string
	p.eval(`failed`, &failed)
	return failed
}

// TestEditorKeepsWhatItDoesNotKnow edits a post that has such a part, and removes it.
func TestEditorKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	p := openEditor(t, "")
	const list = "<dl><dt>Votes</dt>\n <dd>12 <b>of</b> 20</dd></dl>"
	p.holdsTexts("<p>Hello <abbr title=\"x\">FD</abbr> </p>\n" + list + "\n<p lang=\"de\">Ende</p>")
	p.until(`document.querySelector(".editor-opaque dd").textContent === "12 of 20"`)
	p.types("!")
	p.says("<p>Hello <abbr title=\"x\">FD</abbr> </p>\n" + list + "\n<p lang=\"de\">Ende!</p>")
	p.eval(`document.querySelector(".editor-opaque button").click()`, nil)
	p.says("<p>Hello <abbr title=\"x\">FD</abbr> </p>\n<p lang=\"de\">Ende!</p>")
	p.chord("z", ctrl)
	p.says("<p>Hello <abbr title=\"x\">FD</abbr> </p>\n" + list + "\n<p lang=\"de\">Ende!</p>")
	p.holdsTexts("One", "Two") // two blocks stay two
	p.types("!")
	p.says("One", "Two!")
	p.holdsTexts(" \n", "<p> </p>", "<p>\u00a0</p>")
	p.says()
	p.until(`editor.empty()`)
	p.well()
}

// TestEditorWritesValidBlocks checks that blocks with what a person may type pass the server's checks.
func TestEditorWritesValidBlocks(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	p := openEditor(t, "")
	long := strings.Repeat("ä", 3000)
	p.eval(`editor.addImages([new File(["x"], "a.png", {type: "image/png"})])`, nil)
	p.until(`editor.content()[0]?.value.local === "file-1"`)
	p.eval(fmt.Sprintf(`{
		const field = document.querySelector(".editor-image textarea");
		field.value = %q;
		field.dispatchEvent(new Event("input", {bubbles: true}));
		page.known.get("file-1").state.value = {sent: 1, total: 1, waiting: false, kept: true, block: {type: "image", value: {media: "abc", url: "/media/abc/1.png", alt: "", width: 4, height: 3}}};
	}; 0`, long), nil)
	p.until(`editor.content()[0].value.media === "abc"`)
	var blocks []motacilla.RawBlock
	p.eval(`editor.content()`, &blocks)
	if len(blocks) != 1 || len(blocks[0].Alt) != motacilla.MaxAlt || !slices.Contains([]string{"/media/abc/1.png"}, blocks[0].URL) {
		t.Errorf("the blocks are %+v", blocks)
	}
	p.well()
}
