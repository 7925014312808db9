package chat_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/publisher/chat"
)

// The calls are as docs.joinmastodon.org/methods/statuses says. What the server refuses for good keeps nothing else back.
func TestMastodon(t *testing.T) {
	r, s := newRig(t), newServer(t)
	s.respond(func(c call, n int) (int, string) {
		switch {
		case n == 1:
			return http.StatusUnauthorized, `{"error":"The access token is invalid"}` // until somebody mends it
		case strings.HasPrefix(c.Body["status"].(string), "Refused"):
			return http.StatusUnprocessableEntity, `{"error":"Validation failed: Text can't be blank"}`
		}
		return http.StatusOK, `{"id":"103254962155278888"}`
	})
	o := &chat.MastodonOptions{Options: common(), Server: s.url + "/", Token: "a token", Visibility: "unlisted", Language: "en"}
	p, err := chat.NewMastodon(r.kit, o)
	stop := r.start(p, err)
	r.post(true, "Goal "+strings.Repeat("word ", 200))
	calls := s.has(r, 2)
	key := calls[0].Header.Get("Idempotency-Key")
	for _, c := range calls {
		if c.Path != "/api/v1/statuses" || c.Header.Get("Authorization") != "Bearer a token" || key == "" || c.Header.Get("Idempotency-Key") != key ||
			c.Body["visibility"] != "unlisted" || c.Body["language"] != "en" || len(c.Body) != 3 {
			t.Errorf("the call is %+v", c)
		}
	}
	status := calls[1].Body["status"].(string)
	// A link counts 23 characters, and there are two line breaks and an ellipsis.
	text, link, _ := strings.Cut(status, "\n\n")
	if n := len([]rune(text)); n > 500-2-23 || n < 500-2-23-len("word ") || !strings.HasSuffix(text, "word…") ||
		link != "https://live.example.org/channels/match-42" {
		t.Errorf("the text of %d characters is %q", n, status)
	}
	stop()
	r.post(true, "Refused")
	r.post(true, "Taken")
	p, err = chat.NewMastodon(r.kit, o)
	r.start(p, err)
	calls = s.has(r, 4)
	if a, b := calls[2].Body["status"].(string), calls[3].Body["status"].(string); !strings.HasPrefix(a, "Refused") || !strings.HasPrefix(b, "Taken") {
		t.Errorf("the messages are %q and %q", a, b)
	}
	r.Eventually("the refusal is counted", func() bool { return p.Status().Refused == 1 && p.Status().Behind == 0 })
	r.post(true, "More")
	s.has(r, 5)
}
