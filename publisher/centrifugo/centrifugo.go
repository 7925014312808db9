// Package centrifugo pushes updates to Centrifugo (centrifugal.dev), whose clients get them over WebSocket, server-sent events and
// more.
//
// # Wire
//
// Each channel is a channel of Centrifugo's. An update is published by the server API over HTTP, and is the data of a publication.
// Private channels have names of their own, for which Centrifugo demands a token. docs/centrifugo.md has the rest.
//
// # Resuming
//
// A namespace with history resumes by Centrifugo's own offsets. A reader that lacks something all the same asks the origin.
//
// # Options
//
// {type: centrifugo, url: ..., key: ..., channel: ..., private_channel: ..., readers: ..., token_key: ...}, and those of every
// relay.
//
// # Limits
//
// An update that is larger than max_bytes is replaced by a notice.
package centrifugo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/route"
)

// Options are the publisher's settings. nil and zero fields mean the defaults.
type Options struct {
	relay.Options
	relay.ReaderOptions

	URL            string `key:"url" required:"true" doc:"of the server API, such as https://centrifugo.example.com/api"`
	Key            string `key:"key" secret:"true" doc:"of the server API (http_api.key)"`
	Channel        string `key:"channel" doc:"name of a channel in Centrifugo: a namespace, a colon and {channel_id}"`   // live:{channel_id}
	PrivateChannel string `key:"private_channel" doc:"the same for private channels; $ makes Centrifugo demand a token"` // $live:{channel_id}
	MaxBytes       int    `key:"max_bytes" min:"1000" doc:"readers ask the origin for an update that has more bytes"`    // 500000

	TokenKey string `key:"token_key" secret:"true" doc:"client.token.hmac_secret_key of Centrifugo, which signs readers' tokens (HS256)"`
}

const (
	name     = "centrifugo"
	variable = "{channel_id}"

	defaultChannel        = "live:" + variable
	defaultPrivateChannel = "$" + defaultChannel
	defaultMaxBytes       = 500_000 // a reader for whom 1 MiB waits is disconnected (client.queue_max_size)
)

// Defaults returns the defaults.
func Defaults() *Options {
	readers := relay.ReaderOptions{Path: name + "/" + variable + "/", Check: time.Minute}
	return &Options{
		Options: relay.Defaults(name), ReaderOptions: readers,
		Channel: defaultChannel, PrivateChannel: defaultPrivateChannel, MaxBytes: defaultMaxBytes,
	}
}

// Module registers the publisher as "centrifugo".
var Module = publisher.Register(name, Defaults(), New)

// Publisher pushes to a Centrifugo, and tells readers how to follow it.
type Publisher struct {
	*relay.Relay

	routes []route.Route
}

var _ publisher.Publisher = (*Publisher)(nil)

// New returns the publisher. The error is a motacilla.ErrInvalid that names the option.
func New(kit *relay.Kit, o *Options) (*Publisher, error) {
	d := o.withDefaults()
	h, err := newHub(kit.Hubs, d)
	if err != nil {
		return nil, err
	}
	r, err := relay.New(kit, h, &d.Options, relay.Traits{Name: name, MaxBytes: d.MaxBytes})
	if err != nil {
		return nil, err
	}
	return &Publisher{r, r.TicketRoute(name, &d.ReaderOptions, d.ticket)}, nil
}

// URLs returns the route that tells readers of Centrifugo, if they are to know of it.
func (p *Publisher) URLs() []route.Route { return p.routes }

func (o *Options) withDefaults() *Options {
	d := *o
	if d.Channel == "" {
		d.Channel = defaultChannel
	}
	if d.PrivateChannel == "" {
		d.PrivateChannel = defaultPrivateChannel
	}
	if d.MaxBytes == 0 {
		d.MaxBytes = defaultMaxBytes
	}
	return &d
}

// hub is a Centrifugo.
type hub struct {
	client *outbound.Client
	url    string
	header http.Header
	o      *Options
}

var _ relay.Hub = (*hub)(nil)

func newHub(client *outbound.Client, o *Options) (*hub, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, motacilla.Invalid("url", "must be the URL of the server API, such as https://centrifugo.example.com/api")
	}
	if err := validTemplate("channel", o.Channel); err != nil {
		return nil, err
	}
	if err := validTemplate("private_channel", o.PrivateChannel); err != nil {
		return nil, err
	}
	switch {
	case o.Private && o.Channel == o.PrivateChannel:
		return nil, motacilla.Invalid("private_channel", "must be another one than channel, since readers need no token there")
	case o.Private && o.Readers != "" && o.TokenKey == "":
		return nil, motacilla.Invalid("token_key", "must be set, since readers of private channels need tokens")
	}
	if err := relay.CheckReaders(&o.ReaderOptions, "https", "http"); err != nil {
		return nil, err
	}
	h := &hub{client: client, url: u.JoinPath("publish").String(), o: o, header: http.Header{"Content-Type": {"application/json"}}}
	if o.Key != "" {
		h.header.Set("X-Api-Key", o.Key)
	}
	return h, nil
}

// validTemplate checks the name of channels. It must have a namespace. Otherwise Centrifugo would take the part of an ID before a
// colon for one.
func validTemplate(option, template string) error {
	before, _, ok := strings.Cut(template, variable)
	if !ok || strings.Count(template, variable) > 1 || !strings.Contains(before, ":") {
		return motacilla.Invalid(option, "must have a namespace and {channel_id} once, as live:{channel_id}, not %q", template)
	}
	return nil
}

// ChannelName returns what a channel is called in Centrifugo, for the option channel or private_channel.
func ChannelName(template string, ch motacilla.ChannelID) string {
	return strings.Replace(template, variable, string(ch), 1)
}

func (o *Options) channelName(ch motacilla.ChannelID, private bool) string {
	if private {
		return ChannelName(o.PrivateChannel, ch)
	}
	return ChannelName(o.Channel, ch)
}

// Push implements relay.Hub.
func (h *hub) Push(ctx context.Context, m *relay.Message) error {
	answer, err := relay.Call(ctx, h.client, h.url, h.header, request(h.o.channelName(m.Channel, m.Private()), m))
	if err != nil {
		return err
	}
	return verdict(answer)
}

// request returns the body of a publish request. What is pushed again has the same idempotency key, and is not sent twice
// within five minutes. The version keeps out what comes late, of a leader whose term is over: a channel's revisions only grow,
// also if it is deleted and made again. Centrifugo looks at it only in namespaces with history.
func request(channel string, m *relay.Message) []byte {
	data := m.Encode(publisher.JSON)
	body := make([]byte, 0, len(data)+512)
	body = append(body, `{"channel":`...)
	body = motacilla.AppendJSONString(body, channel)
	body = append(body, `,"idempotency_key":`...)
	body = motacilla.AppendJSONString(body, m.ID())
	body = append(body, `,"version":`...)
	body = strconv.AppendInt(body, int64(m.Revision), 10)
	body = append(body, `,"data":`...)
	body = append(body, data...)
	return append(body, '}')
}

// verdict returns the error of an answer with the status 200. None is permanent: all requests are alike, so an error is about how
// Centrifugo is set up, such as a namespace that it does not have.
func verdict(answer []byte) error {
	var a struct {
		Error *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
		Result *struct{} `json:"result"`
	}
	if err := json.Unmarshal(answer, &a); err != nil || a.Error == nil && a.Result == nil {
		return fmt.Errorf("the answer is not Centrifugo's: %.200q", answer)
	}
	if a.Error != nil {
		return fmt.Errorf("the server API answers with error %d: %.200q", a.Error.Code, a.Error.Message)
	}
	return nil
}
