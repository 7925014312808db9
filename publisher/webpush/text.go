package webpush

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla"
	"golang.org/x/net/html"
)

// textOf returns a post as plain text: a line for each paragraph. Images are their alternative text, embeds the title of their card.
func textOf(p motacilla.Post) string {
	var lines []string
	for _, b := range p.Content {
		switch b.Type {
		case motacilla.TextBlock:
			lines = append(lines, linesOf(b.Text.String())...)
		case motacilla.ImageBlock:
			lines = append(lines, oneLine(b.Alt))
		case motacilla.EmbedBlock:
			lines = append(lines, oneLine(b.Card.Title))
		case motacilla.ScoreBlock:
			lines = append(lines, oneLine(b.Score.String()))
		}
	}
	return strings.Join(withoutEmpty(lines), "\n")
}

// linesOf returns the text of sanitised HTML.
func linesOf(markup string) []string {
	var lines []string
	var line strings.Builder
	end := func() {
		lines = append(lines, oneLine(line.String()))
		line.Reset()
	}
	for z := html.NewTokenizer(strings.NewReader(markup)); ; {
		switch z.Next() {
		case html.ErrorToken:
			end()
			return lines
		case html.TextToken:
			line.Write(z.Text())
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			if name, _ := z.TagName(); !inline[string(name)] {
				end()
			}
		}
	}
}

// inline are the tags within a line.
var inline = map[string]bool{
	"a": true, "abbr": true, "b": true, "bdi": true, "cite": true, "code": true, "del": true, "em": true, "i": true, "ins": true,
	"kbd": true, "mark": true, "q": true, "s": true, "small": true, "span": true, "strong": true, "sub": true, "sup": true,
	"time": true, "u": true, "var": true, "wbr": true,
}

// oneLine returns s without control characters, and with single spaces.
func oneLine(s string) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.Join(strings.Fields(s), " ")
}

func withoutEmpty(lines []string) []string {
	kept := lines[:0]
	for _, l := range lines {
		if l != "" {
			kept = append(kept, l)
		}
	}
	return kept
}

// cut returns s in at most most bytes. What is left out is cut off at the end of a word, if one is near, else between characters: no
// accent, and no part of an emoji, is parted from what it belongs to.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	const mark = "…"
	end := most - len(mark)
	if end <= 0 {
		return ""
	}
	for end > 0 && !boundary(s, end) {
		end--
	}
	if space := strings.LastIndexAny(s[:end], " \n"); space > 0 && space > end-30 {
		end = space
	}
	if end == 0 {
		return ""
	}
	return strings.TrimRight(s[:end], " \n") + mark
}

// boundary reports whether a character ends before s[i:].
func boundary(s string, i int) bool {
	if !utf8.RuneStart(s[i]) {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i:])
	const joiner = '\u200d'
	switch {
	case before == joiner, after == joiner, unicode.In(after, unicode.M), '\U0001f3fb' <= after && after <= '\U0001f3ff':
		return false
	case flag(after):
		return letters(s[:i])%2 == 0 // two letters make a flag
	}
	return true
}

// letters returns how many letters of flags s ends with.
func letters(s string) (n int) {
	for {
		c, size := utf8.DecodeLastRuneInString(s)
		if !flag(c) {
			return n
		}
		n++
		s = s[:len(s)-size]
	}
}

// flag reports whether c is one of the letters that flags are written with.
func flag(c rune) bool { return '\U0001f1e6' <= c && c <= '\U0001f1ff' }
