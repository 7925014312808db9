package slack

import (
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla/internal/short"
)

// parseMrkdwn reads Slack's own markup, in which &, < and > are written as entities, and links and mentions stand between < and >.
func parseMrkdwn(d *document, text string) {
	text = lineBreaks.Replace(strings.ToValidUTF8(short.Cut(text, maxMrkdwn), "\ufffd"))
	for {
		before, rest, ok := strings.Cut(text, "```")
		inside, after, closed := strings.Cut(rest, "```")
		if !ok || !closed || strings.Trim(inside, "\n") == "" {
			parseLines(d, text)
			return
		}
		parseLines(d, before)
		d.add(part{kind: prePart, lines: textLines(parsePre(strings.Trim(inside, "\n")))})
		text = after
	}
}

// maxMrkdwn is the most of a text that is read, in bytes. Slack's messages have 40,000 characters at most.
const maxMrkdwn = 160 << 10

// parseLines reads text without preformatted parts.
func parseLines(d *document, text string) {
	for len(text) > 0 {
		l, rest, _ := strings.Cut(text, "\n")
		if _, ok := cutQuote(text, ">>>"); ok {
			quoted, _ := cutQuote(text, ">>>")
			for q := range strings.SplitSeq(quoted, "\n") {
				d.add(part{kind: quotePart, lines: []line{lineOf(q)}})
			}
			return
		}
		if quoted, ok := cutQuote(l, ">"); ok {
			d.add(part{kind: quotePart, lines: []line{lineOf(quoted)}})
		} else {
			d.add(part{kind: plainPart, lines: []line{lineOf(l)}})
		}
		text = rest
	}
}

func lineOf(text string) line { return textLines(parseInline(strings.TrimSpace(text), 0))[0] }

// cutQuote cuts the sign of a quotation off. Slack writes it as an entity, and some bots do not.
func cutQuote(text, sign string) (quoted string, ok bool) {
	if quoted, ok = strings.CutPrefix(text, strings.Repeat("&gt;", len(sign))); ok {
		return quoted, true
	}
	return strings.CutPrefix(text, sign)
}

// signs are the signs of marks.
var signs = map[byte]mark{'*': bold, '_': italic, '~': strike, '`': code}

// inline reads one line.
type inline struct {
	text  string
	marks mark
	spans []span
	plain strings.Builder // words that are not in spans yet
	none  map[byte]bool   // signs that are not closed any more: nobody looks for their end again
}

func parseInline(text string, marks mark) []span {
	p := &inline{text: text, marks: marks, none: map[byte]bool{}}
	for at := 0; at < len(text); {
		at += p.next(at)
	}
	p.flush()
	return p.spans
}

func (p *inline) flush() {
	if p.plain.Len() > 0 {
		p.spans = append(p.spans, span{text: shortcodes(entities.Replace(p.plain.String())), marks: p.marks})
		p.plain.Reset()
	}
}

// next reads what stands at at, and returns how many bytes that is.
func (p *inline) next(at int) int {
	c := p.text[at]
	if c == '<' && !p.none['<'] {
		n := strings.IndexByte(p.text[at:], '>')
		if n > 1 {
			p.control(p.text[at+1 : at+n])
			return n + 1
		}
		p.none['<'] = n < 0
	}
	m, sign := signs[c]
	if sign && p.marks&m == 0 && !p.none[c] && p.opens(at) {
		if end := p.end(at); end > 0 {
			p.flush()
			if inside := p.text[at+1 : end]; c == '`' {
				p.spans = append(p.spans, parseCode(inside, p.marks|code)...)
			} else {
				p.spans = append(p.spans, parseInline(inside, p.marks|m)...)
			}
			return end + 1 - at
		}
		p.none[c] = true
	}
	_, n := utf8.DecodeRuneInString(p.text[at:])
	p.plain.WriteString(p.text[at : at+n])
	return n
}

