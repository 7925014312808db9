package page

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/motacilla-live/motacilla"
)

// Setting is what a page that another package serves must know of the pages around it, to look and speak as they do. It must not be
// changed.
type Setting struct {
	Base     string    // the path below which the site is; empty is the root of the server
	Home     string    // where the name of the site leads
	Name     string    // of the site
	Language *Language // of the site
	Icon     string    // the URL of the icon
	Styles   []string  // the URLs of the style sheets, in the order in which pages load them
	Frames   Frames    // whether players are shown
	Connect  []string  // the origins to which scripts of live pages connect, as a policy has them; the first is 'self'
}

// Setting returns the setting of now. While the files of the look are broken, it is that of the last edition that was whole.
func (p *Page) Setting() Setting {
	e, _ := p.o.Look.edition()
	asset := func(name string) string {
		url, _ := e.assets.url(name) // the look has all of them
		return p.o.Base + url
	}
	s := Setting{
		Base: p.o.Base, Home: p.o.Home, Name: p.o.Name, Language: e.spoken.site, Icon: asset("icon.svg"),
		Styles: []string{asset("style.css")}, Frames: e.frames,
		Connect: connected(p.o.Transports("any")), // they differ in the channel's name only
	}
	if s.Frames == "" {
		s.Frames = FramesOff
	}
	if e.styled {
		s.Styles = append(s.Styles, asset(siteStyles))
	}
	return s
}

// Languages returns the languages of the look: the site's, those of channels, and all others that there are.
func (p *Page) Languages() []*Language {
	e, _ := p.o.Look.edition()
	all := []*Language{e.spoken.site}
	for _, l := range slices.Concat(e.spoken.languages(), e.spoken.all) {
		if !slices.ContainsFunc(all, func(has *Language) bool { return has.Tag == l.Tag }) {
			all = append(all, l)
		}
	}
	return all
}

// RefuseAt answers an error as a page of the site, as pages do: a reader who may not see what is at here is shown how to sign in, and
// comes back to here. here is a path of this site with its base path.
func (p *Page) RefuseAt(w http.ResponseWriter, r *http.Request, here string, err error) {
	p.refuseAt(w, r, here, err)
}

// SignIn returns the URL of the page for signing in, from which somebody returns to next. It is empty if there is no such page.
func (p *Page) SignIn(next string) string {
	if p.o.SignInURL == "" {
		return ""
	}
	return p.signInLink(next)
}

// RenderPost returns the HTML that readers of a channel get of a post. A renderer that fails or panics is an error.
func (p *Page) RenderPost(ch motacilla.ChannelID, post motacilla.Post) (html motacilla.HTML, err error) {
	defer func() {
		if r := recover(); r != nil { // the renderer is the application's
			err = fmt.Errorf("render a post: panic: %v", r)
		}
	}()
	if r, ok := p.o.Renderer.(interface {
		RenderPostIn(ch motacilla.ChannelID, post motacilla.Post) (motacilla.HTML, error)
	}); ok {
		return r.RenderPostIn(ch, post)
	}
	return p.o.Renderer.RenderPost(post)
}
