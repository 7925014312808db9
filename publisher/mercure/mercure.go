// Package mercure pushes updates to a hub of Mercure (mercure.rocks), which sends them to readers as server-sent events.
//
// # Wire
//
// Each channel is a topic of the hub. An update is pushed as the data of a POST to the hub, and is what readers get as the data of an
// event. Private channels are pushed as private updates: the hub sends them only to those whose token has the topic. docs/mercure.md has
// the rest.
//
// # Resuming
//
// The ID of an event is the topic with the update's revisions. A hub with history resumes with Last-Event-ID. A reader that lacks
// something all the same asks the origin.
//
// # Options
//
// {type: mercure, url: ..., key: ..., topic: ...}, and those of every relay.
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
)

// Options are the publisher's settings. nil and zero fields mean the defaults.
type Options struct {
	relay.Options

	URL      string `key:"url" required:"true" doc:"of the hub, such as https://hub.example.com/.well-known/mercure"`
	Key      string `key:"key" secret:"true" doc:"the hub's key for publishers, with which tokens are signed (HS256)"`
	Token    string `key:"token" secret:"true" doc:"a token that allows to publish on all topics, instead of key"`
	Topic    string `key:"topic" doc:"topic of a channel, with {channel_id}"`                                   // urn:motacilla:{channel_id}
	MaxBytes int    `key:"max_bytes" min:"1000" doc:"readers ask the origin for an update that has more bytes"` // 1000000
}

const (
	name     = "mercure"
	variable = "{channel_id}"

	defaultTopic    = "urn:motacilla:" + variable
	defaultMaxBytes = 1_000_000
)

// Defaults returns the defaults.
func Defaults() *Options {
	return &Options{Options: relay.Defaults(name), Topic: defaultTopic, MaxBytes: defaultMaxBytes}
}

// Module registers the publisher as "mercure".
var Module = publisher.Register(name, Defaults(), New)

// hub is Mercure's.
type hub struct {
	client *outbound.Client
	url    string
	topic  string
	key    string
	token  string
}

var _ relay.Hub = (*hub)(nil)

// New returns the relay to a hub. The error is a motacilla.ErrInvalid that names the option.
func New(kit *relay.Kit, o *Options) (*relay.Relay, error) {
	if u, err := url.Parse(o.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, motacilla.Invalid("url", "must be the hub's URL, such as https://hub.example.com/.well-known/mercure")
	}
	switch {
	case o.Key == "" && o.Token == "":
		return nil, motacilla.Invalid("key", "must be the hub's key for publishers, or token must be set")
	case o.Key != "" && o.Token != "":
		return nil, motacilla.Invalid("token", "must not be set if key is")
	}
	h := &hub{client: kit.Hubs, url: o.URL, topic: o.Topic, key: o.Key, token: o.Token}
	if h.topic == "" {
		h.topic = defaultTopic
	}
	if strings.Count(h.topic, variable) != 1 || strings.ContainsAny(strings.Replace(h.topic, variable, "", 1), "{}#") {
		return nil, motacilla.Invalid("topic", "must have {channel_id} once, no other braces and no #, not %q", o.Topic)
	}
	most := o.MaxBytes
	if most == 0 {
		most = defaultMaxBytes
	}
	return relay.New(kit, h, &o.Options, relay.Traits{Name: name, MaxBytes: most})
}

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
