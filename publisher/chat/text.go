package chat

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/work"
	"golang.org/x/net/html"
)

// plain returns what a post says: its text, or else what its images show or its embedded page is called.
func plain(content []motacilla.Block) string {
	var text, rest []string
	for _, b := range content {
		switch b.Type {
		case motacilla.TextBlock:
			text = append(text, lines(b.Text.String())...)
		case motacilla.ImageBlock:
			rest = append(rest, lines(html.EscapeString(b.Alt))...)
		case motacilla.EmbedBlock:
			if b.Card.Title != "" {
				rest = append(rest, lines(html.EscapeString(b.Card.Title))...)
			}
			rest = append(rest, b.URL)
		case motacilla.ScoreBlock:
			text = append(text, lines(html.EscapeString(b.Score.String()))...)
		}
	}
	if len(text) == 0 {
		text = rest
	}
	return strings.Join(text, "\n")
}

// breaks are the elements that begin and end a line.
var breaks = map[string]bool{
	"address": true, "blockquote": true, "br": true, "div": true, "dd": true, "dt": true, "h1": true, "h2": true, "h3": true, "h4": true,
	"h5": true, "h6": true, "hr": true, "li": true, "ol": true, "p": true, "pre": true, "table": true, "tr": true, "ul": true,
}

// lines returns the text of markup, without empty lines.
func lines(markup string) (list []string) {
	var all strings.Builder
	for z := html.NewTokenizer(strings.NewReader(markup)); ; {
		switch z.Next() {
		case html.ErrorToken:
			for line := range strings.SplitSeq(all.String(), "\n") {
				if line = strings.Join(strings.Fields(line), " "); line != "" {
					list = append(list, line)
				}
			}
			return list
		case html.TextToken:
			all.WriteString(strings.NewReplacer("\n", " ", "\x00", "").Replace(html.UnescapeString(string(z.Text()))))
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			if breaks[string(name)] {
				all.WriteByte('\n')
			}
		}
	}
}

// text returns what is said about a post. If it is too long, the post's text is cut at a word.
func (h *hub) text(p *Post) (string, error) {
	whole, err := h.render(p, p.Text)
	if err != nil || h.chat.fits(whole, h.o.Limit) {
		return whole, err
	}
	// The longest beginning that fits is between low and high characters.
	low, high := -1, length(p.Text)
	best := ""
	for low+1 < high {
		middle := (low + high) / 2
		text, err := h.render(p, cut(p.Text, middle))
		if err != nil {
			return "", err
		}
		if h.chat.fits(text, h.o.Limit) {
			low, best = middle, text
		} else {
			high = middle
		}
	}
	if low < 0 {
		return "", work.Permanent(fmt.Errorf("without the post's text what the template says is longer than %d characters", h.o.Limit))
	}
	return best, nil
}

// render executes the template with a text in the place of the post's.
func (h *hub) render(p *Post, text string) (string, error) {
	q := *p
	q.Text, q.Title, q.Author = h.chat.escape(text), h.chat.escape(p.Title), h.chat.escape(p.Author)
	var b strings.Builder
	if err := h.template.Execute(&b, q); err != nil {
		return "", work.Permanent(fmt.Errorf("the template: %w", err))
	}
	return strings.TrimSpace(b.String()), nil
}

// length returns how many characters a reader sees: grapheme clusters (UAX 29).
func length(s string) (n int) {
	for it := graphemes.FromString(s); it.Next(); {
		n++
	}
	return n
}

// cut returns the beginning of a text that is longer than most characters, to the end of a word if there is one, and "…". It cuts no
// link, which would then lead elsewhere, and lets none end with "…", which Mastodon would take for a part of it.
func cut(text string, most int) string {
	end, n := 0, 0
	for it := graphemes.FromString(text); it.Next() && n < most-1; n++ {
		end = it.End()
	}
	links := linksOf(text)
	for _, l := range links {
		if l[0] < end && end < l[1] {
			end = l[0]
		}
	}
	part := text[:end]
	if space := strings.LastIndexFunc(text[:min(end+1, len(text))], unicode.IsSpace); space > end/2 {
		part = text[:space]
	}
	part = strings.TrimRightFunc(part, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;:.–-(", r) })
	if part == "" {
		return ""
	}
	if !slices.ContainsFunc(links, func(l [2]int) bool { return l[1] == len(part) }) {
		return part + "…"
	}
	if length(part)+2 > most {
		return cut(text, most-1)
	}
	return part + " …"
}
