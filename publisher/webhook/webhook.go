// Package webhook pushes updates to programs of others, signed as Standard Webhooks says (standardwebhooks.com, version 1.0.0). Each
// entry of the configuration is one target.
//
// # Wire
//
// A target gets a POST of JSON: an envelope with type, timestamp and data, and in data.update the update as every transport has it.
// docs/webhooks-out.md has the rest.
//
// # Resuming
//
// The store has how far the target is. What it refuses for good, or does not take for a day, is a letter, which can be sent again.
//
// # Options
//
// {type: webhook, name: ..., url: ..., secrets: ..., allow: ..., patience: ...}, and those of every relay.
//
// # Limits
//
// An update that is larger than 1 MiB is replaced by a notice. Redirects are not followed, and private addresses are called only if
// allow has them.
package webhook

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

const name = "webhook"

// maxBytes is the most that an update may have. A target gets a notice in the place of a larger one.
const maxBytes = 1 << 20

// Options are the settings of one target. Zero fields mean the defaults.
type Options struct {
	relay.Options
	URL      string        `key:"url" required:"true" secret:"true" doc:"of the target; its path may be a secret"`
	Secrets  []string      `key:"secrets" required:"true" secret:"true" doc:"whsec_ and base64 of 24 to 64 bytes; two while one is replaced"`
	Allow    []string      `key:"allow" doc:"private networks that this target may be in, such as 10.1.0.0/16"`
	Patience time.Duration `key:"patience" min:"1s" doc:"how old an update may be that the target does not take; then it is a letter"` // 24h
}

// configuration returns the defaults.
func configuration() *Options {
	o := &Options{Options: relay.Defaults(name), Patience: 24 * time.Hour}
	o.Timeout, o.Backoff = 20*time.Second, 15*time.Minute
	return o
}

// Target is a target. It is a publisher.Publisher without routes.
type Target struct {
	*relay.Relay
	client *outbound.Client
}

// New returns the publisher to a target. The error is a motacilla.ErrInvalid that names the option.
func New(kit *relay.Kit, o *Options) (*Target, error) {
	c, d := Options{}, configuration()
	if o != nil {
		c = *o
	}
	if c.Timeout == 0 {
		c.Timeout = d.Timeout
	}
	if c.Backoff == 0 {
		c.Backoff = d.Backoff
	}
	if c.Patience == 0 {
		c.Patience = d.Patience
	}
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return nil, motacilla.Invalid("url", "must be an https or http URL without a user")
	}
	keys, err := keys(c.Secrets)
	if err != nil {
		return nil, err
	}
	client, err := kit.Target(c.Allow, c.Timeout)
	if err != nil {
		return nil, err
	}
	h := &hub{kit: kit, client: client, url: c.URL, keys: keys}
	r, err := relay.New(kit, h, &c.Options, relay.Traits{Name: name, MaxBytes: maxBytes, Letters: true, Patience: c.Patience})
	if err != nil {
		return nil, err
	}
	h.relay = r.Name()
	return &Target{r, client}, nil
}

// Shutdown implements publisher.Publisher.
func (t *Target) Shutdown(ctx context.Context) error {
	defer t.client.Close()
	return t.Relay.Shutdown(ctx)
}

// hub is the target.
type hub struct {
	kit    *relay.Kit
	client *outbound.Client
	relay  string // its name
	url    string
	keys   [][]byte
}

// Push implements relay.Hub. An answer with the status 410 says that the target wants nothing any more.
func (h *hub) Push(ctx context.Context, m *relay.Message) error {
	body := h.body(m)
	_, err := relay.Call(ctx, h.client, h.url, h.header(id(h.relay, m), body, time.Now()), body)
	var answer *relay.AnswerError
	if errors.As(err, &answer) && answer.Status == http.StatusGone {
		return relay.Unwanted(err)
	}
	return err
}
