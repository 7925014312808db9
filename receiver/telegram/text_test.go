package telegram

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/go-telegram/bot/models"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"golang.org/x/net/html"
)

// on marks the first place of part in text, as Telegram counts.
func on(kind models.MessageEntityType, text, part string) entity {
	at := strings.Index(text, part)
	return entity{Type: kind, Offset: len(utf16.Encode([]rune(text[:at]))), Length: len(utf16.Encode([]rune(part)))}
}

func render(text string, entities ...entity) string {
	var out []string
	for _, b := range textBlocks(text, entities, true) {
		switch b.Type {
		case motacilla.EmbedBlock:
			out = append(out, "embed "+b.URL)
		default:
			out = append(out, receiver.Sanitise(b.Text).String())
		}
	}
	return strings.Join(out, "\n")
}

const rel = ` rel="nofollow noopener"`

func TestEntities(t *testing.T) {
	flags := "🇩🇪 🏴󠁧󠁢󠁳󠁣󠁴󠁿 Goal 👨‍👩‍👧 now"
	with := func(e entity, change func(e *entity)) entity { change(&e); return e }
	for _, c := range []struct {
		name, text string
		entities   []entity
		want       string
	}{
		{"none", "a < b & c > d \"e\" 'f'", nil, `a &lt; b &amp; c &gt; d "e" 'f'`},
		{"markup typed by hand", "<b>x</b><script>alert(1)</script>", nil, `&lt;b&gt;x&lt;/b&gt;&lt;script&gt;alert(1)&lt;/script&gt;`},
		{"bold", "a bold b", []entity{on("bold", "a bold b", "bold")}, `a <b>bold</b> b`},
		{"after emoji outside the BMP", flags, []entity{on("bold", flags, "Goal"), on("italic", flags, "now")},
			"🇩🇪 🏴󠁧󠁢󠁳󠁣󠁴󠁿 <b>Goal</b> 👨‍👩‍👧 <i>now</i>"},
		{"marks", "biusc", []entity{on("bold", "biusc", "b"), on("italic", "biusc", "i"), on("underline", "biusc", "u"),
			on("strikethrough", "biusc", "s"), on("code", "biusc", "c")}, `<b>b</b><i>i</i><u>u</u><s>s</s><code>c</code>`},
		{"nested", "abcde", []entity{on("bold", "abcde", "abcde"), on("italic", "abcde", "bcd"), on("underline", "abcde", "c")},
			`<b>a<i>b<u>c</u>d</i>e</b>`},
		{"overlapping", "abcd", []entity{on("bold", "abcd", "abc"), on("italic", "abcd", "bcd")}, `<b>a<i>bc</i></b><i>d</i>`},
		{"the same twice", "ab", []entity{on("bold", "ab", "ab"), on("bold", "ab", "b")}, `<b>ab</b>`},
		{"across lines", "one\ntwo", []entity{on("bold", "one\ntwo", "one\ntwo")}, "<b>one</b>\n<b>two</b>"},
		{"blank lines", "\n one \n\n \ntwo\n", nil, "one\ntwo"},
		{"link", "see here", []entity{with(on("text_link", "see here", "here"), func(e *entity) { e.URL = "https://e.example/?a=1&b=\"2\"" })},
			`see <a href="https://e.example/?a=1&amp;b=&#34;2&#34;"` + rel + `>here</a>`},
		{"bold in a link", "see here", []entity{with(on("text_link", "see here", "see here"), func(e *entity) { e.URL = "https://e.example/" }),
			on("bold", "see here", "here")}, `<a href="https://e.example/"` + rel + `>see <b>here</b></a>`},
		{"javascript link", "x", []entity{{Type: "text_link", Length: 1, URL: "javascript:alert(1)"}}, `x`},
		{"tg link", "x", []entity{{Type: "text_link", Length: 1, URL: "tg://user?id=1"}}, `x`},
		{"link with a password", "x", []entity{{Type: "text_link", Length: 1, URL: "https://a:b@e.example/"}}, `x`},
		{"url", "at e.example/x now", []entity{on("url", "at e.example/x now", "e.example/x")},
			`at <a href="https://e.example/x"` + rel + `>e.example/x</a> now`},
		{"url of another scheme", "ftp://e.example", []entity{on("url", "ftp://e.example", "ftp://e.example")}, `ftp://e.example`},
		{"mention", "by @reporter", []entity{on("mention", "by @reporter", "@reporter")},
			`by <a href="https://t.me/reporter"` + rel + `>@reporter</a>`},
		{"text mention", "by Ann", []entity{with(on("text_mention", "by Ann", "Ann"), func(e *entity) { e.User = &models.User{ID: 7, FirstName: "Ann"} })}, `by Ann`},
		{"text mention with a name", "by Ann", []entity{with(on("text_mention", "by Ann", "Ann"), func(e *entity) { e.User = &models.User{ID: 7, Username: "ann"} })},
			`by <a href="https://t.me/ann"` + rel + `>Ann</a>`},
		{"email", "a@e.example", []entity{on("email", "a@e.example", "a@e.example")}, `<a href="mailto:a@e.example"` + rel + `>a@e.example</a>`},
		{"words", "#goal $EUR +4930123 🙂 hidden", []entity{on("hashtag", "#goal", "#goal"), {Type: "cashtag", Offset: 6, Length: 4},
			{Type: "phone_number", Offset: 11, Length: 8}, {Type: "custom_emoji", Offset: 20, Length: 2, CustomEmojiID: "1"},
			{Type: "spoiler", Offset: 23, Length: 6}}, `#goal $EUR +4930123 🙂 hidden`},
		{"quotation", "He said:\nno\nnever\nand left", []entity{on("blockquote", "He said:\nno\nnever\nand left", "no\nnever")},
			"He said:\n<blockquote>no<br>never</blockquote>\nand left"},
		{"quotation with marks", "no never", []entity{{Type: "expandable_blockquote", Length: 8}, on("bold", "no never", "never")},
			`<blockquote>no <b>never</b></blockquote>`},
		{"preformatted", "a\n  x\n y\nb", []entity{with(on("pre", "a\n  x\n y\nb", "  x\n y"), func(e *entity) { e.Language = "go" })},
			"a\n<pre><code>  x\n y</code></pre>\nb"},
		{"pre in a quotation", "a b", []entity{{Type: "blockquote", Length: 3}, {Type: "pre", Offset: 2, Length: 1}},
			`<blockquote>a <code>b</code></blockquote>`},
		{"embed", "look\nhttps://youtu.be/dQw4w9WgXcQ", nil, "look\nembed https://youtu.be/dQw4w9WgXcQ"},
		{"beyond the end", "ab", []entity{{Type: "bold", Offset: 1, Length: 1 << 62}, {Type: "italic", Offset: 2, Length: 1},
			{Type: "italic", Offset: 1 << 62, Length: 1 << 62}}, `a<b>b</b>`},
		{"negative", "ab", []entity{{Type: "bold", Offset: -1, Length: 3}, {Type: "bold", Length: -1}}, `ab`},
		{"half of a character", "a🙂b", []entity{{Type: "bold", Offset: 2, Length: 2}, {Type: "italic", Offset: 1, Length: 1}}, `a<b>🙂b</b>`},
		{"U+0000", "a\x00b", nil, "a\ufffdb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := render(c.text, c.entities...); got != c.want {
				t.Errorf("%q becomes\n%s\nwant\n%s", c.text, got, c.want)
			}
		})
	}
}

