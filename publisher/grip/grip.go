// Package grip pushes updates to a proxy that speaks GRIP, such as Pushpin or Fastly Fanout, and answers the readers that the proxy
// passes on. The proxy then holds their connections. See docs/grip.md.
package grip

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/route"
)

// Options are the settings. Zero fields mean the defaults.
type Options struct {
	relay.Options
	URL          string   `key:"url" required:"true" doc:"to publish to, such as http://127.0.0.1:5561/publish/"`
	Key          string   `key:"key" secret:"true" doc:"for publishing: a token, or the key of tokens if issuer is set"`
	Issuer       string   `key:"issuer" doc:"for publishing: who issues tokens (iss)"`
	VerifyKey    string   `key:"verify_key" required:"true" secret:"true" doc:"of the proxy's signatures: text, base64:... or PEM"`
	VerifyIssuer string   `key:"verify_issuer" doc:"who must have signed (iss)"`                                         // anyone with the key
	Formats      []string `key:"formats" doc:"what is published: http-stream, http-response, ws-message"`                // http-stream
	Prefix       string   `key:"prefix" max:"50" doc:"what the names of channels begin with at the proxy"`               // live-
	MaxBytes     int      `key:"max_bytes" min:"1000" doc:"the longest update in bytes; for longer ones the proxy asks"` // 250000
	Path         string   `key:"path" doc:"path with {channel_id}; below /live unless it begins with /"`                 // grip/{channel_id}/
}

const name = "grip"

// The formats.
const (
	httpStream   = "http-stream"
	httpResponse = "http-response"
	wsMessage    = "ws-message"
)

// Defaults returns the defaults.
func Defaults() *Options {
	return &Options{
		Options: relay.Defaults(name), Formats: []string{httpStream}, Prefix: "live-", MaxBytes: 250_000, Path: name + "/{channel_id}/",
	}
}

// Module registers the relay as "grip".
var Module = publisher.Register(name, Defaults(), New)

// Publisher relays to a proxy, and answers the readers that come through it.
type Publisher struct {
	*relay.Relay
	routes []route.Route
}

var _ publisher.Publisher = (*Publisher)(nil)

// New returns the publisher. The error is a motacilla.ErrInvalid that names the option.
func New(kit *relay.Kit, options *Options) (*Publisher, error) {
	o := options.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	proxy, err := newVerifier(o.VerifyKey, o.VerifyIssuer)
	if err != nil {
		return nil, err
	}
	r, err := relay.New(kit, &hub{kit, o}, &o.Options, relay.Traits{Name: name, Format: event, MaxBytes: o.MaxBytes})
	if err != nil {
		return nil, err
	}
	origin := &origin{o, kit.Feed, proxy, newLinks(o)}
	// Many, since a request of the proxy itself has no permission but its link's: the handler asks for all others.
	return &Publisher{r, []route.Route{{Pattern: o.Path, Handler: origin, Many: true}}}, nil
}

// URLs returns the route for readers behind the proxy.
func (p *Publisher) URLs() []route.Route { return p.routes }

func (o *Options) withDefaults() *Options {
	d, all := Defaults(), *o
	if len(all.Formats) == 0 {
		all.Formats = d.Formats
	}
	if all.Prefix == "" {
		all.Prefix = d.Prefix
	}
	if all.MaxBytes <= 0 {
		all.MaxBytes = d.MaxBytes
	}
	if all.Path == "" {
		all.Path = d.Path
	}
	return &all
}

func (o *Options) validate() error {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return motacilla.Invalid("url", "must be an http or https URL, such as http://127.0.0.1:5561/publish/")
	}
	if o.Issuer != "" && o.Key == "" {
		return motacilla.Invalid("key", "must be set, since issuer is")
	}
	if isPEM(o.VerifyKey) && o.Key == "" {
		return motacilla.Invalid("key", "must be set, since verify_key is no secret")
	}
	for _, f := range o.Formats {
		if !slices.Contains([]string{httpStream, httpResponse, wsMessage}, f) {
			return motacilla.Invalid("formats", "must be http-stream, http-response or ws-message, not %q", f)
		}
	}
	if _, err := motacilla.ParseChannelID(o.Prefix); err != nil {
		return motacilla.Invalid("prefix", "must be of the characters of a channel's ID, not %q", o.Prefix)
	}
	return nil
}

// channel returns the name of a channel at the proxy. A channel that becomes private has another one, so that who follows it as a
// public one hears nothing more.
func (o *Options) channel(ch motacilla.ChannelID, private bool) string {
	if private {
		return "private/" + o.Prefix + string(ch)
	}
	return o.Prefix + string(ch)
}

// event is the format of an update in a stream: a server-sent event.
var event = &publisher.Format{Name: name, Append: func(dst []byte, u *motacilla.Update) []byte {
	dst = append(dst, "id: "...)
	dst = strconv.AppendInt(dst, int64(u.Revision), 10)
	dst = append(dst, "\ndata: "...)
	dst = u.AppendJSON(dst)
	return append(dst, "\n\n"...)
}}

// hub is a proxy.
type hub struct {
	kit *relay.Kit
	o   *Options
}

var _ relay.Hub = (*hub)(nil)

// item is what is published to one channel. Proxies hold a connection's ID. If PrevID is another one, they ask the origin for what is
// missing.
type item struct {
	Channel string         `json:"channel"`
	ID      string         `json:"id,omitempty"`
	PrevID  string         `json:"prev-id,omitempty"`
	Formats map[string]any `json:"formats"`
}

type content struct {
	Action  string `json:"action,omitempty"`
	Content string `json:"content,omitempty"`
	Body    string `json:"body,omitempty"`
}

// Push implements relay.Hub.
func (h *hub) Push(ctx context.Context, m *relay.Message) error {
	body, err := json.Marshal(map[string]any{"items": h.items(m)})
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if h.o.Key != "" {
		token, err := h.token()
		if err != nil {
			return err
		}
		header.Set("Authorization", "Bearer "+token)
	}
	_, err = relay.Call(ctx, h.kit.Hubs, h.o.URL, header, body)
	return err
}

// items returns the message. A notice has no previous ID. That differs from every reader's, so the proxy does not send the notice, but
// asks the origin. After the last update of a channel, connections are closed.
func (h *hub) items(m *relay.Message) []item {
	i := item{Channel: h.o.channel(m.Channel, m.Private()), ID: m.Revision.String(), Formats: map[string]any{}}
	for _, f := range h.o.Formats {
		switch f {
		case httpStream:
			i.Formats[f] = content{Content: string(m.Encode(event))}
		case httpResponse:
			i.Formats[f] = content{Body: string(m.Encode(publisher.JSON))}
		case wsMessage:
			i.Formats[f] = content{Content: string(m.Encode(publisher.JSON))}
		}
	}
	if !m.Notice {
		i.PrevID = m.From.String()
	}
	if !m.Gone || !slices.Contains(h.o.Formats, httpStream) {
		return []item{i}
	}
	end := item{Channel: i.Channel, PrevID: i.ID, Formats: map[string]any{httpStream: content{Action: "close"}}}
	return []item{i, end}
}

// token returns what authorises a request to publish: the key itself, or a token that lives for a minute.
func (h *hub) token() (string, error) {
	if h.o.Issuer == "" {
		return h.o.Key, nil
	}
	claims := jwt.RegisteredClaims{Issuer: h.o.Issuer, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute))}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secretOf(h.o.Key))
}
