// Package centrifugo pushes updates to Centrifugo (centrifugal.dev), whose clients get them over WebSocket, server-sent events and more.
//
// # Wire
//
// Each channel is a channel of Centrifugo's. An update is published by the server API over HTTP, and is the data of a publication. Private
// channels have names of their own, for which Centrifugo demands a token. docs/centrifugo.md has the rest.
//
// # Resuming
//
// A namespace with history resumes by Centrifugo's own offsets. A reader that lacks something all the same asks the origin.
//
// # Options
//
// {type: centrifugo, url: ..., key: ..., channel: ..., private_channel: ...}, and those of every relay.
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

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

// Options are the publisher's settings. nil and zero fields mean the defaults.
type Options struct {
	relay.Options

	URL            string `key:"url" required:"true" doc:"of the server API, such as https://centrifugo.example.com/api"`
	Key            string `key:"key" secret:"true" doc:"of the server API (http_api.key)"`
	Channel        string `key:"channel" doc:"name of a channel in Centrifugo: a namespace, a colon and {channel_id}"`   // live:{channel_id}
	PrivateChannel string `key:"private_channel" doc:"the same for private channels; $ makes Centrifugo demand a token"` // $live:{channel_id}
	MaxBytes       int    `key:"max_bytes" min:"1000" doc:"readers ask the origin for an update that has more bytes"`    // 500000
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
	return &Options{
		Options: relay.Defaults(name), Channel: defaultChannel, PrivateChannel: defaultPrivateChannel, MaxBytes: defaultMaxBytes,
	}
}

// Module registers the publisher as "centrifugo".
var Module = publisher.Register(name, Defaults(), New)

// hub is a Centrifugo.
type hub struct {
	client          *outbound.Client
	url             string
	header          http.Header
	public, private string
}

var _ relay.Hub = (*hub)(nil)

// New returns the relay to a Centrifugo. The error is a motacilla.ErrInvalid that names the option.
func New(kit *relay.Kit, o *Options) (*relay.Relay, error) {
	h, err := newHub(kit, o)
	if err != nil {
		return nil, err
	}
	most := o.MaxBytes
	if most == 0 {
		most = defaultMaxBytes
	}
	return relay.New(kit, h, &o.Options, relay.Traits{Name: name, MaxBytes: most})
}

func newHub(kit *relay.Kit, o *Options) (*hub, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, motacilla.Invalid("url", "must be the URL of the server API, such as https://centrifugo.example.com/api")
	}
	h := &hub{client: kit.Hubs, url: u.JoinPath("publish").String(), public: o.Channel, private: o.PrivateChannel}
	h.header = http.Header{"Content-Type": {"application/json"}}
	if o.Key != "" {
		h.header.Set("X-Api-Key", o.Key)
	}
	if h.public == "" {
		h.public = defaultChannel
	}
	if h.private == "" {
		h.private = defaultPrivateChannel
	}
	if err := validTemplate("channel", h.public); err != nil {
		return nil, err
	}
	if err := validTemplate("private_channel", h.private); err != nil {
		return nil, err
	}
	if o.Private && h.public == h.private {
		return nil, motacilla.Invalid("private_channel", "must be another one than channel, since readers need no token there")
	}
	return h, nil
}

// validTemplate checks the name of channels. It must have a namespace: otherwise the part of an ID before a colon would be taken for one.
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

// Push implements relay.Hub.
func (h *hub) Push(ctx context.Context, m *relay.Message) error {
	template := h.public
	if m.Private() {
		template = h.private
	}
	answer, err := relay.Call(ctx, h.client, h.url, h.header, request(ChannelName(template, m.Channel), m))
	if err != nil {
		return err
	}
	return verdict(answer)
}

// request returns the body of a publish request. What is pushed again has the same idempotency key, and is not sent twice within five
// minutes. The version keeps out what comes late, of a leader whose term is over: a channel's revisions only grow, also if it is deleted
// and made again. Centrifugo looks at it only in namespaces with history.
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

// verdict returns the error of an answer with the status 200. None is permanent: all requests are alike, so an error comes of how
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
