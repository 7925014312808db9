// Package pusher pushes updates to Pusher Channels, or to a server that speaks its protocol, such as Soketi, Sockudo or Laravel Reverb.
// See docs/pusher.md.
package pusher

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/route"
)

// Options are the settings. Zero fields mean the defaults.
type Options struct {
	relay.Options
	relay.ReaderOptions
	AppID    string `key:"app_id" required:"true" doc:"of the app at Pusher"`
	Key      string `key:"key" required:"true" doc:"of the app; it is public"`
	Secret   string `key:"secret" required:"true" secret:"true" doc:"of the app"`
	Cluster  string `key:"cluster" doc:"of the app at Pusher, such as eu"`                                             // mt1
	URL      string `key:"url" doc:"of another server of the protocol, such as http://127.0.0.1:6001"`                 // Pusher's own
	Event    string `key:"event" max:"200" doc:"name of the events"`                                                   // update
	Prefix   string `key:"prefix" max:"50" doc:"what the names of channels begin with at the hub"`                     // live-
	MaxBytes int    `key:"max_bytes" min:"1000" doc:"the longest update in bytes; Pusher takes no longer ones"`        // 10000
	AuthPath string `key:"auth_path" doc:"path that authorises private channels; below /live unless it begins with /"` // pusher/auth/
}

const name = "pusher"

// Defaults returns the defaults.
func Defaults() *Options {
	readers := relay.ReaderOptions{Path: name + "/{channel_id}/", Check: time.Minute}
	return &Options{
		Options: relay.Defaults(name), ReaderOptions: readers,
		Event: "update", Prefix: "live-", MaxBytes: 10_000, AuthPath: name + "/auth/",
	}
}

// Module registers the relay as "pusher".
var Module = publisher.Register(name, Defaults(), New)

// Publisher relays to an app of Pusher. If private channels are relayed too, it authorises their readers.
type Publisher struct {
	*relay.Relay
	routes []route.Route
}

var _ publisher.Publisher = (*Publisher)(nil)

// New returns the publisher. The error is a motacilla.ErrInvalid that names the option.
func New(kit *relay.Kit, options *Options) (*Publisher, error) {
	o := options.withDefaults()
	app, err := NewApp(o)
	if err != nil {
		return nil, err
	}
	h := &hub{kit: kit, app: app, event: o.Event, now: time.Now}
	r, err := relay.New(kit, h, &o.Options, relay.Traits{Name: name, MaxBytes: o.MaxBytes})
	if err != nil {
		return nil, err
	}
	if err := relay.CheckReaders(&o.ReaderOptions, "wss", "ws"); err != nil {
		return nil, err
	}
	p := &Publisher{Relay: r, routes: r.TicketRoute(name, &o.ReaderOptions, (&tickets{app, o}).ticket)}
	if o.Private {
		p.routes = append(p.routes, route.Route{Pattern: o.AuthPath, Handler: &authority{app, kit.Feed}, Many: true, OpenAPI: openAPI})
	}
	return p, nil
}

// URLs returns the route that tells readers of the hub, if they are to know of it, and the one that authorises readers of private
// channels, if these are relayed.
func (p *Publisher) URLs() []route.Route { return p.routes }

func (o *Options) withDefaults() *Options {
	d, all := Defaults(), *o
	for _, field := range []struct {
		value     *string
		otherwise string
	}{{&all.Event, d.Event}, {&all.Prefix, d.Prefix}, {&all.AuthPath, d.AuthPath}, {&all.Path, d.Path}} {
		if *field.value == "" {
			*field.value = field.otherwise
		}
	}
	if all.MaxBytes <= 0 {
		all.MaxBytes = d.MaxBytes
	}
	return &all
}

var (
	prefixes = regexp.MustCompile(`^[A-Za-z0-9_@,.;-]{1,50}$`)
	clusters = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	segments = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)
)

// kinds are the beginnings of names with a meaning at the hub, also behind "private-".
var kinds = []string{"private-", "presence-", "cache-", "encrypted-"}

// NewApp returns the app of the options, for programs that authorise readers by themselves. The error is a motacilla.ErrInvalid that
// names the option.
func NewApp(options *Options) (*App, error) {
	o := options.withDefaults()
	for option, value := range map[string]string{"app_id": o.AppID, "key": o.Key} {
		if !segments.MatchString(value) {
			return nil, motacilla.Invalid(option, "must be that of an app, not %q", value)
		}
	}
	if o.Secret == "" {
		return nil, motacilla.Invalid("secret", "must be that of the app")
	}
	if !prefixes.MatchString(o.Prefix) {
		return nil, motacilla.Invalid("prefix", "must be 1 to 50 of A-Z a-z 0-9 _ @ , . ; -, not %q", o.Prefix)
	}
	for _, kind := range kinds {
		if strings.HasPrefix(o.Prefix, kind) {
			return nil, motacilla.Invalid("prefix", "must not begin with %s, which has a meaning at the hub", kind)
		}
	}
	if strings.HasPrefix(o.Event, "pusher") || strings.HasPrefix(o.Event, "client-") {
		return nil, motacilla.Invalid("event", "must not begin with pusher or client-")
	}
	base, err := server(o)
	if err != nil {
		return nil, err
	}
	base = base.JoinPath("/") // with a slash at least, which is signed
	return &App{id: o.AppID, key: o.Key, secret: []byte(o.Secret), prefix: o.Prefix, server: base}, nil
}

// server returns the URL of the HTTP API.
func server(o *Options) (*url.URL, error) {
	if o.URL == "" {
		switch {
		case o.Cluster == "":
			return &url.URL{Scheme: "https", Host: "api.pusherapp.com"}, nil
		case clusters.MatchString(o.Cluster):
			return &url.URL{Scheme: "https", Host: "api-" + o.Cluster + ".pusher.com"}, nil
		}
		return nil, motacilla.Invalid("cluster", "must be that of an app, such as eu, not %q", o.Cluster)
	}
	if o.Cluster != "" {
		return nil, motacilla.Invalid("cluster", "is for Pusher itself: give either url or cluster")
	}
	u, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return nil, motacilla.Invalid("url", "must be an http or https URL without a query")
	}
	return u, nil
}

// hub is an app of Pusher.
type hub struct {
	kit   *relay.Kit
	app   *App
	event string
	now   func() time.Time
}

var _ relay.Hub = (*hub)(nil)

var header = http.Header{"Content-Type": {"application/json"}}

// event is the body of a request.
type event struct {
	Name    string `json:"name"`
	Channel string `json:"channel"`
	Data    string `json:"data"`
}

// Push implements relay.Hub.
func (h *hub) Push(ctx context.Context, m *relay.Message) error {
	body, err := json.Marshal(event{h.event, h.app.Channel(m.Channel, m.Private()), string(m.Encode(publisher.JSON))})
	if err != nil {
		return err
	}
	_, err = relay.Call(ctx, h.kit.Hubs, h.app.signed(http.MethodPost, "events", body, h.now()), header, body)
	return err
}
