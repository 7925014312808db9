package syndication

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/receiver"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxMarkup is how much sanitised HTML the text of an entry may have, in bytes. It leaves room for title and source line.
const maxMarkup = motacilla.MaxText - 12<<10

// maxParsed is the longest HTML of an entry that is parsed, in bytes. Of a longer one only the beginning is shown, as plain text.
const maxParsed = 256 << 10

// tidy returns an entry's HTML with absolute links and without images, which it takes as pictures of their own. It is not
// sanitised yet.
func (e *entry) tidy(markup string, base *url.URL) string {
	if len(markup) > maxParsed {
		return escape(plain(markup, maxMarkup/6)) + "…"
	}
	if !strings.ContainsRune(markup, '<') {
		return strings.TrimSpace(markup)
	}
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(markup), body)
	if err != nil { // nested too deep
		return escape(plain(markup, maxMarkup/6))
	}
	var out strings.Builder
	for _, n := range nodes {
		body.AppendChild(n)
	}
	var images []*html.Node
	for n := range body.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for i, a := range n.Attr {
			if a.Key != "href" && a.Key != "src" && a.Key != "cite" {
				continue
			}
			if u, err := url.Parse(strings.TrimSpace(a.Val)); err == nil && base != nil && !strings.HasPrefix(a.Val, "#") {
				n.Attr[i].Val = base.ResolveReference(u).String()
			}
		}
		switch n.Data {
		case "img":
			e.inline(n)
			images = append(images, n)
		case "iframe":
			e.frame(attribute(n, "src"))
		}
	}
	for _, n := range images {
		n.Parent.RemoveChild(n)
	}
	for n := range body.ChildNodes() {
		if html.Render(&out, n) != nil {
			return escape(plain(markup, maxMarkup/6))
		}
	}
	return strings.TrimSpace(out.String())
}

// inline takes an image of the text. A very small one only counts readers.
func (e *entry) inline(n *html.Node) {
	const smallest = 4
	link, err := absolute(nil, attribute(n, "src"))
	width, _ := strconv.Atoi(attribute(n, "width"))
	height, _ := strconv.Atoi(attribute(n, "height"))
	if err != nil || link == "" || width > 0 && width < smallest || height > 0 && height < smallest {
		return
	}
	for _, p := range e.images {
		if p.url == link {
			return
		}
	}
	e.picture(picture{link, plain(attribute(n, "alt"), motacilla.MaxAlt), width, height})
}

// frame takes the page of a frame, if it can be embedded.
func (e *entry) frame(src string) {
	const most = 5
	u, err := url.Parse(src)
	if err != nil || !receiver.KnownEmbed(u) || len(e.embeds) >= most || len(src) > motacilla.MaxURL {
		return
	}
	for _, known := range e.embeds {
		if known == u.String() {
			return
		}
	}
	e.embeds = append(e.embeds, u.String())
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// plain returns the text of markup on one line, up to most bytes.
func plain(markup string, most int) string {
	var out strings.Builder
	hidden := 0
	for z := html.NewTokenizer(strings.NewReader(markup)); out.Len() <= 4*most; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		name, _ := z.TagName()
		unseen := string(name) == "script" || string(name) == "style"
		switch {
		case kind == html.TextToken && hidden == 0:
			out.Write(z.Text())
		case kind == html.StartTagToken && unseen:
			hidden++
		case kind == html.EndTagToken && unseen:
			hidden = max(hidden-1, 0)
		case kind == html.StartTagToken || kind == html.EndTagToken || kind == html.SelfClosingTagToken:
			if !inlineMarks[string(name)] {
				out.WriteByte(' ')
			}
		}
	}
	text := html.UnescapeString(out.String())
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	return short.Cut(strings.Join(strings.Fields(text), " "), most)
}

var inlineMarks = map[string]bool{
	"a": true, "abbr": true, "b": true, "code": true, "em": true, "i": true, "mark": true, "s": true, "small": true, "span": true,
	"strong": true, "sub": true, "sup": true, "u": true,
}

// escape returns plain text as HTML.
func escape(text string) string { return motacilla.PlainText(strings.TrimSpace(text)).Text.String() }
