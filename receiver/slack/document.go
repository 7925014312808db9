package slack

import (
	"slices"
	"strings"
)

// document is what a message says, whichever way Slack wrote it. Parsers make it, and render makes blocks of it. It has no
// markup: all its texts are plain.
type document struct{ parts []part }

// partKind is what a part of a document is.
type partKind int

const (
	plainPart   partKind = iota // each line is a block
	quotePart                   // a quotation
	prePart                     // text in which white space counts
	listPart                    // a list, with the lists in it
	headingPart                 // a heading
	smallPart                   // what stands at the edge
	imagePart                   // an image that a bot shows by its URL
)

type part struct {
	kind  partKind
	lines []line // of all but lists and images
	items []item // of a list
	url   string // of an image
	alt   string // of an image
}

type line []span

// item is one item of a list.
type item struct {
	indent  int
	ordered bool
	offset  int // how many numbers are left out before it
	lines   []line
}

// mark is how a span is marked.
type mark uint8

const (
	bold mark = 1 << iota
	italic
	strike
	code
	underline
)

// spanKind is what a span is.
type spanKind uint8

const (
	words       spanKind = iota
	userSpan             // a mention of the user id
	channelSpan          // a mention of the channel id
	groupSpan            // a mention of the user group id
	timeSpan             // a time, which id has in RFC 3339
)

// span is a piece of a line. text of a mention is the name that the message itself gives; it may be empty.
type span struct {
	kind  spanKind
	text  string
	id    string
	url   string // of a link
	marks mark
}

// textLines cuts spans into lines.
func textLines(spans []span) []line {
	lines := []line{nil}
	for _, s := range spans {
		for i, text := range strings.Split(lineBreaks.Replace(s.text), "\n") {
			if i > 0 {
				lines = append(lines, nil)
			}
			if text == "" && (s.kind == words && s.url == "" || i > 0) {
				continue
			}
			last := &lines[len(lines)-1]
			next := s
			next.text = text
			*last = append(*last, next)
		}
	}
	return lines
}

var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n")

// joins reports whether next goes on as s is: the two differ in nothing but their words.
func (s span) joins(next span) bool {
	return s.kind == words && next.kind == words && s.url == "" && next.url == "" && s.marks == next.marks
}

// add appends a part, unless it says nothing. Quotations, and the items of lists, that follow each other become one part.
func (d *document) add(p part) {
	if p.kind == imagePart {
		d.parts = append(d.parts, p)
		return
	}
	for len(p.lines) > 0 && blank(p.lines[len(p.lines)-1]) {
		p.lines = p.lines[:len(p.lines)-1]
	}
	for len(p.lines) > 0 && p.kind != prePart && blank(p.lines[0]) {
		p.lines = p.lines[1:]
	}
	if len(p.lines) == 0 && len(p.items) == 0 {
		return
	}
	if n := len(d.parts); n > 0 && p.kind == d.parts[n-1].kind {
		last := &d.parts[n-1]
		switch p.kind {
		case listPart:
			last.items = append(last.items, p.items...)
			return
		case plainPart, quotePart, smallPart:
			last.lines = append(last.lines, p.lines...)
			return
		}
	}
	d.parts = append(d.parts, p)
}

func blank(l line) bool {
	return !slices.ContainsFunc(l, func(s span) bool {
		return s.kind != words || s.url != "" || strings.TrimSpace(s.text) != ""
	})
}

// mention is a user, a channel or a user group that a document names by its ID.
type mention struct {
	kind spanKind
	id   string
}

// mentions returns what a document names by ID, each once, and at most most of them.
func (d *document) mentions(most int) []mention {
	var list []mention
	look := func(lines []line) {
		for _, l := range lines {
			for _, s := range l {
				m := mention{s.kind, s.id}
				known := s.kind != userSpan && s.kind != channelSpan && s.kind != groupSpan
				if !known && len(list) < most && !slices.Contains(list, m) {
					list = append(list, m)
				}
			}
		}
	}
	for _, p := range d.parts {
		look(p.lines)
		for _, i := range p.items {
			look(i.lines)
		}
	}
	return list
}

// mark adds marks to all words.
func (d *document) mark(m mark) {
	for _, p := range d.parts {
		for _, l := range p.lines {
			for i := range l {
				l[i].marks |= m
			}
		}
	}
}
