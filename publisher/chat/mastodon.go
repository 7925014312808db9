package chat

import (
	"context"
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

const mastodonName = "mastodon-out"

// MastodonOptions are the settings of an account on Mastodon.
type MastodonOptions struct {
	Options
	Server     string `key:"server" required:"true" doc:"the account's server, such as https://mastodon.example"`
	Token      string `key:"token" required:"true" secret:"true" doc:"an access token of the account that may write:statuses"`
	Visibility string `key:"visibility" choices:"public,unlisted,private" doc:"who sees the posts"`
	Language   string `key:"language" max:"8" doc:"of the posts, such as en; empty leaves it to the server"`
}

func mastodonConfiguration() *MastodonOptions {
	return &MastodonOptions{Options: configuration(mastodonName, 500), Visibility: "public"}
}

// NewMastodon returns the publisher to an account on Mastodon, or on what has its API. The error is a motacilla.ErrInvalid that
// names the option.
func NewMastodon(kit *relay.Kit, o *MastodonOptions) (*Publisher, error) {
	c, d := *o, mastodonConfiguration()
	c.complete(d.Options)
	set(&c.Visibility, d.Visibility)
	if err := server("server", c.Server); err != nil {
		return nil, err
	}
	if c.Token == "" {
		return nil, motacilla.Invalid("token", "must be set")
	}
	return newPublisher(kit, mastodonName, &c.Options, func(client *outbound.Client) service { return &mastodon{client, &c} })
}

// mastodon implements service.
type mastodon struct {
	client *outbound.Client
	o      *MastodonOptions
}

func (*mastodon) escape(text string) string { return text }

// mastodonLink is how many characters a link counts, however long it is.
const mastodonLink = 23

// fits counts a link in full if its host can't be a domain, and from its first bracket on, because the server does. What is counted too
// low is refused, and lost.
func (*mastodon) fits(text string, most int) bool {
	n, from := 0, 0
	for _, l := range linksOf(text) {
		url := text[l[0]:l[1]]
		if !domain.MatchString(url) {
			continue
		}
		url, _, _ = strings.Cut(url, "(")
		n += length(text[from:l[0]]) + mastodonLink
		from = l[0] + len(url)
	}
	return n+length(text[from:]) <= most
}

func (m *mastodon) say(ctx context.Context, text, key string, _ *Post) error {
	header := http.Header{
		"Authorization":   {"Bearer " + m.o.Token},
		"Idempotency-Key": {short.Digest(key)}, // the server knows it for an hour
	}
	body := map[string]any{"status": text, "visibility": m.o.Visibility}
	if m.o.Language != "" {
		body["language"] = m.o.Language
	}
	_, err := call(ctx, m.client, strings.TrimSuffix(m.o.Server, "/")+"/api/v1/statuses", header, body)
	return err
}
