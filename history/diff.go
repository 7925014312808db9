package history

import (
	"html"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla"
)

// diff returns the text of next as HTML, with what is not in old in <ins>, and what is only in old in <del>. It has no other tags than
// these and <br>: marks and links are left out.
func diff(old, next []motacilla.Block) string {
	var out builder
	was, is := linesOf(old), linesOf(next)
	for _, s := range align(was, is) {
		if s.same {
			for _, line := range was[s.from:s.to] {
				out.add("", line)
				out.end()
			}
			continue
		}
		out.words(wordsOf(was[s.from:s.to]), wordsOf(is[s.start:s.end]))
	}
	return out.String()
}

// builder writes a difference.
type builder struct {
	strings.Builder
	open string // the tag
	ends int    // how many lines have ended since the last text
}

// add writes text within a tag; "" is none.
func (b *builder) add(tag, text string) {
	if text == "" {
		return
	}
	if b.open != tag && b.open != "" {
		b.WriteString("</" + b.open + ">")
	}
	for ; b.ends > 0; b.ends-- {
		b.WriteString("<br>")
	}
	if b.open != tag && tag != "" {
		b.WriteString("<" + tag + ">")
	}
	b.open = tag
	b.WriteString(html.EscapeString(text))
}

// end ends a line, unless nothing follows.
func (b *builder) end() {
	if b.Len() > 0 {
		b.ends = 1
	}
	if b.open != "" {
		b.WriteString("</" + b.open + ">")
		b.open = ""
	}
}

// words writes the difference of two texts. A line ends with the word "\n".
func (b *builder) words(old, next []string) {
	write := func(tag string, words []string) {
		for _, w := range words {
			if w == "\n" {
				b.end()
				continue
			}
			b.add(tag, w)
		}
	}
	for _, s := range joinGaps(align(old, next), old) {
		if s.same {
			write("", old[s.from:s.to])
			continue
		}
		write("del", old[s.from:s.to])
		write("ins", next[s.start:s.end])
	}
	b.end()
}

// String ends what is open.
func (b *builder) String() string {
	b.end()
	return b.Builder.String()
}

// wordsOf returns the words of lines, and what is between them.
func wordsOf(lines []string) []string {
	var words []string
	for n, line := range lines {
		if n > 0 {
			words = append(words, "\n")
		}
		for line != "" {
			size := wordSize(line)
			words, line = append(words, line[:size]), line[size:]
		}
	}
	return words
}

// wordSize returns how many bytes the first word of a line has. Scripts without spaces have a word for each character.
func wordSize(line string) int {
	first, size := utf8.DecodeRuneInString(line)
	kind := kindOf(first)
	for size < len(line) {
		r, n := utf8.DecodeRuneInString(line[size:])
		if !unicode.Is(unicode.M, r) && r != '\u200d' && (kind == alone || kindOf(r) != kind) {
			break
		}
		size += n
	}
	return size
}

const (
	alone = iota
	space
	letters
)

func kindOf(r rune) int {
	switch {
	case unicode.IsSpace(r):
		return space
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		return alone
	case unicode.IsLetter(r), unicode.IsDigit(r), r == '_':
		return letters
	}
	return alone
}

// span is a piece of two texts: old[from:to] and next[start:end]. They are the same, or one takes the place of the other.
type span struct {
	same       bool
	from, to   int
	start, end int
}

// mostCells bounds what align compares. If two texts differ in more, one takes the place of the other as a whole.
const mostCells = 1 << 21

// align returns the pieces of two texts, with as much in common as possible.
func align(old, next []string) []span {
	head := 0
	for head < len(old) && head < len(next) && old[head] == next[head] {
		head++
	}
	tail := 0
	for tail < len(old)-head && tail < len(next)-head && old[len(old)-1-tail] == next[len(next)-1-tail] {
		tail++
	}
	var spans []span
	add := func(s span) {
		if s.from == s.to && s.start == s.end {
			return
		}
		if last := len(spans) - 1; last >= 0 && spans[last].same == s.same {
			spans[last].to, spans[last].end = s.to, s.end
			return
		}
		spans = append(spans, s)
	}
	add(span{true, 0, head, 0, head})
	a, b := old[head:len(old)-tail], next[head:len(next)-tail]
	if len(a)*len(b) > mostCells {
		add(span{false, head, head + len(a), head, head + len(b)})
	} else {
		common(a, b, func(same bool, from, to, start, end int) {
			add(span{same, head + from, head + to, head + start, head + end})
		})
	}
	add(span{true, len(old) - tail, len(old), len(next) - tail, len(next)})
	return spans
}

// common finds the longest common subsequence, and calls piece for each word of either text in order.
func common(a, b []string, piece func(same bool, from, to, start, end int)) {
	width := len(b) + 1
	longest := make([]uint16, (len(a)+1)*width) // of a[i:] and b[j:]; a text has less than 1<<16 words, or too many cells
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i*width+j] = longest[(i+1)*width+j+1] + 1
			} else {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			piece(true, i, i+1, j, j+1)
			i, j = i+1, j+1
		case longest[(i+1)*width+j] >= longest[i*width+j+1]:
			piece(false, i, i+1, j, j)
			i++
		default:
			piece(false, i, i, j, j+1)
			j++
		}
	}
	piece(false, i, len(a), j, len(b))
}

// joinGaps joins changes that only a space separates: "one two" to "three four" is one change.
func joinGaps(spans []span, old []string) []span {
	var joined []span
	for n, s := range spans {
		last := len(joined) - 1
		gap := s.same && last >= 0 && n+1 < len(spans) && s.to-s.from == 1 && strings.TrimSpace(old[s.from]) == "" && old[s.from] != "\n"
		if last >= 0 && !joined[last].same && (gap || !s.same) {
			joined[last].to, joined[last].end = s.to, s.end
			continue
		}
		joined = append(joined, s)
	}
	return slices.Clip(joined)
}