// words is the text of blocks without white space, as a reader sees it.
func words(t *testing.T, blocks []motacilla.RawBlock) string {
	t.Helper()
	var out strings.Builder
	for _, b := range blocks {
		if b.Type != motacilla.TextBlock {
			out.WriteString(b.URL)
			continue
		}
		nodes, err := html.ParseFragment(strings.NewReader(receiver.Sanitise(b.Text).String()), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range nodes {
			for d := range n.Descendants() {
				if d.Type == html.TextNode {
					out.WriteString(d.Data)
				}
			}
		}
	}
	return strings.Join(strings.Fields(out.String()), "")
}

// Whatever the entities say, no word is lost or doubled, the markup is balanced, and sanitising changes nothing that a reader sees.
func FuzzEntities(f *testing.F) {
	f.Add("a 🙂 bold\ntext https://e.example", "bold", 2, 3, "italic", 3, 9, "")
	f.Add("x\n\ny", "pre", 0, 2, "blockquote", 1, 3, "go")
	f.Add("@a <b>", "mention", 0, 2, "text_link", -1, 1<<40, "javascript:alert(1)")
	f.Add("é\r\n👨‍👩‍👧", "code", 1, 4, "spoiler", 5, 1, "https://e.example/\"><script>")
	f.Add("\x00\xff", "url", 0, 2, "email", 0, 1, "")
	f.Fuzz(func(t *testing.T, text, kind1 string, at1, length1 int, kind2 string, at2, length2 int, link string) {
		text = strings.ToValidUTF8(text, "\ufffd") // as JSON is decoded
		entities := []entity{
			{Type: models.MessageEntityType(kind1), Offset: at1, Length: length1, URL: link},
			{Type: models.MessageEntityType(kind2), Offset: at2, Length: length2, URL: link},
		}
		blocks := textBlocks(text, entities, false)
		want := strings.Join(strings.Fields(plain(text)), "")
		if got := words(t, blocks); got != want && !strings.Contains(text, "\r") {
			t.Fatalf("%q with %+v becomes %q", text, entities, got)
		}
		for _, b := range blocks {
			safe := receiver.Sanitise(b.Text).String()
			if strings.Count(b.Text, "<b>") != strings.Count(safe, "<b>") || strings.Contains(safe, "script") && !strings.Contains(text, "script") && !strings.Contains(link, "script") {
				t.Fatalf("%q is sanitised to %q", b.Text, safe)
			}
		}
	})
}

// No update panics, and what is made of one is what a store takes, or a clear error.
func FuzzUpdate(f *testing.F) {
	for _, c := range recorded(f) {
		for _, u := range c.Updates {
			f.Add([]byte(u))
		}
	}
	f.Add([]byte(`{"update_id":1,"message":{"message_id":1,"chat":{"id":1},"text":"\ud83d","entities":[{"type":"bold","offset":0,"length":9}]}}`))
	s, err := Options{Token: testToken, Stickers: true}.check()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		u, err := parseUpdate(body)
		if err != nil {
			return
		}
		for _, m := range []*message{u.Message, u.EditedMessage, u.ChannelPost, u.EditedChannelPost} {
			if m == nil {
				continue
			}
			commandOf(m)
			if sourceVersion(m, u.ID) < 1 {
				t.Fatalf("version %d", sourceVersion(m, u.ID))
			}
			if len(author(m)) > motacilla.MaxID {
				t.Fatal("a long author")
			}
			c := s.contentOf(m)
			if _, err := json.Marshal(c); err != nil {
				t.Fatal(err)
			}
			for _, b := range append(c.Head, c.Text...) {
				safe := receiver.Sanitise(b.Text)
				if bad := harm(safe.String()); bad != "" {
					t.Fatalf("%q has %s", b.Text, bad)
				}
				if again := receiver.Sanitise(safe.String()); again != safe {
					t.Fatalf("sanitised again, %q becomes %q", safe, again)
				}
			}
		}
	})
}

// harm returns the part of a stored text that would do harm on a page, or "".
func harm(stored string) string {
	doc, err := html.Parse(strings.NewReader("<!doctype html><section>" + stored + "</section>"))
	if err != nil {
		return err.Error()
	}
	for n := range doc.Descendants() {
		switch n.Data {
		case "script", "style", "iframe", "object", "svg", "math", "form", "img":
			if n.Type == html.ElementNode {
				return "<" + n.Data + ">"
			}
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "id", a.Key == "style", a.Key == "class":
				return a.Key
			case strings.HasPrefix(strings.TrimSpace(strings.ToLower(a.Val)), "javascript:"):
				return a.Val
			}
		}
	}
	return ""
}