// opens reports whether the sign at at may begin a mark: it stands at the beginning of a word.
func (p *inline) opens(at int) bool {
	before, _ := utf8.DecodeLastRuneInString(p.text[:at])
	after, n := utf8.DecodeRuneInString(p.text[at+1:])
	return (at == 0 || !inWord(before)) && n > 0 && !unicode.IsSpace(after) && after != rune(p.text[at])
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// end returns where the mark that begins at at ends, or 0. It does not end in a link, nor in code.
func (p *inline) end(at int) int {
	sign := p.text[at]
	for i := at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == sign:
			before, _ := utf8.DecodeLastRuneInString(p.text[:i])
			after, n := utf8.DecodeRuneInString(p.text[i+1:])
			if !unicode.IsSpace(before) && (n == 0 || !inWord(after)) && i > at+1 {
				return i
			}
		case sign != '`' && (c == '<' || c == '`'):
			other := byte('>')
			if c == '`' {
				other = '`'
			}
			if p.none[c] {
				continue
			}
			if n := strings.IndexByte(p.text[i+1:], other); n >= 0 {
				i += n + 1
			} else {
				p.none[c] = true
			}
		}
	}
	return 0
}

// entities are all entities that Slack writes.
var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// parseCode reads code. Links and mentions in it count, and marks do not.
func parseCode(text string, marks mark) []span {
	var spans []span
	for {
		before, rest, ok := strings.Cut(text, "<")
		inside, after, closed := strings.Cut(rest, ">")
		if !ok || !closed {
			return append(spans, span{text: entities.Replace(text), marks: marks})
		}
		spans = append(spans, span{text: entities.Replace(before), marks: marks})
		s, known := parseControl(inside)
		if !known {
			s = span{text: "<" + entities.Replace(inside) + ">"}
		}
		s.marks = marks
		spans, text = append(spans, s), after
	}
}

func parsePre(text string) []span { return parseCode(text, 0) }

func (p *inline) control(inside string) {
	s, ok := parseControl(inside)
	if !ok {
		p.plain.WriteString("<" + inside + ">")
		return
	}
	p.flush()
	s.marks |= p.marks
	p.spans = append(p.spans, s)
}

// parseControl reads what stands between < and >: a link, a mention or a time. ok is false if it is none, and stays as it is.
func parseControl(inside string) (s span, ok bool) {
	target, label, _ := strings.Cut(inside, "|")
	target = entities.Replace(target)
	label = entities.Replace(label)
	if target == "" || len(target) == 1 && strings.Contains("@#!", target) {
		return span{}, false
	}
	switch id := target[1:]; target[0] {
	case '@':
		return span{kind: userSpan, id: id, text: label}, validID(id)
	case '#':
		return span{kind: channelSpan, id: id, text: label}, validID(id)
	case '!':
		return special(id, label)
	}
	if !validLink(target) {
		return span{}, false
	}
	return span{url: target, text: shortcodes(label)}, true
}

// special reads a mention of everybody, of a user group, or a time.
func special(what, label string) (span, bool) {
	if id, ok := strings.CutPrefix(what, "subteam^"); ok {
		return span{kind: groupSpan, id: id, text: label}, validID(id)
	}
	if date, ok := strings.CutPrefix(what, "date^"); ok {
		fields := strings.Split(date, "^")
		s, ok := timeOf(fields[0], label)
		if len(fields) > 2 && validLink(fields[2]) {
			s.url = fields[2]
		}
		return s, ok
	}
	switch what {
	case "here", "channel", "everyone", "group":
		return span{text: "@" + what}, true
	}
	return span{text: label}, label != ""
}

// maxTime is the last second of the year 9999.
const maxTime = 253402300799

// timeOf returns a time as Slack writes it, in seconds since the Unix epoch. Slack shows it in each reader's time zone, and a post
// is the same for all readers, so they see the text that Slack has for those who can't show it.
func timeOf(seconds, fallback string) (span, bool) {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 || n > maxTime {
		return span{text: fallback}, fallback != ""
	}
	at := time.Unix(n, 0).UTC()
	if fallback == "" {
		fallback = at.Format("2006-01-02 15:04 UTC")
	}
	return span{kind: timeSpan, id: at.Format(time.RFC3339), text: fallback}, true
}

// validID reports whether s looks like an ID of Slack.
func validID(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(s) > 1 && len(s) <= 30
}

// validLink reports whether s is a link that readers may get.
func validLink(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "http", "https":
		return u.Hostname() != "" && u.User == nil
	case "mailto":
		return u.Opaque != ""
	}
	return false
}
