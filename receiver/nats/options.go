package nats

import (
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/natsconn"
	"github.com/motacilla-live/motacilla/receiver/webhook"
)

// Connection are the settings of the connection to NATS.
type Connection = natsconn.Options

// Options are the receiver's settings: a source at NATS, and how its documents become posts. What an entry leaves out, its preset has.
type Options struct {
	Connection

	Name     string        `key:"name" doc:"the source's name: its posts have it; default: the preset's, or nats"`
	Subjects []string      `key:"subjects" doc:"subjects of the documents, such as scores.{channel_id}; * and > may be used"`
	Stream   string        `key:"stream" doc:"stream of JetStream that has the subjects; without one, what nobody takes at once is lost"`
	Consumer string        `key:"consumer" doc:"name of the stream's consumer that all nodes share; default: motacilla-NAME"`
	Begin    string        `key:"begin" choices:"new,all" doc:"whether a new consumer begins with what comes from then on, or with all"` // new
	AckWait  time.Duration `key:"ack_wait" min:"1s" doc:"after how long a document of a node that died goes to another node; default 30s"`
	MaxBody  int           `key:"max_body" doc:"the largest document, in bytes" min:"1024" max:"8388608"` // 1 MiB

	Mapping
}

// Mapping is how documents become posts: see [webhook.Options].
type Mapping struct {
	Preset    string   `key:"preset" doc:"a mapping to begin with, such as github-releases; motacilla webhook presets lists them"`
	EventFrom string   `key:"event_header" doc:"the header that names the kind of document"`
	Events    []string `key:"events" doc:"the kinds of documents that are taken; others are ignored"`
	Channel   string   `key:"channel" doc:"template: the channel's ID; default: {channel_id} of the subject"`
	Each      string   `key:"each" doc:"path: the parts of the document that become one post each; default: the whole document"`
	When      []string `key:"when" doc:"conditions: a part becomes a post if all of them hold"`
	MessageID string   `key:"message_id" doc:"template: the part's ID; a part with the same ID edits its post; default: a hash of the part"`
	Version   string   `key:"version" doc:"template: a number or a time that grows with each edit; default: when the stream stored it"`
	Author    string   `key:"author" doc:"template: the author"`
	Created   string   `key:"created" doc:"template: the post's time, RFC 3339 or seconds; default: when the stream stored the document"`
	Title     string   `key:"title" doc:"template: the first line, in bold"`
	Link      string   `key:"link" doc:"template: the address that the title leads to"`
	Text      string   `key:"text" doc:"template in HTML: what the post says; values are escaped"`
	Image     []string `key:"image" doc:"paths: addresses of images, which are fetched"`
	ImageAlt  string   `key:"image_alt" doc:"template: what the images show"`
	Pinned    []string `key:"pinned" doc:"conditions: the post is pinned if all of them hold"`
	KeyEvent  []string `key:"key_event" doc:"conditions: the post is a key event if all of them hold"`
	Hidden    []string `key:"hidden" doc:"conditions: the post is hidden if all of them hold"`
	Remove    []string `key:"remove" doc:"conditions: the post is removed if all of them hold"`
}

const (
	defaultAckWait = 30 * time.Second
	defaultMaxBody = 1 << 20
	beginAll       = "all"
)

func defaults() *Options { return &Options{Begin: "new", MaxBody: defaultMaxBody} }

// Facts about a document, which templates get as headers. A sender's own headers of these names are not looked at.
const (
	subjectHeader  = "Nats-Subject"
	channelHeader  = "Nats-Channel"  // {channel_id} of the subject
	sequenceHeader = "Nats-Sequence" // in the stream
	timeHeader     = "Nats-Time"     // when the stream stored it, RFC 3339
	versionHeader  = "Nats-Version"  // the same in nanoseconds since 1970
)

// complete returns o with the defaults, and the mapping. The error is a motacilla.ErrInvalid that names the option.
func (o *Options) complete() (*Options, *webhook.Options, error) {
	c := *o
	if c.MaxBody == 0 {
		c.MaxBody = defaultMaxBody
	}
	m := &webhook.Options{
		Name: c.Name, Preset: c.Preset, EventFrom: c.EventFrom, Events: c.Events, Channel: c.Channel, Each: c.Each, When: c.When,
		MessageID: c.MessageID, Version: c.Version, Author: c.Author, Created: c.Created, Title: c.Title, Link: c.Link, Text: c.Text,
		Image: c.Image, ImageAlt: c.ImageAlt, Pinned: c.Pinned, KeyEvent: c.KeyEvent, Hidden: c.Hidden, Remove: c.Remove, MaxBody: c.MaxBody,
	}
	var preset webhook.Options
	if c.Preset != "" {
		p, err := webhook.FindPreset(c.Preset)
		if err != nil {
			return nil, nil, err
		}
		preset = p.Options
	}
	if m.Name == "" && c.Preset == "" {
		m.Name = name
	}
	named := true // each subject names a channel
	for _, s := range c.Subjects {
		named = named && strings.Contains(s, variable)
	}
	if m.Channel == "" && preset.Channel == "" && named {
		m.Channel = header(channelHeader)
	}
	if c.Stream != "" {
		if m.Created == "" && preset.Created == "" {
			m.Created = header(timeHeader)
		}
		if m.Version == "" && preset.Version == "" && (m.MessageID != "" || preset.MessageID != "") {
			m.Version = header(versionHeader)
		}
	}
	return &c, m, c.check()
}

// header is the template of a header.
func header(name string) string { return `{{header "` + name + `"}}` }

func (o *Options) check() error {
	if len(o.Subjects) == 0 {
		return motacilla.Invalid("subjects", "must have at least one subject, such as scores.{channel_id}")
	}
	for _, s := range []struct{ option, text string }{{"stream", o.Stream}, {"consumer", o.Consumer}} {
		if strings.ContainsAny(s.text, " \t\r\n.*>/\\") {
			return motacilla.Invalid(s.option, "must be a name without spaces and . * > / \\, not %q", s.text)
		}
	}
	return nil
}
