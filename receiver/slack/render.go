package slack

import (
	"html"
	"net/url"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/receiver"
)

// renderer makes blocks of documents. It writes every tag itself, and escapes all that a message says. Ingest sanitises the
// result once more.
type renderer struct {
	name func(m mention) string // the name of what is mentioned; "" if it is not known
}

// maxList is how deep lists may be nested. Slack's have 8 levels.
const maxList = 8

// blocks returns the blocks of a document: one for each line, quotation, list and preformatted text. A line that is only a link to
// a known provider becomes an embed.
func (r renderer) blocks(d document) []motacilla.RawBlock {
	var all []motacilla.RawBlock
	text := func(s string) {
		if s != "" {
			all = append(all, motacilla.RawBlock{Type: motacilla.TextBlock, Text: s})
		}
	}
	for _, p := range d.parts {
		switch p.kind {
		case plainPart:
			for _, l := range p.lines {
				if link, ok := bareLink(l); ok {
					all = append(all, motacilla.RawBlock{Type: motacilla.EmbedBlock, URL: link})
				} else if !blank(l) {
					text(strings.TrimSpace(r.line(l)))
				}
			}
		case quotePart:
			text("<blockquote>" + r.lines(p.lines) + "</blockquote>")
		case prePart:
			text(r.pre(p.lines))
		case listPart:
			text(r.list(p.items))
		case headingPart:
			text("<b>" + r.lines(p.lines) + "</b>")
		case smallPart:
			text("<small>" + r.lines(p.lines) + "</small>")
		case imagePart:
			all = append(all, motacilla.RawBlock{Type: motacilla.ImageBlock, URL: p.url, Alt: short.Cut(p.alt, motacilla.MaxAlt)})
		}
	}
	return all
}

// bareLink returns the link of a line that is only a link that can be embedded.
func bareLink(l line) (link string, ok bool) {
	for _, s := range l {
		switch {
		case s.url != "" && link == "" && (s.text == "" || s.text == s.url || "https://"+s.text == s.url):
			link = s.url
		case s.url != "" || s.kind != words || strings.TrimSpace(s.text) != "":
			return "", false
		}
	}
	u, err := url.Parse(link)
	if link == "" || err != nil || len(link) > motacilla.MaxURL {
		return "", false
	}
	return link, receiver.KnownEmbed(u)
}

func (r renderer) lines(lines []line) string {
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = r.line(l)
	}
	return strings.Join(texts, "<br>")
}

func (r renderer) line(l line) string {
	var out strings.Builder
	for i, s := range l {
		begins := i == 0 || !l[i-1].joins(s)
		ends := i == len(l)-1 || !s.joins(l[i+1])
		r.span(&out, s, begins, ends)
	}
	return out.String()
}

// marks are the elements of marks, from the outer to the inner.
var marks = []struct {
	mark mark
	name string
}{{bold, "b"}, {italic, "i"}, {strike, "s"}, {underline, "u"}, {code, "code"}}

// span writes a span. Its elements begin and end with it, unless it joins the one before or after it.
func (r renderer) span(out *strings.Builder, s span, begins, ends bool) {
	if s.url != "" {
		out.WriteString(`<a href="` + escape(s.url) + `">`)
	}
	for _, m := range marks {
		if begins && s.marks&m.mark != 0 {
			out.WriteString("<" + m.name + ">")
		}
	}
	text := escape(r.text(s))
	if s.kind == timeSpan {
		text = `<time datetime="` + escape(s.id) + `">` + text + "</time>"
	}
	out.WriteString(text)
	for i := len(marks) - 1; i >= 0; i-- {
		if ends && s.marks&marks[i].mark != 0 {
			out.WriteString("</" + marks[i].name + ">")
		}
	}
	if s.url != "" {
		out.WriteString("</a>")
	}
}

// text returns the words of a span.
func (r renderer) text(s span) string {
	sign := "@"
	switch s.kind {
	case channelSpan:
		sign = "#"
	case userSpan, groupSpan:
	default:
		if s.text == "" {
			return strings.TrimPrefix(s.url, "mailto:")
		}
		return s.text
	}
	name := r.name(mention{s.kind, s.id})
	if name == "" {
		name = s.text
	}
	if name == "" {
		name = s.id
	}
	return sign + strings.TrimPrefix(name, sign)
}

// pre returns preformatted text. It has no marks and no links.
func (r renderer) pre(lines []line) string {
	var out strings.Builder
	for _, l := range lines {
		out.WriteByte('\n') // browsers drop the first one
		for _, s := range l {
			out.WriteString(escape(r.text(s)))
		}
	}
	return "<pre>" + out.String() + "</pre>"
}

// list returns a list. An item that is indented more than the one before it begins a list in that one.
func (r renderer) list(items []item) string {
	var out strings.Builder
	var open []string // the names of the lists that are open; each has an open item
	end := func() {
		out.WriteString("</li></" + open[len(open)-1] + ">")
		open = open[:len(open)-1]
	}
	for _, i := range items {
		name := "ul"
		if i.ordered {
			name = "ol"
		}
		level := min(max(i.indent, 0), len(open), maxList-1)
		for len(open) > level+1 {
			end()
		}
		switch {
		case len(open) == level+1 && open[level] == name:
			out.WriteString("</li>")
		case len(open) == level+1:
			end()
			fallthrough
		default:
			open = append(open, name)
			out.WriteString("<" + name)
			if i.ordered && i.offset > 0 {
				out.WriteString(` start="` + strconv.Itoa(i.offset+1) + `"`)
			}
			out.WriteString(">")
		}
		out.WriteString("<li>" + r.lines(i.lines))
	}
	for len(open) > 0 {
		end()
	}
	return out.String()
}

// escape returns plain text as HTML that shows it.
func escape(s string) string { return html.EscapeString(clean(s)) }

// clean returns s without what no text may have, and without what would turn the text around it.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == 0:
			return '\ufffd'
		case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}
