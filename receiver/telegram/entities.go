package telegram

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/go-telegram/bot/models"
)

// style is how a run of text looks. Telegram's entities may overlap; styles can't.
type style struct {
	link                                   string // URL
	bold, italic, underline, strike, fixed bool
}

// run is a piece of text of one style.
type run struct {
	text  string
	style style
}

// region is a part of a text that is one element: lines, a quotation, or preformatted text.
type region struct {
	kind models.MessageEntityType // blockquote, pre, or empty for lines
	runs []run
}

// maxEntities is how many entities of a text are looked at. Telegram sends 100.
const maxEntities = 500

// mark is an entity whose offsets are bytes of the text.
type mark struct {
	entity
	start, end int
	link       string
}

// block reports whether k is of whole lines.
func block(k models.MessageEntityType) bool {
	return k == models.MessageEntityTypePre || k == models.MessageEntityTypeBlockquote ||
		k == models.MessageEntityTypeExpandableBlockquote
}

// split cuts text at the edges of its entities. An entity that does not lie in the text is left out, or cut to it.
func split(text string, entities []entity) []region {
	marks := place(text, entities)
	cuts := []int{0, len(text)}
	for _, m := range marks {
		cuts = append(cuts, m.start, m.end)
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	var regions []region
	last := -2 // the index of the mark that the last region is of
	for i := 1; i < len(cuts); i++ {
		style, outer := styleAt(marks, cuts[i-1])
		if outer != last {
			regions = append(regions, region{})
			last = outer
			if outer >= 0 {
				regions[len(regions)-1].kind = marks[outer].Type
			}
		}
		r := &regions[len(regions)-1]
		r.runs = append(r.runs, run{text[cuts[i-1]:cuts[i]], style})
	}
	return regions
}

// place turns the offsets of entities, which count UTF-16 units, into bytes. An offset within a character means its beginning.
func place(text string, entities []entity) []mark {
	units := make([]int, 0, len(text)+1) // the byte at which each UTF-16 unit begins
	for i, r := range text {
		units = append(units, i)
		if r > 0xffff {
			units = append(units, i)
		}
	}
	n := len(units)
	units = append(units, len(text))
	var marks []mark
	for _, e := range entities[:min(len(entities), maxEntities)] {
		if e.Offset < 0 || e.Length <= 0 || e.Offset >= n {
			continue
		}
		m := mark{entity: e, start: units[e.Offset], end: units[e.Offset+min(e.Length, n-e.Offset)]}
		if m.start < m.end {
			m.link = link(e, text[m.start:m.end])
			marks = append(marks, m)
		}
	}
	slices.SortStableFunc(marks, func(a, b mark) int { // outer ones first
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end))
	})
	return marks
}

// styleAt returns the style of the text that begins at a byte, and the index of the outermost block around it, or -1.
func styleAt(marks []mark, at int) (s style, outer int) {
	outer = -1
	for i, m := range marks {
		if m.start > at {
			break
		}
		if m.end <= at {
			continue
		}
		if block(m.Type) && outer < 0 {
			outer = i
			continue
		}
		switch m.Type {
		case models.MessageEntityTypeBold:
			s.bold = true
		case models.MessageEntityTypeItalic:
			s.italic = true
		case models.MessageEntityTypeUnderline:
			s.underline = true
		case models.MessageEntityTypeStrikethrough:
			s.strike = true
		case models.MessageEntityTypeCode, models.MessageEntityTypePre:
			s.fixed = true
		}
		if m.link != "" {
			s.link = m.link
		}
	}
	return s, outer
}

var usernames = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)

// link returns where an entity leads, or "". Links into Telegram's apps and phone numbers lead nowhere on a page.
func link(e entity, text string) string {
	switch e.Type {
	case models.MessageEntityTypeTextLink:
		return webLink(e.URL)
	case models.MessageEntityTypeURL:
		return webLink(strings.TrimSpace(text))
	case models.MessageEntityTypeEmail:
		if strings.ContainsAny(text, " \t\r\n?&\"<>") {
			return ""
		}
		return "mailto:" + text
	case models.MessageEntityTypeMention:
		name := strings.TrimPrefix(text, "@")
		if !usernames.MatchString(name) {
			return ""
		}
		return "https://t.me/" + name
	case models.MessageEntityTypeTextMention:
		if e.User != nil && usernames.MatchString(e.User.Username) {
			return "https://t.me/" + e.User.Username
		}
	}
	return ""
}

// webLink returns s as an http, https or mailto link, or "".
func webLink(s string) string {
	u, err := url.Parse(s)
	if err == nil && u.Scheme == "mailto" && u.Opaque != "" {
		return s
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
		u, err = url.Parse(s)
	}
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Contains(s, "\x00") {
		return ""
	}
	return s
}
