package telegram

import (
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/go-telegram/bot/models"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// textBlocks makes blocks from a text and its entities: one for each line, quotation and preformatted text. A blank line makes
// none. If embeds is true, a line that is only a link to a known provider becomes an embed.
func textBlocks(text string, entities []entity, embeds bool) []motacilla.RawBlock {
	var blocks []motacilla.RawBlock
	for _, r := range split(plain(text), entities) {
		switch r.kind {
		case "":
			for _, line := range lines(r.runs) {
				if u, ok := embedded(line); ok && embeds {
					blocks = append(blocks, motacilla.RawBlock{Type: motacilla.EmbedBlock, URL: u})
				} else {
					blocks = append(blocks, htmlBlock(markup(line)))
				}
			}
		case models.MessageEntityTypePre:
			if !blank(r.runs) {
				blocks = append(blocks, htmlBlock("<pre><code>"+markup(trim(r.runs, "\r\n"))+"</code></pre>"))
			}
		default:
			if list := lines(r.runs); len(list) > 0 {
				blocks = append(blocks, htmlBlock("<blockquote>"+joined(list)+"</blockquote>"))
			}
		}
	}
	return blocks
}

func htmlBlock(text string) motacilla.RawBlock {
	return motacilla.RawBlock{Type: motacilla.TextBlock, Text: text}
}

// inline makes the HTML of a short text, such as an option of a poll.
func inline(text string, entities []entity) string {
	var all []run
	for _, r := range split(plain(text), entities) {
		all = append(all, r.runs...)
	}
	return joined(lines(all))
}

func joined(list [][]run) string {
	out := make([]string, len(list))
	for i, line := range list {
		out[i] = markup(line)
	}
	return strings.Join(out, "<br>")
}

// lines cuts runs at line breaks. Blank lines are left out, and so is white space at the ends.
func lines(runs []run) [][]run {
	var list [][]run
	var line []run
	end := func() {
		if line = trim(line, ""); len(line) > 0 {
			list = append(list, line)
		}
		line = nil
	}
	for _, r := range runs {
		for i, piece := range strings.Split(strings.ReplaceAll(r.text, "\r\n", "\n"), "\n") {
			if i > 0 {
				end()
			}
			if piece != "" {
				line = append(line, run{piece, r.style})
			}
		}
	}
	end()
	return list
}

// trim returns runs without the characters of cutset at the ends; "" means white space.
func trim(runs []run, cutset string) []run {
	outside := func(r rune) bool {
		if cutset == "" {
			return unicode.IsSpace(r)
		}
		return strings.ContainsRune(cutset, r)
	}
	runs = slices.Clone(runs)
	for len(runs) > 0 {
		if runs[0].text = strings.TrimLeftFunc(runs[0].text, outside); runs[0].text != "" {
			break
		}
		runs = runs[1:]
	}
	for n := len(runs); n > 0; n = len(runs) {
		if runs[n-1].text = strings.TrimRightFunc(runs[n-1].text, outside); runs[n-1].text != "" {
			break
		}
		runs = runs[:n-1]
	}
	return runs
}

func blank(runs []run) bool { return len(trim(runs, "")) == 0 }

// embedded returns the link that a line consists of, if its page can be embedded.
func embedded(line []run) (string, bool) {
	text := ""
	for _, r := range line {
		text += r.text
	}
	if len(text) > motacilla.MaxURL || strings.ContainsFunc(text, unicode.IsSpace) || !strings.HasPrefix(text, "http") {
		return "", false
	}
	u, err := url.Parse(text)
	if err != nil || !receiver.KnownEmbed(u) {
		return "", false
	}
	return u.String(), true
}

// element is an HTML element of a style.
type element struct{ name, href string }

func (s style) elements() []element {
	var list []element
	if s.link != "" {
		list = append(list, element{"a", s.link})
	}
	for _, e := range []struct {
		on   bool
		name string
	}{{s.bold, "b"}, {s.italic, "i"}, {s.underline, "u"}, {s.strike, "s"}, {s.fixed, "code"}} {
		if e.on {
			list = append(list, element{name: e.name})
		}
	}
	return list
}

// markup makes the HTML of runs. Elements are closed in turn, and stay open as long as the styles allow.
func markup(runs []run) string {
	var out strings.Builder
	var open []element
	turn := func(next []element) {
		same := 0
		for same < len(open) && same < len(next) && open[same] == next[same] {
			same++
		}
		for i := len(open) - 1; i >= same; i-- {
			out.WriteString("</" + open[i].name + ">")
		}
		for _, e := range next[same:] {
			if e.href != "" {
				out.WriteString(`<a href="` + html.EscapeString(e.href) + `">`)
			} else {
				out.WriteString("<" + e.name + ">")
			}
		}
		open = next
	}
	for _, r := range runs {
		turn(r.style.elements())
		out.WriteString(escape.Replace(r.text))
	}
	turn(nil)
	return out.String()
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
