package oembed

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes a line of plain text of what a page or a provider says: without control characters, without those that turn the
// direction of the text around it, with single spaces, and of at most most bytes. Many sites escape their titles for HTML, so
// that is undone.
func clean(s string, most int) string {
	if len(s) > 16*most { // what follows is kept short
		s = s[:16*most]
	}
	s = html.UnescapeString(strings.ToValidUTF8(s, ""))
	var out strings.Builder
	marks := 0
	for _, word := range strings.FieldsFunc(s, unicode.IsSpace) {
		start := true
		for _, r := range word {
			if marks++; !unicode.In(r, unicode.Mn, unicode.Me) {
				marks = 0
			}
			if unseen(r) || marks > mostMarks {
				continue
			}
			if start && out.Len() > 0 {
				out.WriteByte(' ')
			}
			start = false
			out.WriteRune(r)
		}
	}
	return shorten(out.String(), most)
}

// mostMarks is how many marks a letter may carry. Languages need up to four; towers of them reach over other posts.
const mostMarks = 6

// unseen reports whether r is not to be shown. U+200C and U+200D join letters and emoji, so they stay.
func unseen(r rune) bool {
	switch r {
	case '\u200c', '\u200d':
		return false
	case utf8.RuneError, '\u2028', '\u2029':
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs)
}

// shorten cuts s to most bytes, at the end of a word if there is one near.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	const mark = "…"
	end := most - len(mark)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	if space := strings.LastIndexByte(s[:end], ' '); space > end-30 && space > 0 {
		end = space
	}
	return strings.TrimRight(s[:end], " ") + mark
}
