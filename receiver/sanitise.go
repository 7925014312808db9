package receiver

import (
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/motacilla-live/motacilla"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// linkRel is the rel attribute of every link that is kept.
const linkRel = "nofollow noopener"

// settle is the most passes that Sanitise makes until the text no longer changes. Wrongly nested markup takes two or
// three. Text that takes more was made to be hard.
const settle = 6

// maxNesting is how deep elements may be nested. Browsers and the parser stop at 512, which includes the page around a
// post.
const maxNesting = 100

// sanitiser is safe for concurrent use.
type sanitiser struct {
	policy *bluemonday.Policy
	plain  *bluemonday.Policy
}

func newSanitiser() *sanitiser {
	p := bluemonday.NewPolicy()
	p.AllowElements(
		"abbr", "b", "bdi", "bdo", "blockquote", "br", "caption", "cite", "code", "dd", "del", "dfn", "div", "dl", "dt",
		"em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s",
		"samp", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr",
		"u", "ul", "var", "wbr",
	)
	p.AllowNoAttrs().OnElements("bdo", "del", "ins", "q", "span", "time")
	p.AllowAttrs("href", "title").OnElements("a")
	p.AllowAttrs("title").OnElements("abbr", "dfn")
	p.AllowAttrs("datetime").OnElements("time", "del", "ins")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("reversed").Matching(regexp.MustCompile(`^(reversed)?$`)).OnElements("ol")
	p.AllowAttrs("value").Matching(bluemonday.Integer).OnElements("li")
	p.AllowAttrs("colspan", "rowspan").Matching(regexp.MustCompile(`^[1-9][0-9]?$`)).OnElements("td", "th")
	p.AllowAttrs("scope").Matching(regexp.MustCompile(`^(row|col)(group)?$`)).OnElements("th")
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`^(ltr|rtl|auto)$`)).Globally()
	p.AllowAttrs("lang").Matching(regexp.MustCompile(`^[A-Za-z0-9-]{1,35}$`)).Globally()
	p.AllowURLSchemes("http", "https", "mailto")
	p.RequireParseableURLs(true)
	p.SkipElementsContent("svg", "math", "template", "textarea", "select", "xmp", "plaintext")
	return &sanitiser{policy: p, plain: bluemonday.StrictPolicy()}
}

// html returns the sanitised text, as [Ingest] describes it. Elements are balanced, so that a post can't end the element
// it stands in. html returns its own results unchanged. Text that is nested too deep, or that does not settle, keeps only
// its words.
func (s *sanitiser) html(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if simple(text) {
		return text
	}
	return s.settled(text)
}

// settled makes passes until text no longer changes.
func (s *sanitiser) settled(text string) string {
	for range settle {
		next, ok := s.pass(text)
		if !ok {
			break
		}
		if next == text {
			return text
		}
		text = next
	}
	plain := html.UnescapeString(s.plain.Sanitize(text))
	return escapeText(plainBreaks.Replace(plain))
}

// pass is one pass. ok is false if text is nested too deep.
func (s *sanitiser) pass(text string) (sanitised string, ok bool) {
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(s.policy.Sanitize(text)), body)
	if err != nil {
		return "", false
	}
	var out strings.Builder
	for _, n := range nodes {
		if !writeNode(&out, n, maxNesting) {
			return "", false
		}
	}
	return out.String(), true
}

// writeNode writes a parsed node as the HTML standard serialises it, except that text keeps its quotes. The only elements
// are the policy's and tbody, and none of them has raw text. writeNode returns false if more than depth elements are
// nested.
func writeNode(out *strings.Builder, n *html.Node, depth int) bool {
	switch n.Type {
	case html.TextNode:
		out.WriteString(escapeText(n.Data))
		return true
	case html.ElementNode:
	default:
		return true
	}
	if depth == 0 {
		return false
	}
	out.WriteByte('<')
	out.WriteString(n.Data)
	for _, a := range n.Attr {
		if n.DataAtom != atom.A || a.Key != "rel" {
			writeAttr(out, a.Key, a.Val)
		}
		if n.DataAtom == atom.A && a.Key == "href" {
			writeAttr(out, "rel", linkRel)
		}
	}
	out.WriteByte('>')
	switch n.DataAtom {
	case atom.Br, atom.Hr, atom.Wbr:
		return true
	case atom.Pre: // the parser drops one line break there
		if c := n.FirstChild; c != nil && c.Type == html.TextNode && strings.HasPrefix(c.Data, "\n") {
			out.WriteByte('\n')
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if !writeNode(out, c, depth-1) {
			return false
		}
	}
	out.WriteString("</")
	out.WriteString(n.Data)
	out.WriteByte('>')
	return true
}

func writeAttr(out *strings.Builder, key, value string) {
	out.WriteByte(' ')
	out.WriteString(key)
	out.WriteString(`="`)
	out.WriteString(html.EscapeString(value))
	out.WriteByte('"')
}

func escapeText(s string) string { return textEscapes.Replace(s) }

// These are costly to make, and never change.
var (
	sanitise    = newSanitiser()
	textEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;")
	plainBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\ufffd")
)

// Sanitise returns the text of a source as HTML that a text block may have. [Ingest] says what is kept.
func Sanitise(text string) motacilla.HTML { return motacilla.TrustedHTML(sanitise.html(text)) }

// sanitiseLine is Sanitise without white space at the ends.
func sanitiseLine(line string) motacilla.HTML {
	return motacilla.TrustedHTML(strings.TrimSpace(sanitise.html(line)))
}

// sanitiseValid is Sanitise, except that text with U+0000 stays invalid: the store refuses it, as it would refuse the text
// that was sent.
func sanitiseValid(text string) motacilla.HTML {
	if strings.IndexByte(text, 0) >= 0 {
		return motacilla.TrustedHTML(strings.Repeat("\x00", len(text)))
	}
	return Sanitise(text)
}
