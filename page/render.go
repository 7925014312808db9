package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

//go:embed templates
var sources embed.FS

func newTemplates(p *Page) *template.Template {
	below := template.FuncMap{
		"base": func() string { return p.o.Base },
		"home": func() string { return p.o.Home },
		"page": p.channelPath,
	}
	return template.Must(template.New("").Funcs(functions(p.assets.url)).Funcs(below).ParseFS(sources, "templates/*.html"))
}

func functions(asset func(string) string) template.FuncMap {
	return template.FuncMap{
		"asset":   asset,
		"rfc3339": motacilla.FormatTime,
		"when":    func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
		"safe":    func(h motacilla.HTML) template.HTML { return safe(h.String()) },
		"host":    host,
		"address": address,
	}
}

// Renderer renders posts as HTML. It is a publisher.Renderer. It may be used by several goroutines at once.
type Renderer struct{ post *template.Template }

// NewRenderer returns a Renderer.
func NewRenderer() *Renderer {
	none := func(string) string { return "" }
	set := template.Must(template.New("").Funcs(functions(none)).ParseFS(sources, "templates/post.html"))
	return &Renderer{set.Lookup("post.html")}
}

// RenderPost returns p as one element, <div class="live-post" data-post-id="ID">. It shows HTML as it
// is, and escapes everything else.
func (r *Renderer) RenderPost(p motacilla.Post) (motacilla.HTML, error) {
	var buf bytes.Buffer
	if err := r.post.Execute(&buf, p); err != nil {
		return motacilla.HTML{}, fmt.Errorf("render post %q: %w", p.ID, err)
	}
	return motacilla.TrustedHTML(strings.TrimSpace(buf.String())), nil
}

// safe is the one place at which html/template is told not to escape. s is a motacilla.HTML, or a rendered post of a snapshot.
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
