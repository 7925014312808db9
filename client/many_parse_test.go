package client

import (
	"errors"
	"fmt"
	"testing"

	"github.com/motacilla-live/motacilla"
)

func TestParseMessage(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`{"channel":"m","from":0,"revision":7,"renders":{},"removals":[]}`, "update m 7"},
		{`{"from":0,"revision":7,"channel":"m"}`, "update m 7"},
		{`{"subscribed":["m","n"]}`, "subscribed [m n]"},
		{`{"subscribed":[]}`, "nothing"},
		{`{"unsubscribed":["m"]}`, "unsubscribed [m]"},
		{`{"refused":{"channel":"m","status":404,"title":"Not Found","detail":"no"}}`, "refused m 404 0s not found"},
		{`{"refused":{"channel":"m","status":503,"title":"x","retry_after":7}}`, "refused m 503 7s store unavailable"},
		{`{"refused":{"channel":"m","status":503,"title":"x","retry_after":99999999999}}`, "refused m 503 1h0m0s store unavailable"},
		{`{"refused":{"channel":"m","status":503,"title":"x","retry_after":-5}}`, "refused m 503 0s store unavailable"},
		{`{"error":{"status":400,"title":"Bad Request","field":"subscribe"}}`, "error 400"},
		{`{"heartbeat":true}`, "nothing"},
		{`{"news":{"from":"tomorrow"}}`, "nothing"},
		{`{"refused":{"status":404}}`, "error 404"},
		{`{"channel":"a/b","revision":7}`, "malformed"},
		{`{"channel":null}`, "malformed"},
		{`{"subscribed":{}}`, "malformed"},
		{`{"channel":"m"`, "malformed"},
		{`[]`, "malformed"},
		{`hello`, "malformed"},
		{``, "malformed"},
	} {
		m, err := parseMessage([]byte(tt.text))
		got := "nothing"
		switch {
		case err != nil:
			got = "malformed"
		case m.update != nil:
			got = fmt.Sprint("update ", m.update.Channel, " ", m.update.Revision)
		case m.refused != "":
			got = fmt.Sprint("refused ", m.refused, " ", m.problem.Status, " ", m.problem.RetryAfter)
			for _, kind := range []error{motacilla.ErrNotFound, motacilla.ErrUnavailable} {
				if errors.Is(m.problem, kind) {
					got += " " + kind.Error()
				}
			}
		case m.problem != nil:
			got = fmt.Sprint("error ", m.problem.Status)
		case len(m.subscribed) > 0:
			got = fmt.Sprint("subscribed ", m.subscribed)
		case len(m.unsubscribed) > 0:
			got = fmt.Sprint("unsubscribed ", m.unsubscribed)
		}
		if got != tt.want {
			t.Errorf("%s is %q, want %q", tt.text, got, tt.want)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"channel":"m","from":0,"revision":7,"renders":{},"removals":[]}`))
	f.Add([]byte(`{"refused":{"channel":"m","status":503,"title":"x","retry_after":-9223372036854775808}}`))
	f.Add([]byte(`{"error":{"status":410}}`))
	f.Add([]byte(`{"subscribed":["m",""],"unsubscribed":[]}`))
	f.Add([]byte(`{"heartbeat":true,"CHANNEL":"m"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseMessage(data)
		if err != nil {
			if final(err) || !unusable(err) || m.update != nil {
				t.Fatalf("%v is taken for what the caller did wrong, or %v comes with it", err, m.update)
			}
			return
		}
		if m.update != nil && (m.refused != "" || m.problem != nil || m.subscribed != nil || m.unsubscribed != nil) {
			t.Fatalf("an update and more: %+v", m)
		}
		if m.refused != "" && m.problem == nil {
			t.Fatalf("a refusal without a problem: %+v", m)
		}
		if m.problem != nil && (m.problem.RetryAfter < 0 || m.problem.RetryAfter > longestStay) {
			t.Fatalf("a pause of %v", m.problem.RetryAfter)
		}
	})
}
