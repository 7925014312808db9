package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// TestHook: what is not verified is answered with 401, and is never handled. Every other answer tells the source whether to deliver
// again.
func TestHook(t *testing.T) {
	const secret = "a-secret"
	for _, c := range []struct {
		name, method, secret, body string
		err                        error
		status                     int
		handled                    bool
		result                     string
	}{
		{"right", "POST", secret, "{}", nil, 200, true, receiver.Taken},
		{"no secret", "POST", "", "{}", nil, 401, false, receiver.Refused},
		{"another secret", "POST", "b-secret", "{}", nil, 401, false, receiver.Refused},
		{"half a secret", "POST", secret[:4], "{}", nil, 401, false, receiver.Refused},
		{"another method", "GET", secret, "", nil, 405, false, ""},
		{"as long as it may be", "POST", secret, strings.Repeat("x", 100), nil, 200, true, receiver.Taken},
		{"too long", "POST", secret, strings.Repeat("x", 101), nil, 400, false, receiver.Refused},
		{"too long and not verified", "POST", "", strings.Repeat("x", 101), nil, 401, false, receiver.Refused},
		{"invalid", "POST", secret, "{}", motacilla.Invalid("body", "must be better"), 400, true, receiver.Refused},
		{"of no use", "POST", secret, "{}", receiver.Unprocessable(motacilla.Invalid("text", "is empty")), 422, true, receiver.Refused},
		{"no channel", "POST", secret, "{}", fmt.Errorf("channel: %w", motacilla.ErrNotFound), 404, true, receiver.Refused},
		{"the store is down", "POST", secret, "{}", motacilla.ErrUnavailable, 503, true, receiver.Failed},
		{"too slow", "POST", secret, "{}", fmt.Errorf("put: %w", context.DeadlineExceeded), 503, true, receiver.Failed},
		{"something else", "POST", secret, "{}", errors.New("the password is a-secret"), 500, true, receiver.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			metrics, handled := &receiver.Metrics{}, false
			h := &receiver.Hook{
				Receiver: "test", Verify: receiver.SecretHeader("X-Secret", "", secret), MaxBody: 100, Metrics: metrics,
				Handle: func(_ context.Context, d receiver.Request) (receiver.Answer, error) {
					handled = true
					if string(d.Body) != c.body {
						t.Errorf("the body is %q", d.Body)
					}
					return receiver.Answer{Type: "text/plain", Body: []byte("thanks")}, c.err
				},
			}
			r, w := httptest.NewRequest(c.method, "/hooks/test", strings.NewReader(c.body)), httptest.NewRecorder()
			if c.secret != "" {
				r.Header.Set("X-Secret", c.secret)
			}
			h.ServeHTTP(w, r)
			if w.Code != c.status || handled != c.handled {
				t.Errorf("status %d, handled: %v; want %d, %v", w.Code, handled, c.status, c.handled)
			}
			if body := w.Body.String(); strings.Contains(body, secret) || (c.status == 200) != (body == "thanks") {
				t.Errorf("the answer is %q", body)
			}
			if n := len(metrics.Counts()); c.result != "" && (n != 1 || metrics.Counts()[receiver.Delivery{Receiver: "test", Result: c.result}] != 1) {
				t.Errorf("counted as %v", metrics.Counts())
			}
		})
	}
}

// A secret that is there twice, or none at all, is no proof.
func TestSecretHeader(t *testing.T) {
	now := time.Now()
	v := receiver.SecretHeader("Authorization", "Bearer ", "a-secret")
	for value, right := range map[string]bool{
		"Bearer a-secret": true, "Bearer a-secret ": false, "bearer a-secret": false, "a-secret": false, "Bearer ": false, "": false,
	} {
		err := v.Verify(http.Header{"Authorization": {value}}, nil, now)
		if (err == nil) != right || err != nil && !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("%q: %v", value, err)
		}
	}
	if v.Verify(http.Header{"Authorization": {"Bearer a-secret", "Bearer a-secret"}}, nil, now) == nil || v.Verify(nil, nil, now) == nil {
		t.Error("two secrets, or none, are taken")
	}
	if receiver.SecretHeader("X-Secret", "", "").Verify(http.Header{"X-Secret": {""}}, nil, now) == nil {
		t.Error("an empty secret is taken")
	}
}
