package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/receivertest"
	"github.com/motacilla-live/motacilla/receiver/webhook"
)

// generic is a mapping that uses nearly every option.
func generic() *webhook.Options {
	return &webhook.Options{
		Name: "generic", Verify: "hmac", Secrets: []string{"an old secret", secret}, Header: "X-Signature", Prefix: "v1=",
		Separator: ",", Timestamp: "t=", Channel: "{{.channel}}", Each: "$.messages[*]",
		When: []string{"@.id"}, MessageID: "m{{.id}}", Version: "{{.version}}", Author: "{{.author}}",
		Text: "{{markup .text}}", Remove: []string{"@.removed == true"},
	}
}

func signed(body []byte, at time.Time, with string) string {
	mac := hmac.New(sha256.New, []byte(with))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

func TestConformance(t *testing.T) {
	request := func(base string, body []byte, signature string) (*http.Request, error) {
		r, err := http.NewRequest(http.MethodPost, base+"/hooks/generic", strings.NewReader(string(body)))
		if err == nil {
			r.Header.Set("X-Signature", signature)
		}
		return r, err
	}
	document := func(d receivertest.Delivery, removed bool) ([]byte, error) {
		return json.Marshal(map[string]any{"messages": []any{map[string]any{
			"channel": d.Channel, "id": d.Message, "version": d.Version, "author": d.Author, "text": d.Text, "removed": removed,
		}}})
	}
	makes := func(removed bool) func(string, receivertest.Delivery) (*http.Request, error) {
		return func(base string, d receivertest.Delivery) (*http.Request, error) {
			body, err := document(d, removed)
			if err != nil {
				return nil, err
			}
			return request(base, body, signed(body, time.Now(), secret))
		}
	}
	receivertest.Run(t, receivertest.Source{
		New: func(tb testing.TB, kit *receiver.Kit) receiver.Receiver {
			r, err := webhook.New(kit, generic(), nil)
			if err != nil {
				tb.Fatal(err)
			}
			return r
		},
		Post: makes(false), Edit: makes(false), Remove: makes(true),
		Bad: func(base string, d receivertest.Delivery) ([]*http.Request, error) {
			body, err := document(d, false)
			if err != nil {
				return nil, err
			}
			now := time.Now()
			var list []*http.Request
			for _, signature := range []string{"", "v1=", signed(body, now, "a third secret"), signed(body[1:], now, secret),
				signed(body, now.Add(-time.Hour), secret), signed(body, now.Add(time.Hour), secret)} {
				r, err := request(base, body, signature)
				if err != nil {
					return nil, err
				}
				list = append(list, r)
			}
			get, err := http.NewRequest(http.MethodGet, base+"/hooks/generic", nil)
			if err != nil {
				return nil, err
			}
			list = append(list, get)
			good := strings.TrimSuffix(string(body), "]}")
			for _, text := range []string{"", "{", "null x", `{"messages":[{"id":2,"channel":"a b","version":1,"author":"","text":"x"}]}`,
				good + `,{"id":3}]}`, good + `,{"id":3,"channel":"receivertest","version":-1,"author":"","text":"x"}]}`,
				`{"messages":"` + strings.Repeat("x", 1<<20) + `"}`, strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "\xff{}",
			} {
				r, err := request(base, []byte(text), signed([]byte(text), now, secret))
				if err != nil {
					return nil, err
				}
				list = append(list, r)
			}
			return list, nil
		},
	})
}
