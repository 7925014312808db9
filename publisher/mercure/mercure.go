// Package mercure pushes updates to a hub of Mercure (mercure.rocks), which sends them to readers as server-sent events.
//
// # Wire
//
// Each channel is a topic of the hub. An update is pushed as the data of a POST to the hub, and is what readers get as the data of
// an event. Private channels are pushed as private updates: the hub sends them only to those whose token has the topic.
// docs/mercure.md has the rest.
//
// # Resuming
//
// The ID of an event is the topic with the update's revisions. A hub with history resumes with Last-Event-ID. A reader that lacks
// something all the same asks the origin.
//
// # Options
//
// {type: mercure, url: ..., key: ..., topic: ..., readers: ..., subscriber_key: ...}, and those of every relay.
//
// # Limits
//
// An update that is larger than max_bytes is replaced by a notice.
package mercure

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
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

	URL      string `key:"url" required:"true" doc:"of the hub, such as https://hub.example.com/.well-known/mercure"`
	Key      string `key:"key" secret:"true" doc:"the hub's key for publishers, which signs tokens (HS256)"`
	Token    string `key:"token" secret:"true" doc:"a token that allows to publish on all topics, instead of key"`
	Topic    string `key:"topic" doc:"topic of a channel, with {channel_id}"`                                                 // urn:motacilla:{channel_id}
	MaxBytes int    `key:"max_bytes" min:"1000" max:"3000000" doc:"readers ask the origin for an update that has more bytes"` // 1000000

	SubscriberKey string `key:"subscriber_key" secret:"true" doc:"the hub's key for subscribers, which signs readers' tokens (HS256)"`
}

const (
	name     = "mercure"
	variable = "{channel_id}"

	defaultTopic    = "urn:motacilla:" + variable
	defaultMaxBytes = 1_000_000 // the hub takes a form of 10 MB, which may be three times as long as what is in it
)

// Defaults returns the defaults.
func Defaults() *Options {
	readers := relay.ReaderOptions{Path: name + "/" + variable + "/", Check: time.Minute}
	return &Options{Options: relay.Defaults(name), ReaderOptions: readers, Topic: defaultTopic, MaxBytes: defaultMaxBytes}
}

// Module registers the publisher as "mercure".
var Module = publisher.Register(name, Defaults(), New)

// Publisher pushes to a hub, and tells readers how to follow it.
type Publisher struct {
	*relay.Relay

	routes []route.Route
}

var _ publisher.Publisher = (*Publisher)(nil)

// New returns the publisher. The error is a motacilla.ErrInvalid that names the option.
func New(kit *relay.Kit, o *Options) (*Publisher, error) {
	d := *o
	if d.Topic == "" {
		d.Topic = defaultTopic
	}
	if d.MaxBytes == 0 {
		d.MaxBytes = defaultMaxBytes
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	h := &hub{client: kit.Hubs, url: d.URL, topic: d.Topic, key: d.Key, token: d.Token}
	r, err := relay.New(kit, h, &d.Options, relay.Traits{Name: name, MaxBytes: d.MaxBytes})
	if err != nil {
		return nil, err
	}
	return &Publisher{r, r.TicketRoute(name, &d.ReaderOptions, d.ticket)}, nil
}

// URLs returns the route that tells readers of the hub, if they are to know of it.
func (p *Publisher) URLs() []route.Route { return p.routes }

func (o *Options) check() error {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return motacilla.Invalid("url", "must be the hub's URL, such as https://hub.example.com/.well-known/mercure")
	case o.Key == "" && o.Token == "":
		return motacilla.Invalid("key", "must be the hub's key for publishers, or token must be set")
	case o.Key != "" && o.Token != "":
		return motacilla.Invalid("token", "must not be set if key is")
	case strings.Count(o.Topic, variable) != 1 || strings.ContainsAny(strings.Replace(o.Topic, variable, "", 1), "{}#"):
		return motacilla.Invalid("topic", "must have {channel_id} once, no other braces and no #, not %q", o.Topic)
	case o.Readers != "" && o.Private && o.SubscriberKey == "":
		return motacilla.Invalid("subscriber_key", "must be set, since readers of private channels need tokens")
	}
	return relay.CheckReaders(&o.ReaderOptions, "https", "http")
}

// hub is Mercure's.
type hub struct {
	client *outbound.Client
	url    string
	topic  string
	key    string
	token  string
}

var _ relay.Hub = (*hub)(nil)

// Topic returns the topic of a channel, for the option topic. An empty one is the default.
func Topic(template string, ch motacilla.ChannelID) string {
	if template == "" {
		template = defaultTopic
	}
	return strings.Replace(template, variable, string(ch), 1)
}

// Push implements relay.Hub.
func (h *hub) Push(ctx context.Context, m *relay.Message) error {
	topic := Topic(h.topic, m.Channel)
	token := h.token
	if h.key != "" {
		var err error
		if token, err = PublisherToken(h.key, time.Now().Add(tokenLife), topic); err != nil {
			return err
		}
	}
	form := url.Values{
		"topic": {topic},
		"id":    {fmt.Sprintf("%s#%d-%d", topic, m.From, m.Revision)}, // an IRI, and another one for each update of the hub
		"data":  {string(m.Encode(publisher.JSON))},
	}
	if m.Private() {
		form.Set("private", "on")
	}
	_, err := relay.Call(ctx, h.client, h.url, http.Header{
		"Authorization": {"Bearer " + token}, "Content-Type": {"application/x-www-form-urlencoded"},
	}, []byte(form.Encode()))
	return err
}
