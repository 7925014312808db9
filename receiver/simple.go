package receiver

import (
	"slices"
	"strings"
)

// simpleMarks are marks that the parser leaves as they are if they are closed in turn. The policy keeps them all.
var simpleMarks = []string{"b", "i", "em", "strong", "u", "s", "code", "small", "mark", "sub", "sup"}

// simple reports whether text is only words and simple marks without attributes, closed in turn. Nearly all posts are.
// Sanitising leaves such a text as it is. false says nothing about the text.
func simple(text string) bool {
	const deepest = 8
	open := make([]string, 0, deepest)
	for {
		at := strings.IndexAny(text, "<>&\r\x00")
		if at < 0 {
			return len(open) == 0
		}
		switch text = text[at:]; text[0] {
		case '<':
			end := strings.IndexByte(text, '>')
			if end < 0 {
				return false
			}
			name, closes := strings.CutPrefix(text[1:end], "/")
			switch {
			case closes && len(open) > 0 && open[len(open)-1] == name:
				open = open[:len(open)-1]
			case closes || len(open) == deepest || !slices.Contains(simpleMarks, name) || slices.Contains(open, name):
				return false
			default:
				open = append(open, name)
			}
			text = text[end+1:]
		case '&':
			known := false
			for _, entity := range []string{"&amp;", "&lt;", "&gt;"} {
				known = known || strings.HasPrefix(text, entity)
			}
			if !known {
				return false
			}
			text = text[1:]
		default:
			return false
		}
	}
}
