// Package chat says posts in Slack, on Mastodon and on Bluesky, each once. A chat shows messages and keeps no state: what becomes of
// a post later is not said.
//
// # Wire
//
// Slack gets a call of an incoming webhook, Mastodon POST /api/v1/statuses, and Bluesky com.atproto.repo.putRecord.
//
// # Resuming
//
// The store has which posts were said. Mastodon and Bluesky also know a repetition by its key.
//
// # Options
//
// {type: slack-out, url: ...}, {type: mastodon-out, server: ..., token: ..., visibility: ..., language: ...}, {type: bluesky-out,
// handle: ..., password: ..., server: ..., languages: ...}, each with key_events, template, limit, max_age and allow, and those of
// every relay. docs/chats-out.md has the rest.
//
// # Limits
//
// A text that is longer than the chat takes is cut at a word. Posts that are older than a day are not said. Images are not sent.
package chat

import (
	"context"
	"net/url"
	"strings"
	"text/template"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// Options are the settings that all chats have. Zero fields mean the defaults, except KeyEvents, which the configuration has on.
type Options struct {
	relay.Options
	KeyEvents bool          `key:"key_events" doc:"only posts that are key events"`
	Template  string        `key:"template" doc:"what is said, in Go's text/template; default: the text and the page's URL"`
	Limit     int           `key:"limit" min:"50" max:"40000" doc:"the most characters that the chat takes; longer texts are cut at a word"`
	MaxAge    time.Duration `key:"max_age" min:"1m" max:"168h" doc:"posts that are older when their turn comes are not said"` // 24h
	Allow     []string      `key:"allow" doc:"private networks that the chat's server may be in, such as 10.1.0.0/16"`        // none
}

// defaultTemplate says the text and where the page is.
const defaultTemplate = "{{.Text}}{{with .URL}}\n\n{{.}}{{end}}"

// configuration returns the defaults of a chat.
func configuration(name string, limit int) Options {
	o := Options{Options: relay.Defaults(name), KeyEvents: true, Limit: limit, MaxAge: 24 * time.Hour}
	o.Pushes, o.Timeout, o.Backoff = 1, 30*time.Second, 15*time.Minute
	return o
}

// complete puts defaults in the place of zero fields.
func (o *Options) complete(d Options) {
	set(&o.Template, defaultTemplate)
	set(&o.Limit, d.Limit)
	set(&o.MaxAge, d.MaxAge)
	set(&o.Pushes, d.Pushes)
	set(&o.Timeout, d.Timeout)
	set(&o.Backoff, d.Backoff)
}

func set[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// Post is what a template is about.
type Post struct {
	Text      string // plain, one line for each paragraph
	Title     string // of the channel
	Author    string
	URL       string // of the channel's page; empty unless server.public_url is configured
	Channel   motacilla.ChannelID
	KeyEvent  bool
	ID        motacilla.PostID
	Published time.Time
}

// service is a chat.
type service interface {
	// escape returns text as the chat wants it inside of a message.
	escape(text string) string
	// fits reports whether the chat takes a message of this text if its limit is most characters.
	fits(text string, most int) bool
	// say says a text. key is the same if it is said again.
	say(ctx context.Context, text, key string, p *Post) error
}

// Publisher says posts in one chat. It is a publisher.Publisher without routes.
type Publisher struct {
	*relay.Relay
	client *outbound.Client
}

// Shutdown implements publisher.Publisher.
func (p *Publisher) Shutdown(ctx context.Context) error {
	defer p.client.Close()
	return p.Relay.Shutdown(ctx)
}

// hub says posts for a relay.
type hub struct {
	kit      *relay.Kit
	o        *Options
	relay    string // its name
	template *template.Template
	seen     *work.Seen
	chat     service
	log      *zap.Logger
}

// remembered is how long it is known that a post was said: longer than the longest MaxAge.
const remembered = 30 * 24 * time.Hour

// newPublisher returns a publisher to a chat, which connect makes.
func newPublisher(kit *relay.Kit, name string, o *Options, connect func(*outbound.Client) service) (*Publisher, error) {
	t, err := template.New(name).Parse(o.Template)
	if err == nil {
		err = t.Execute(new(strings.Builder), Post{})
	}
	if err != nil {
		return nil, motacilla.Invalid("template", "is wrong: %v", err)
	}
	client, err := kit.Target(o.Allow, o.Timeout)
	if err != nil {
		return nil, err
	}
	h := &hub{kit: kit, o: o, template: t, seen: work.NewSeen(kit.Source.Records(), "chat", remembered), chat: connect(client)}
	r, err := relay.New(kit, h, &o.Options, relay.Traits{Name: name})
	if err != nil {
		return nil, err
	}
	h.relay = r.Name()
	if h.log = kit.Logger; h.log == nil {
		h.log = zap.NewNop()
	}
	h.log = h.log.With(zap.String("relay", h.relay))
	return &Publisher{r, client}, nil
}

// server checks the URL of a chat's server.
func server(key, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return motacilla.Invalid(key, "must be an https or http URL without a user")
	}
	return nil
}
