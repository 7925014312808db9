package polling_test

import (
	"net/http"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/route"
)

const match = publishertest.Channel

type textRenderer struct{}

func (textRenderer) RenderPost(p motacilla.Post) (motacilla.HTML, error) {
	return motacilla.TrustedHTML("<p>" + p.Content[0].Text.String() + "</p>"), nil
}

// render returns a post as readers have it.
func render(p motacilla.Post) string {
	if !p.Show {
		return motacilla.Stub(p.ID)
	}
	html, _ := textRenderer{}.RenderPost(p)
	return html.String()
}

// site has both publishers.
type site struct {
	*publishertest.Site
	server    *publishertest.Server
	holds     *polling.Long
	authorize route.Authorizer // nil lets everybody read
}

// open returns a site with a server.
func open(t testing.TB, clock motacilla.Clock, i *polling.IntervalOptions, l *polling.LongOptions) *site {
	s := build(t, clock, i, l)
	s.server = s.Serve(nil)
	return s
}

// build returns a site without a server.
func build(t testing.TB, clock motacilla.Clock, i *polling.IntervalOptions, l *polling.LongOptions) *site {
	s := &site{}
	s.Site = publishertest.NewSite(t, &publishertest.SiteOptions{
		Clock: clock, Renderer: textRenderer{},
		Authorize: func(r *http.Request, ch motacilla.ChannelID, a route.Action) (route.Grant, error) {
			if s.authorize == nil {
				return route.Grant{}, nil
			}
			return s.authorize(r, ch, a)
		},
	})
	s.holds = polling.NewLong(s.Feed, l)
	s.Add(s.holds)
	s.Add(polling.NewInterval(s.Feed, i))
	return s
}

func (s *site) interval() string { return s.server.URL + intervalPath }

func (s *site) long() string { return s.server.URL + longPath }

func (s *site) post(text string) motacilla.Post { return s.Post(match, text) }

func (s *site) head() motacilla.Revision { return s.Head(match) }
