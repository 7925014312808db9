package telegram

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/receivertest"
	"go.uber.org/zap"
)

// deskChat is the chat of a channel of the suite.
func deskChat(channel string) int64 {
	if channel == "receivertest" {
		return testChat
	}
	return -100999
}

func TestConformance(t *testing.T) {
	t.Run("SameUpdate", func(t *testing.T) { conformance(t, false) })
	t.Run("NewUpdates", func(t *testing.T) { conformance(t, true) }) // what protects is the ID of the message alone
}

// conformance runs the suite. A message that is repeated has the ID of its update, or a new one each time.
func conformance(t *testing.T, renumbered bool) {
	var updates atomic.Int64
	updates.Store(100000)
	message := func(d receivertest.Delivery) map[string]any {
		return map[string]any{
			"message_id": d.Message, "date": 1760000000 + d.Message, "text": d.Text,
			"chat": map[string]any{"id": deskChat(string(d.Channel)), "type": "supergroup", "title": "Desk"},
			"from": map[string]any{"id": 7, "is_bot": false, "first_name": d.Author},
		}
	}
	body := func(update any) string {
		data, err := json.Marshal(update)
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
	post := func(base string, d receivertest.Delivery) (*http.Request, error) {
		id := int64(d.Message)
		if renumbered {
			id = updates.Add(1)
		}
		return request(base, body(map[string]any{"update_id": id, "message": message(d)})), nil
	}
	receivertest.Run(t, receivertest.Source{
		New: func(tb testing.TB, kit *receiver.Kit) receiver.Receiver {
			api := newBotAPI(tb)
			api.admins[testChat] = []int64{7}
			r, err := New(kit, &Options{Token: testToken, API: api.URL,
				Channels: []string{fmt.Sprintf("%d=receivertest", testChat), "-100999=no-such-channel"}}, zap.NewNop())
			if err != nil {
				tb.Fatal(err)
			}
			return r
		},
		Post: post,
		Edit: func(base string, d receivertest.Delivery) (*http.Request, error) {
			m := message(d)
			m["edit_date"] = 1760001000 // all within one second: the update tells which is newer
			return request(base, body(map[string]any{"update_id": 100*d.Message + d.Version, "edited_message": m})), nil
		},
		Remove: func(base string, d receivertest.Delivery) (*http.Request, error) {
			target := message(d)
			d.Message, d.Text = 5000+d.Message, "/delete"
			m := message(d)
			m["reply_to_message"] = target
			m["entities"] = []any{map[string]any{"type": "bot_command", "offset": 0, "length": 7}}
			return request(base, body(map[string]any{"update_id": updates.Add(1), "message": m})), nil
		},
		Bad: func(base string, d receivertest.Delivery) ([]*http.Request, error) {
			good, _ := post(base, d)
			wrong, _ := post(base, d)
			wrong.Header.Set(secretHeader, "wrong")
			missing, _ := post(base, d)
			missing.Header.Del(secretHeader)
			twice, _ := post(base, d)
			twice.Header.Add(secretHeader, "x")
			get, err := http.NewRequest(http.MethodGet, good.URL.String(), nil)
			list := []*http.Request{wrong, missing, twice, get}
			large := `{"update_id":1,"message":{"text":"` + strings.Repeat("x", 1<<20) + `"}}`
			for _, b := range []string{"", "{", "[]", "null", "{}", `{"update_id":"x"}`, `{"update_id":9,"message":{}}`,
				`{"update_id":9,"message":{"message_id":1,"chat":{"id":1},"text":7}}`, large} {
				list = append(list, request(base, b))
			}
			return list, err
		},
	})
}
