package slack_test

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/receivertest"
	"github.com/motacilla-live/motacilla/receiver/slack"
)

const hook = "/hooks/slack"

// suite is a source whose event IDs are made by id, and whose messages are written by say.
func suite(id func(kind string, d receivertest.Delivery) string, say func(m map[string]any, text string)) receivertest.Source {
	ts := func(d receivertest.Delivery) string { return fmt.Sprintf("1700000000.%06d", d.Message) }
	eventTS := func(d receivertest.Delivery) string {
		return fmt.Sprintf("%d.%06d", 1700000000+1000*d.Version, d.Message)
	}
	message := func(d receivertest.Delivery) map[string]any {
		m := newMessage(ts(d), "", "channel", d.Channel, "user_profile", map[string]any{"display_name": d.Author})
		say(m, d.Text)
		return m
	}
	request := func(kind string, event func(d receivertest.Delivery) map[string]any) func(string, receivertest.Delivery) (*http.Request, error) {
		return func(base string, d receivertest.Delivery) (*http.Request, error) {
			e := event(d)
			e["channel"] = d.Channel
			return signed(base+hook, callbackOf(id(kind, d), e)), nil
		}
	}
	post := request("P", message)
	return receivertest.Source{
		New: func(tb testing.TB, kit *receiver.Kit) receiver.Receiver {
			r, err := slack.New(kit, newWorkspace(tb).options(func(o *slack.Options) { o.Channels = nil }), nil)
			if err != nil {
				tb.Fatal(err)
			}
			slack.Patient(r, patience, patience)
			tb.Cleanup(kit.Client.HTTP().CloseIdleConnections)
			return r
		},
		Post: post,
		Edit: request("E", func(d receivertest.Delivery) map[string]any {
			now := message(d)
			now["edited"] = map[string]any{"user": "U024BE7LH", "ts": fmt.Sprintf("%d.000000", 1700000000+1000*d.Version)}
			return changed(eventTS(d), now, nil)
		}),
		Remove: request("R", func(d receivertest.Delivery) map[string]any { return deleted(eventTS(d), ts(d), nil) }),
		Bad: func(base string, d receivertest.Delivery) ([]*http.Request, error) {
			var list []*http.Request
			body := callbackOf("EvBad", message(d))
			bad := func(header, value string) {
				r := signed(base+hook, body)
				r.Header.Set(header, value)
				list = append(list, r)
			}
			bad("X-Slack-Signature", "v0="+strings.Repeat("0", 64))
			bad("X-Slack-Signature", "")
			bad("X-Slack-Request-Timestamp", "soon")
			bad("X-Slack-Request-Timestamp", "")
			stale := signed(base+hook, body)
			timestamp, signature := sign(signingSecret, time.Now().Add(-6*time.Minute), body)
			stale.Header.Set("X-Slack-Request-Timestamp", timestamp)
			stale.Header.Set("X-Slack-Signature", signature)
			list = append(list, stale)
			get := signed(base+hook, nil)
			get.Method = http.MethodGet
			list = append(list, get)
			for _, text := range []string{
				"", "{", "[]", "null", `{"type":"event_callback"}`, `{"type":"event_callback","event_id":"Ev1","event":"x"}`,
				`{"type":"event_callback","event_id":"Ev1","event":{"type":"message","channel":"receivertest","text":"x","ts":"yesterday"}}`,
				`{"type":"event_callback","event_id":"Ev1","event":{"type":"message","channel":"receivertest","text":7,"ts":"1.1"}}`,
				`{"type":"event_callback","event_id":"Ev1","event":{"type":"message","subtype":"message_changed","channel":"receivertest"}}`,
				`{"type":"event_callback","event_id":"Ev1","event":{"type":"message","subtype":"message_deleted","channel":"receivertest"}}`,
				`{"type":"event_callback","event_id":"` + strings.Repeat("E", 65) + `","event":{"type":"message"}}`,
				`{"type":"event_callback","event_id":"Ev1","event":{"type":"message","text":"` + strings.Repeat("x", 1<<20) + `"}}`,
			} {
				list = append(list, signed(base+hook, []byte(text)))
			}
			return list, nil
		},
	}
}

// repeated gives the same event the same ID, as Slack does.
func repeated(kind string, d receivertest.Delivery) string {
	h := fnv.New64()
	fmt.Fprint(h, d.Channel, d.Text)
	return fmt.Sprintf("Ev%s-%d-%d-%x", kind, d.Message, d.Version, h.Sum64())
}

// fresh gives each delivery an ID of its own, so that nothing rests on the memory of IDs.
func fresh(string, receivertest.Delivery) string {
	var o struct {
		EventID string `json:"event_id"`
	}
	_ = json.Unmarshal(callback(nil), &o)
	return o.EventID
}

var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func TestConformance(t *testing.T) {
	t.Run("mrkdwn", func(t *testing.T) {
		receivertest.Run(t, suite(repeated, func(m map[string]any, text string) { m["text"] = escaped.Replace(text) }))
	})
	t.Run("rich text", func(t *testing.T) {
		receivertest.Run(t, suite(fresh, func(m map[string]any, text string) {
			m["text"] = escaped.Replace(text)
			m["blocks"] = []any{map[string]any{"type": "rich_text", "block_id": "b", "elements": []any{
				map[string]any{"type": "rich_text_section", "elements": []any{map[string]any{"type": "text", "text": text}}},
			}}}
		}))
	})
	t.Run("text that is not escaped", func(t *testing.T) {
		receivertest.Run(t, suite(fresh, func(m map[string]any, text string) { m["text"] = text }))
	})
}
