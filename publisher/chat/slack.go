package chat

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

const slackName = "slack-out"

// SlackOptions are the settings of a Slack channel.
type SlackOptions struct {
	Options
	URL string `key:"url" required:"true" secret:"true" doc:"of the incoming webhook, https://hooks.slack.com/services/…"`
}

func slackConfiguration() *SlackOptions {
	return &SlackOptions{Options: configuration(slackName, 3000)}
}

// NewSlack returns the publisher to a Slack channel, by an incoming webhook. The error is a motacilla.ErrInvalid that names the
// option.
func NewSlack(kit *relay.Kit, o *SlackOptions) (*Publisher, error) {
	c := *o
	c.complete(slackConfiguration().Options)
	if err := server("url", c.URL); err != nil {
		return nil, err
	}
	return newPublisher(kit, slackName, &c.Options, func(client *outbound.Client) service { return &slack{client, c.URL} })
}

// slack implements service. A webhook can't tell whether it was called before, so a post may be said twice if the node dies in the
// moment between Slack's answer and the record.
type slack struct {
	client *outbound.Client
	url    string
}

// slackEscapes are the three characters that mean something in Slack's markup outside of words.
var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (*slack) escape(text string) string { return slackEscapes.Replace(text) }

func (*slack) fits(text string, most int) bool { return length(text) <= most }

func (s *slack) say(ctx context.Context, text, _ string, _ *Post) error {
	_, err := call(ctx, s.client, s.url, nil, map[string]any{"text": text})
	return err
}

// call posts JSON.
func call(ctx context.Context, client *outbound.Client, url string, header http.Header, body any) ([]byte, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	return relay.Call(ctx, client, url, header, data)
}
