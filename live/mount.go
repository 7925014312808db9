package live

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
)

// offers lists the transports that readers are offered, in order. mount fills it.
type offers struct {
	publicURL string
	table     *route.Table
	list      []offer
	notifier  publisher.Notifier // nil if there is none
}

type offer struct {
	name, route, many string
	connect           []string
}

func (o *offers) of(ch motacilla.ChannelID) []page.Transport {
	list := make([]page.Transport, 0, len(o.list))
	for _, offer := range o.list {
		path, err := o.table.URL(offer.route, string(ch))
		if err != nil {
			continue
		}
		t := page.Transport{Name: offer.name, URL: o.url(path), Connect: offer.connect}
		if offer.many != "" {
			if path, err := o.table.URL(offer.many); err == nil {
				t.Many = o.url(path)
			}
		}
		list = append(list, t)
	}
	return list
}

// notifications returns the path at which browsers ask for notifications of a channel. A service worker must be of the page's own
// server, so it is a path also if there is a public URL.
func (o *offers) notifications(ch motacilla.ChannelID) string {
	if o.notifier == nil {
		return ""
	}
	path, err := o.table.URL(o.notifier.Notifications(ch), string(ch)) // there is no route without a name
	if err != nil {
		return ""
	}
	return path
}

// desk returns the path of the page on which editors write, or "".
func (o *offers) desk() string {
	path, err := o.table.URL("compose")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(path, "/")
}

func (o *offers) url(path string) string {
	return o.publicURL + strings.TrimPrefix(path, o.table.Base())
}

// offerOf returns what readers are offered of a publisher: its first route, and the first one for many channels.
func offerOf(name string, routes []route.Route) offer {
	o := offer{name: name, route: routes[0].Name, connect: routes[0].Connect}
	for _, rt := range routes {
		if rt.Many {
			o.many = rt.Name
			break
		}
	}
	return o
}

// describer is a receiver that serves a description of all routes.
type describer interface {
	Describe(base string, routes ...route.Route) error
}

// informed is a receiver that must know which routes there are.
type informed interface {
	Mounted(base string, routes ...route.Route)
}

// mount puts all routes into one table. Routes that read a channel ask the hook, and answer the allowed origins.
func (l *Live) mount() error {
	if err := l.distinct(); err != nil {
		return err
	}
	if err := l.checkOverflow(); err != nil {
		return err
	}
	if err := l.findRelays(); err != nil {
		return err
	}
	t, err := route.NewTableBelow(l.options.BasePath)
	if err != nil {
		return err
	}
	t.NotFound = l.limited(http.HandlerFunc(l.Page.NotFound)).ServeHTTP
	add := func(owner, under string, rt route.Route) error {
		if rt.Handler != nil { // otherwise the table says so
			rt.Handler = l.limited(rt.Handler)
		}
		return t.Add(owner, under, rt)
	}
	readers := func(rt route.Route) route.Route {
		rt = route.Guard(rt, route.Read, l.Authorize)
		rt.Handler = l.Origins.CORS(rt.Handler)
		return rt
	}
	for _, rt := range l.Page.URLs() {
		if strings.Contains(rt.Pattern, "{channel_id}") {
			rt = readers(rt)
		}
		rt.Handler = l.compress.around(rt.Handler)
		if err := add("the live page", "/", rt); err != nil {
			return err
		}
	}
	for _, part := range l.shared() {
		for _, rt := range part.It.URLs() {
			rt.Handler = l.compress.around(rt.Handler)
			if err := add(part.At, "/", rt); err != nil {
				return err
			}
		}
	}
	for _, p := range l.has.Publishers {
		routes := p.It.URLs()
		if n, ok := p.It.(publisher.Notifier); ok {
			l.offers.notifier = n
		} else if len(routes) > 0 && routes[0].Name != "" {
			l.offers.list = append(l.offers.list, offerOf(p.Name, routes))
		}
		for _, rt := range routes {
			if !rt.Many && !strings.Contains(rt.Pattern, "{channel_id}") {
				return fmt.Errorf("%s: the path %q must have {channel_id}", p.At, rt.Pattern)
			}
			rt = readers(rt)
			rt.Handler = l.around(rt.Handler)
			if err := add(p.At, "/live", rt); err != nil {
				return err
			}
		}
	}
	for _, r := range l.has.Receivers {
		for _, rt := range r.It.URLs() {
			if rt.Handler != nil { // otherwise the table says so
				rt.Handler = l.compress.around(rt.Handler)
			}
			rt = l.traced(rt)
			if err := add(r.At, "/", rt); err != nil {
				return fmt.Errorf("%w; if two receivers are of one type, give each a name of its own", err)
			}
		}
	}
	if err := t.Add("the server", "/", l.has.Operations...); err != nil {
		return err
	}
	for _, rt := range l.has.Routes {
		if err := add("a route of the app", "/", rt); err != nil {
			return err
		}
	}
	for _, r := range l.has.Receivers {
		if d, ok := r.It.(describer); ok {
			if err := d.Describe(t.Base(), t.Routes()...); err != nil {
				return fmt.Errorf("%s: %w", r.At, err)
			}
		}
		if i, ok := r.It.(informed); ok {
			i.Mounted(t.Base(), t.Routes()...)
		}
	}
	l.table, l.offers.table = t, t
	return nil
}

// distinct returns an error if two receivers have the same name in the store.
func (l *Live) distinct() error {
	at := map[string]string{}
	for _, r := range l.has.Receivers {
		s, ok := r.It.(receiver.Sourced)
		if !ok {
			continue
		}
		if other, twice := at[s.Source()]; twice {
			return fmt.Errorf("%s and %s have the same name %q: give one of them another name", other, r.At, s.Source())
		}
		at[s.Source()] = r.At
	}
	return nil
}

// checkOverflow returns an error if readers would be told to use a transport that the site does not offer.
func (l *Live) checkOverflow() error {
	name := l.Feed.Options().Limits.Overflow
	if name == "" {
		return nil
	}
	var offered []string
	for _, p := range l.has.Publishers {
		if p.Name == name {
			return nil
		}
		offered = append(offered, p.Name)
	}
	return fmt.Errorf("live: Feed.Limits.Overflow must name a publisher, one of %q, not %q", offered, name)
}
