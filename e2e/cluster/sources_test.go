package cluster

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
)

// source is where messages come from.
type source struct {
	name   string
	images bool // whether its messages may have the gallery's image, which the node fetches
	// config returns the receiver's line of the configuration, or "" if every node has it. api is the URL of the gallery, which
	// answers for the source.
	config func(api string) string
	// request makes the request by which the source delivers a message to the node at base.
	request func(base, api string, m sourceMessage) (*http.Request, error)
}

// channel is the channel that the source feeds.
func (s source) channel() motacilla.ChannelID { return motacilla.ChannelID("match-" + s.name) }

// sourceMessage is a message of a source.
type sourceMessage struct {
	id    int // from 1
	text  string
	image bool
}

// The secrets of the sources.
const (
	slackSecret   = "a-signing-secret"
	telegramToken = "123456789:AAE-token_of_the_cluster_0123456789abcd"
	webhookSecret = "a-secret-of-the-webhook"
)

// sources are the receivers of the tests below.
func sources() []source {
	return []source{
		{"webapp", false, func(string) string { return "" }, webappRequest},
		{"pictures", true, func(string) string { return "{type: pictures}" }, picturesRequest},
		{"webhook", true, func(string) string {
			return fmt.Sprintf(`{type: webhook, name: cluster, verify: bearer, secrets: [%s], channel: match-webhook, message_id: "m{{.id}}", text: "{{.text}}", image: [$.image]}`,
				webhookSecret)
		}, webhookRequest},
		{"slack", true, func(api string) string {
			return fmt.Sprintf(`{type: slack, bot_token: xoxb-1, signing_secret: %s, channels: [C024BE91L=match-slack], authors: false, check: false, api_url: "%s/api/"}`,
				slackSecret, api)
		}, slackRequest},
		{"telegram", true, func(api string) string {
			return fmt.Sprintf(`{type: telegram, token: "%s", secret: %s, channels: ["-100123=match-telegram"], api: "%s"}`, telegramToken, webhookSecret, api)
		}, telegramRequest},
	}
}

func webappRequest(base, _ string, m sourceMessage) (*http.Request, error) {
	r, err := jsonRequest(base+"/api/channels/match-webapp/posts", map[string]any{"message_id": fmt.Sprint(m.id), "text": m.text})
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r, err
}

func picturesRequest(base, api string, m sourceMessage) (*http.Request, error) {
	body := map[string]any{"channel": "match-pictures", "id": fmt.Sprint(m.id), "text": m.text}
	if m.image {
		body["image"] = api + picture
	}
	return jsonRequest(base+"/pictures", body)
}

func webhookRequest(base, api string, m sourceMessage) (*http.Request, error) {
	body := map[string]any{"id": m.id, "text": m.text}
	if m.image {
		body["image"] = api + picture
	}
	r, err := jsonRequest(base+"/hooks/cluster", body)
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+webhookSecret)
	}
	return r, err
}

// slackRequest is an event of https://docs.slack.dev/reference/events/message.
func slackRequest(base, api string, m sourceMessage) (*http.Request, error) {
	event := map[string]any{
		"type": "message", "channel": "C024BE91L", "channel_type": "channel", "user": "U024BE7LH", "text": m.text,
		"ts": fmt.Sprintf("1700000000.%06d", m.id),
	}
	if m.image {
		event["subtype"] = "file_share"
		event["files"] = []any{map[string]any{
			"id": "F024BERPE", "name": "goal.png", "mimetype": "image/png", "filetype": "png", "mode": "hosted",
			"url_private": api + picture, "url_private_download": api + picture, "created": 1700000000,
		}}
	}
	body, err := json.Marshal(map[string]any{
		"type": "event_callback", "team_id": "T024BE7LD", "event_id": fmt.Sprintf("Ev%08d", m.id), "event_time": 1700000000, "event": event,
	})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, base+"/hooks/slack", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	now := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, []byte(slackSecret))
	fmt.Fprintf(mac, "v0:%s:%s", now, body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Slack-Request-Timestamp", now)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return r, nil
}

// telegramRequest is an update of https://core.telegram.org/bots/api#update.
func telegramRequest(base, _ string, m sourceMessage) (*http.Request, error) {
	message := map[string]any{
		"message_id": m.id, "date": 1760000000 + m.id, "chat": map[string]any{"id": -100123, "type": "supergroup", "title": "Desk"},
		"from": map[string]any{"id": 7, "is_bot": false, "first_name": "Ann"},
	}
	if m.image {
		message["caption"] = m.text
		message["photo"] = []any{map[string]any{"file_id": "f1", "file_unique_id": "u1", "width": 800, "height": 600, "file_size": 1000}}
	} else {
		message["text"] = m.text
	}
	r, err := jsonRequest(base+"/telegram/123456789", map[string]any{"update_id": m.id, "message": message})
	if err == nil {
		r.Header.Set("X-Telegram-Bot-Api-Secret-Token", webhookSecret)
	}
	return r, err
}

func jsonRequest(url string, body any) (*http.Request, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(text))
	if err == nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, err
}
