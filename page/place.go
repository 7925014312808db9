package page

import (
	"html/template"
	"net/url"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// place is where pages are mounted. The URLs in templates depend on it.
type place struct {
	base string // the path below which the server is; empty is its root
	home string // where the name of the site leads
}

func (p *Page) place() place { return place{p.o.Base, p.o.Home} }

// url returns a URL of a block as a page here has it: a path is one of this server, below its base. Others stay as they are.
func (at place) url(s string) string {
	if strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") {
		return at.base + s
	}
	return s
}

// channel returns the path of the page of a channel.
func (at place) channel(ch motacilla.ChannelID) string {
	return at.base + "/channels/" + url.PathEscape(string(ch))
}

// picture returns the URL of an image block. Only the path of an image that the server holds is below the server's base path:
// another one was written by somebody who knows where the server is.
func (at place) picture(b motacilla.Block) string {
	if b.Media == "" {
		return b.URL
	}
	return at.url(b.URL)
}

// srcset returns the sizes of an image that the server holds, with their URLs for this place.
func (at place) srcset(sizes string) string {
	list := strings.Split(sizes, ", ")
	for i, size := range list {
		list[i] = at.url(size)
	}
	return strings.Join(list, ", ")
}

// at returns the templates of the edition for a place. They are made once for each.
func (e *edition) at(p place) (*template.Template, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if made, ok := e.placed[p]; ok {
		return made, nil
	}
	made, err := e.templates.Clone()
	if err != nil {
		return nil, err
	}
	e.placed[p] = made.Funcs(functions(e.assets, p))
	return made, nil
}
