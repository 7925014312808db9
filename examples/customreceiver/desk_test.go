package customreceiver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/examples/customreceiver"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/receivertest"
)

const secret = "a long secret"

func TestConformance(t *testing.T) {
	receivertest.Run(t, receivertest.Source{
		New: func(tb testing.TB, kit *receiver.Kit) receiver.Receiver {
			r, err := customreceiver.New(kit, &customreceiver.Options{Secret: secret}, nil)
			if err != nil {
				tb.Fatal(err)
			}
			return r
		},
		Post: event("posted"), Edit: event("edited"), Remove: event("removed"), Bad: bad,
	})
}

// event returns what makes the chat's request for a delivery.
func event(name string) func(string, receivertest.Delivery) (*http.Request, error) {
	return func(base string, d receivertest.Delivery) (*http.Request, error) {
		body, err := json.Marshal(map[string]any{
			"event": name, "id": fmt.Sprint("m", d.Message), "version": d.Version, "room": d.Channel, "author": d.Author, "text": d.Text,
		})
		if err != nil {
			return nil, err
		}
		return request(base, "Bearer "+secret, string(body))
	}
}

func request(base, authorization, body string) (*http.Request, error) {
	r, err := http.NewRequest(http.MethodPost, base+"/hooks/desk", strings.NewReader(body))
	if err == nil {
		r.Header.Set("Authorization", authorization)
	}
	return r, err
}

// bad makes requests that must be refused.
func bad(base string, d receivertest.Delivery) ([]*http.Request, error) {
	good := fmt.Sprintf(`{"event":"posted","id":"m9","version":1,"room":%q,"text":%q}`, d.Channel, d.Text)
	var list []*http.Request
	for _, c := range [][2]string{
		{"", good}, {"Bearer wrong", good}, {"Bearer " + secret, "{"}, {"Bearer " + secret, `{"event":"posted"}`},
		{"Bearer " + secret, `{"text":"` + strings.Repeat("x", 1<<20) + `"}`},
	} {
		r, err := request(base, c[0], c[1])
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

func TestUnder120Lines(t *testing.T) {
	source, err := os.ReadFile("desk.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), "\n"); n >= 120 {
		t.Errorf("the example has %d lines; the promise is fewer than 120", n)
	}
}
