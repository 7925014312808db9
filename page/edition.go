package page

import (
	"bytes"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"sync"
	"text/template/parse"
	"time"

	"github.com/motacilla-live/motacilla"
)

// edition is what pages consist of, except posts: one reading of a look's files. It does not change.
type edition struct {
	templates *template.Template // are not executed, but cloned for each place
	assets    *assets
	spoken    *spoken
	zone      *time.Location
	styled    bool // the site has a style sheet of its own
	frames    Frames
	digest    string // differs if pages or posts could look different

	mu     sync.Mutex // guards placed
	placed map[place]*template.Template
}

// newEdition returns an edition without its templates.
func newEdition(f *files, s *spoken, zone *time.Location, frames Frames) *edition {
	e := &edition{
		assets: newAssets(), spoken: s, zone: zone, styled: f.styles != nil, frames: frames, placed: map[place]*template.Template{},
	}
	parts := append(f.parts(), zone.String(), s.site.Tag, string(frames))
	for name, body := range f.assets {
		e.assets.add(name, body)
	}
	if e.styled {
		e.assets.add(siteStyles, f.styles)
	}
	for _, l := range s.all {
		e.assets.add("words."+l.Tag+".json", wordsOf(l).file())
		parts = append(parts, fmt.Sprint(*l)) // maps are printed in the order of their keys
	}
	for _, c := range s.channels {
		parts = append(parts, c.pattern, c.language.Tag)
	}
	for _, name := range []string{"live.js", "passkey.js", "style.css", "icon.svg"} {
		parts = append(parts, e.assets.hashed[name])
	}
	e.digest = fingerprint(parts...)
	return e
}

// parse parses the templates and checks them.
func (e *edition) parse(f *files) (err error) {
	if e.templates, err = parseTemplates(f, e.assets); err == nil && len(f.own) > 0 { // tests check our own
		err = e.check()
	}
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	return nil
}

// siteStyles is the name under which the site's own style sheet is served.
const siteStyles = "site.css"

func (e *edition) speech(l *Language) speech { return speech{l, e.zone} }

// render executes a template for a place.
func (e *edition) render(at place, name string, data any) ([]byte, error) {
	templates, err := e.at(at)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := templates.ExecuteTemplate(&buf, name, data); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// parseTemplates parses all templates into one set. A template that nothing uses is probably misspelt, so it is an error.
func parseTemplates(f *files, a *assets) (*template.Template, error) {
	set := template.New("").Funcs(functions(a, place{})).Option("missingkey=error")
	for name, text := range f.templates {
		if _, err := set.New(name).Parse(text); err != nil {
			return nil, err
		}
	}
	used := slices.Clone(entries)
	for _, t := range set.Templates() {
		if t.Tree != nil {
			used = append(used, included(t.Tree.Root)...)
		}
	}
	for _, name := range f.own {
		if !slices.Contains(used, name) {
			return nil, fmt.Errorf("%s: nothing uses it; pages begin with %s", name, strings.Join(entries, ", "))
		}
	}
	return set, nil
}

// entries are the templates that are rendered by themselves. All others are used by them.
var entries = []string{
	"channel.html", "index.html", "signin.html", "invitation.html", "account.html", "token.html", "error.html", "post.html",
}

// included returns the templates that a part of a template uses.
func included(node parse.Node) (names []string) {
	list := func(of *parse.ListNode) {
		if of != nil {
			for _, n := range of.Nodes {
				names = append(names, included(n)...)
			}
		}
	}
	branch := func(b *parse.BranchNode) { list(b.List); list(b.ElseList) }
	switch n := node.(type) {
	case *parse.ListNode:
		list(n)
	case *parse.TemplateNode:
		names = append(names, n.Name)
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	}
	return names
}

func functions(a *assets, at place) template.FuncMap {
	return template.FuncMap{
		"asset": func(name string) (string, error) {
			path, err := a.url(name)
			return at.base + path, err
		},
		"at":      at.url,
		"base":    func() string { return at.base },
		"home":    func() string { return at.home },
		"page":    at.channel,
		"picture": at.picture,
		"srcset":  at.srcset,
		"rfc3339": motacilla.FormatTime,
		"safe":    func(h motacilla.HTML) template.HTML { return safe(h.String()) },
		"host":    host,
		"agent":   agent,
		"dotted":  func(texts []string) string { return strings.Join(texts, " · ") },
		"instant": func(s string) (time.Time, error) { return time.Parse(time.RFC3339, s) },
		"address": address,
	}
}

// safe is the one place at which html/template is told not to escape. s is a motacilla.HTML, a rendered post of a snapshot, or
// text that was escaped.
func safe(s string) template.HTML { return template.HTML(s) } //nolint:gosec // the type or the renderer has vouched for it

func host(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return s
	}
	return strings.TrimPrefix(u.Hostname(), "www.")
}

// address returns a URL for people to read: without its scheme, cut to 80 characters.
func address(s string) string {
	_, s, _ = strings.Cut(s, "://")
	s = strings.TrimSuffix(strings.TrimPrefix(s, "www."), "/")
	if runes := []rune(s); len(runes) > 80 {
		s = string(runes[:79]) + "…"
	}
	return s
}
