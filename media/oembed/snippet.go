package oembed

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// snippet is what is in the HTML that a provider wants to be shown.
type snippet struct {
	frames  []string // the src of each iframe
	scripts []string // the src of each script that has one
	inline  bool     // there is a script without src
	text    string   // the words, without those of scripts
}

// readSnippet reads HTML as a browser would.
func readSnippet(s string) snippet {
	var out snippet
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(s), body)
	if err != nil {
		return out
	}
	var text strings.Builder
	for _, n := range nodes {
		out.read(n, &text)
	}
	out.text = text.String()
	return out
}

func (s *snippet) read(root *html.Node, text *strings.Builder) {
	skip := map[*html.Node]bool{}
	visit := func(n *html.Node) {
		if n.Parent != nil && skip[n.Parent] {
			skip[n] = true
			return
		}
		switch {
		case n.Type == html.TextNode:
			text.WriteString(n.Data)
			text.WriteByte(' ')
		case n.Type != html.ElementNode:
		case n.DataAtom == atom.Iframe:
			s.frames = append(s.frames, attribute(n, "src"))
			skip[n] = true
		case n.DataAtom == atom.Script:
			src := attribute(n, "src")
			s.inline = s.inline || src == ""
			if src != "" {
				s.scripts = append(s.scripts, src)
			}
			skip[n] = true
		case n.DataAtom == atom.Style, n.DataAtom == atom.Template, n.DataAtom == atom.Noscript:
			skip[n] = true
		}
	}
	visit(root)
	for n := range root.Descendants() {
		visit(n)
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// frame returns the URL of the player if the snippet is one iframe from the provider's own hosts, and nothing that runs. Its
// origin is then another than ours, and the provider's own.
func (s snippet) frame(p *provider) (string, bool) {
	if len(s.frames) != 1 || len(s.scripts) > 0 || s.inline {
		return "", false
	}
	u, ok := p.own(s.frames[0])
	if !ok {
		return "", false
	}
	if host := hostOf(u); host == "youtube.com" && strings.HasPrefix(u.Path, "/embed/") {
		u.Host = "www.youtube-nocookie.com" // the same player; it stores nothing before the video is played
	}
	link := address(u, u.String())
	return link, link != ""
}

// runs reports whether the snippet needs a script, all of its scripts and frames being from the provider's own hosts.
func (s snippet) runs(p *provider) bool {
	for _, list := range [][]string{s.scripts, s.frames} {
		for _, src := range list {
			if _, ok := p.own(src); !ok {
				return false
			}
		}
	}
	return len(s.scripts) > 0
}

// own parses a URL of a snippet. ok is true if it is an https URL on the provider's own hosts. http becomes https, and so does
// what has no scheme.
func (p *provider) own(src string) (u *url.URL, ok bool) {
	base, err := url.Parse(p.Endpoint)
	if err != nil {
		return nil, false
	}
	u, err = base.Parse(strings.TrimSpace(src))
	if err != nil || u.User != nil || u.Port() != "" || strings.TrimSpace(src) == "" {
		return nil, false
	}
	if u.Scheme == "http" {
		u.Scheme = "https"
	}
	return u, u.Scheme == "https" && p.owns(u)
}
