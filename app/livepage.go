package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// renderer is the publisher.Renderer that the app provides, or the one of the page.
type renderer struct{ publisher.Renderer }

type rendererIn struct {
	fx.In

	Renderer publisher.Renderer `optional:"true"`
}

func newRenderer(in rendererIn) *renderer {
	if in.Renderer != nil {
		return &renderer{in.Renderer}
	}
	return &renderer{page.NewRenderer()}
}

// offers lists the transports that readers are offered, in order. The server fills it when it mounts the routes.
type offers struct {
	publicURL string
	table     *route.Table
	list      []offer
}

type offer struct{ name, route string }

func (o *offers) of(ch motacilla.ChannelID) []page.Transport {
	list := make([]page.Transport, 0, len(o.list))
	for _, offer := range o.list {
		if path, err := o.table.URL(offer.route, string(ch)); err == nil {
			list = append(list, page.Transport{Name: offer.name, URL: o.publicURL + path})
		}
	}
	return list
}

type pageOut struct {
	fx.Out

	Page   *page.Page
	Offers *offers
}

// pageSource reads from the store, but a channel from the feed, which may have it in memory.
type pageSource struct {
	storage.Store
	feed *publisher.Feed
}

func (s pageSource) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	return s.feed.Channel(ctx, id)
}

func newPage(c *Config, store storage.Store, feed *publisher.Feed, r *renderer, a *access) pageOut {
	o := &offers{publicURL: strings.TrimSuffix(c.Server.PublicURL, "/")}
	options := &page.Options{
		Transports: o.of, Heartbeat: c.Feed.Heartbeat, Name: c.Page.Name, PageSize: c.Page.Size, Renderer: r,
		Readable: feed.Readable, Listing: a.listing,
	}
	if a.token != nil {
		options.SignIn = a.token.SignIn
	}
	snapshot := func(ctx context.Context, ch motacilla.ChannelID) (*motacilla.Update, error) {
		step, err := feed.Snapshot(ctx, ch)
		if err != nil {
			return nil, err
		}
		return step.Update, nil
	}
	return pageOut{Page: page.New(pageSource{store, feed}, snapshot, options), Offers: o}
}

// describer is a receiver that serves a description of all routes.
type describer interface {
	Describe(routes ...route.Route) error
}

// mount puts all routes into one table. Routes that read a channel ask the hook, and answer the allowed origins.
func (s *Server) mount() error {
	t := route.NewTable()
	t.NotFound = s.page.NotFound
	readers := func(rt route.Route) route.Route {
		rt = route.Guard(rt, route.Read, s.access.authorize)
		rt.Handler = s.access.origins.CORS(rt.Handler)
		return rt
	}
	for _, rt := range s.page.URLs() {
		if strings.Contains(rt.Pattern, "{channel_id}") {
			rt = readers(rt)
		}
		if err := t.Add("the live page", "/", rt); err != nil {
			return err
		}
	}
	for _, p := range s.publishers {
		routes := p.it.URLs()
		if len(routes) > 0 && routes[0].Name != "" {
			s.offers.list = append(s.offers.list, offer{p.name, routes[0].Name})
		}
		for _, rt := range routes {
			if !strings.Contains(rt.Pattern, "{channel_id}") {
				return fmt.Errorf("%s: the path %q must have {channel_id}", p.at, rt.Pattern)
			}
			if err := t.Add(p.at, "/live", readers(rt)); err != nil {
				return err
			}
		}
	}
	for _, r := range s.receivers {
		if err := t.Add(r.at, "/", r.it.URLs()...); err != nil {
			return err
		}
	}
	if err := t.Add("the server", "/", s.operations()...); err != nil {
		return err
	}
	if err := t.Add("a route of the app", "/", s.own...); err != nil {
		return err
	}
	for _, r := range s.receivers {
		if d, ok := r.it.(describer); ok {
			if err := d.Describe(t.Routes()...); err != nil {
				return fmt.Errorf("%s: %w", r.at, err)
			}
		}
	}
	s.table, s.offers.table = t, t
	s.handler = s.limited(t)
	return nil
}

// secure reports whether the request came by https.
func (a *access) secure(r *http.Request) bool { return a.proxies.Scheme(r) == "https" }
