// Package nchan pushes updates to Nchan, the module of nginx, which delivers them by server-sent events, WebSocket and long polling.
// See docs/nchan.md.
package nchan

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/route"
)

// Options are the relay's settings. Zero fields mean the defaults.
type Options struct {
	relay.Options
	relay.ReaderOptions
	URL            string `key:"url" required:"true" doc:"of nginx's location for publishing, such as http://127.0.0.1:8081/publish/{channel}"`
	PrivateURL     string `key:"private_url" doc:"the same for private channels, whose readers nginx must authorise"`
	Token          string `key:"token" secret:"true" doc:"is sent as Authorization: Bearer, for nginx to check"`
	PrivateReaders string `key:"private_readers" doc:"as readers, for private channels; nginx must authorise who reads there"`
	ReadersKey     string `key:"readers_key" secret:"true" doc:"the secret of nginx's secure links, if private_readers are such"`
	MaxBytes       int    `key:"max_bytes" min:"1000" doc:"the longest update in bytes, as nginx's client_max_body_size"` // 1 MiB
}

// maxBytes is the default of nginx's client_max_body_size.
const maxBytes = 1 << 20

// Module registers the relay as "nchan".
var Module = publisher.Register(name, Defaults(), New)

const name = "nchan"

// Defaults returns the defaults.
func Defaults() *Options {
	readers := relay.ReaderOptions{Path: name + "/{channel_id}/", Check: time.Minute}
	return &Options{Options: relay.Defaults(name), ReaderOptions: readers, MaxBytes: maxBytes}
}

// Publisher pushes to an nginx, and tells readers how to follow it.
type Publisher struct {
	*relay.Relay
	routes []route.Route
}

var _ publisher.Publisher = (*Publisher)(nil)

// URLs returns the route that tells readers of nginx, if they are to know of it.
func (p *Publisher) URLs() []route.Route { return p.routes }

const placeholder = "{channel}"

// hub is an nginx.
type hub struct {
	kit     *relay.Kit
	url     string
	private string
	header  http.Header
}

var _ relay.Hub = (*hub)(nil)

// New returns the publisher. The error is a motacilla.ErrInvalid that names the option.
func New(kit *relay.Kit, o *Options) (*Publisher, error) {
	if err := checkURL("url", o.URL); err != nil {
		return nil, err
	}
	if o.Private {
		if err := checkURL("private_url", o.PrivateURL); err != nil {
			return nil, err
		}
		if o.PrivateURL == o.URL {
			return nil, motacilla.Invalid("private_url", "must be another location than url, which does not authorise readers")
		}
	}
	if err := checkReaders(o); err != nil {
		return nil, err
	}
	h := &hub{kit: kit, url: o.URL, private: o.PrivateURL, header: http.Header{"Content-Type": {"application/json"}}}
	if o.Token != "" {
		h.header.Set("Authorization", "Bearer "+o.Token)
	}
	most := o.MaxBytes
	if most <= 0 {
		most = maxBytes
	}
	r, err := relay.New(kit, h, &o.Options, relay.Traits{Name: name, MaxBytes: most})
	if err != nil {
		return nil, err
	}
	d := *o
	routes := r.TicketRoute(name, &d.ReaderOptions, d.ticket)
	if len(routes) > 0 && d.PrivateReaders != "" {
		routes[0].Connect = append(routes[0].Connect, d.PrivateReaders)
	}
	return &Publisher{r, routes}, nil
}

func checkURL(option, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Count(s, placeholder) != 1 ||
		!strings.Contains(u.Path+u.RawQuery, placeholder) {
		return motacilla.Invalid(option, "must be an http or https URL with {channel}, such as http://127.0.0.1:8081/publish/{channel}")
	}
	return nil
}

// Push implements relay.Hub.
func (h *hub) Push(ctx context.Context, m *relay.Message) error {
	location := h.url
	if m.Private() {
		location = h.private
	}
	_, err := relay.Call(ctx, h.kit.Hubs, fill(location, m.Channel), h.header, m.Encode(publisher.JSON))
	return err
}

// fill returns a location's URL for a channel. All characters of an ID may stand in a path and in a query as they are. nginx
// decodes a path, but not a query.
func fill(location string, ch motacilla.ChannelID) string {
	return strings.Replace(location, placeholder, string(ch), 1)
}
