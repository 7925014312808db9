package webapp_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/receivertest"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
)

func request(method, url string, body map[string]any) (*http.Request, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(method, url, strings.NewReader(string(data)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("Content-Type", "application/json")
	return r, nil
}

// If-Match stands for versions: it names the state from which an edit was made.
func TestConformance(t *testing.T) {
	posts := func(base string, d receivertest.Delivery) string {
		return base + "/api/channels/" + string(d.Channel) + "/posts"
	}
	post := func(base string, d receivertest.Delivery) string { return posts(base, d) + "/" + string(d.Post.ID) }
	create := func(base string, d receivertest.Delivery) (*http.Request, error) {
		return request("POST", posts(base, d), map[string]any{
			"text": d.Text, "author": d.Author, "message_id": fmt.Sprint("m", d.Message)})
	}
	receivertest.Run(t, receivertest.Source{
		New: func(_ testing.TB, kit *receiver.Kit) receiver.Receiver {
			return webapp.New(kit.Sink, route.NewToken(secret, kit.Sink.Channel, nil).Authorize, nil)
		},
		Post: create,
		Edit: func(base string, d receivertest.Delivery) (*http.Request, error) {
			if d.Post.ID == "" {
				return nil, nil
			}
			r, err := request("PATCH", post(base, d), map[string]any{"text": d.Text})
			if err == nil {
				r.Header.Set("If-Match", `"`+d.Post.Revision.String()+`"`)
			}
			return r, err
		},
		Remove: func(base string, d receivertest.Delivery) (*http.Request, error) {
			if d.Post.ID == "" {
				return nil, nil
			}
			return request("DELETE", post(base, d), nil)
		},
		Bad: func(base string, d receivertest.Delivery) ([]*http.Request, error) {
			unsigned, err := create(base, d)
			if err != nil {
				return nil, err
			}
			unsigned.Header.Set("Authorization", "Bearer wrong")
			list := []*http.Request{unsigned}
			large := `{"text":"` + strings.Repeat("x", 1<<20) + `"}`
			for _, body := range []string{"", "{", `{"text":1}`, `{"text":"x","text":"y"}`, large} {
				r, err := create(base, d)
				if err != nil {
					return nil, err
				}
				bad, err := http.NewRequest(r.Method, r.URL.String(), strings.NewReader(body))
				if err != nil {
					return nil, err
				}
				bad.Header = r.Header
				list = append(list, bad)
			}
			return list, nil
		},
	})
}
