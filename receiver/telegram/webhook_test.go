package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-telegram/bot"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

const hookAddress = "https://live.example.org/news/telegram/123456789"

// A delivery without the right secret is answered with 401, and nothing is written.
func TestSecret(t *testing.T) {
	for _, secret := range []string{"", "of-my-own_1"} {
		w := newWorld(t)
		o := w.options()
		o.Secret = secret
		n := w.node(o)
		right := secret
		if right == "" {
			right = deriveSecret(testToken)
		}
		before := w.page(testChannel).Head
		for _, values := range [][]string{nil, {""}, {"wrong"}, {right[:len(right)-1]}, {right + "x"}, {strings.ToUpper(right)}, {testToken}, {right, right}} {
			req := request(n.base, text(1, 10, "Goal"))
			req.Header[http.CanonicalHeaderKey(secretHeader)] = values
			if status, err := send(req); status != http.StatusUnauthorized {
				t.Errorf("with the secret %q the status is %d, %v", values, status, err)
			}
		}
		seen, err := w.store.Records().List(context.Background(), "seen."+Name, "", "", 10)
		if after := w.page(testChannel).Head; after != before || err != nil || len(seen) != 0 {
			t.Errorf("something was written: %v, %v, %v", after, seen, err)
		}
		req := request(n.base, text(1, 10, "Goal"))
		req.Header.Set(secretHeader, right)
		if status, err := send(req); status != http.StatusOK || show(w.post()) != "Goal" {
			t.Errorf("with the right secret the status is %d, %v", status, err)
		}
		if strings.Contains(w.logs.String(), right) {
			t.Error("the log has the secret")
		}
	}
	if s := deriveSecret(testToken); !secrets.MatchString(s) || s == deriveSecret(testToken+"x") || strings.Contains(testToken, s) {
		t.Errorf("the derived secret is %q", s)
	}
}

// The webhook is registered once, and again only if something has changed.
func TestRegister(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.Register = true
	w.node(o)
	w.node(o)
	calls := w.api.of("setWebhook")
	if len(calls) != 1 {
		t.Fatalf("setWebhook was called %d times", len(calls))
	}
	var kinds []string
	if err := json.Unmarshal([]byte(calls[0].params["allowed_updates"]), &kinds); err != nil || !slices.Equal(kinds, allowedUpdates) {
		t.Errorf("allowed_updates: %v, %v", kinds, err)
	}
	if p := calls[0].params; p["url"] != hookAddress || p["secret_token"] != deriveSecret(testToken) {
		t.Errorf("registered %v", p)
	}
	o.Secret = "another" // Telegram does not tell the secret
	w.node(o)
	if calls = w.api.of("setWebhook"); len(calls) != 2 || calls[1].params["secret_token"] != "another" {
		t.Errorf("after a change of the secret: %v", calls)
	}
	w.api.mu.Lock()
	w.api.hook = map[string]string{"url": "https://elsewhere.example/hook"}
	w.api.mu.Unlock()
	w.node(o)
	if calls = w.api.of("setWebhook"); len(calls) != 3 {
		t.Errorf("after another webhook was set: %v", calls)
	}
	if strings.Contains(w.logs.String(), deriveSecret(testToken)) {
		t.Error("the log has the secret")
	}
}

// Telegram may be away when a node starts. It is tried again.
func TestRegisterLater(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.Register = true
	w.api.failNext("getMe", apiError{code: 502, description: "Bad Gateway"})
	w.api.failNext("setWebhook", apiError{code: 429, description: "Too Many Requests: retry after 1", retryAfter: 1})
	w.node(o)
	w.api.until(t, "the webhook", func() bool { return strings.Contains(w.logs.String(), "the webhook is registered") })
	if calls := w.api.of("setWebhook"); len(calls) != 2 {
		t.Errorf("setWebhook: %v", calls)
	}
}

func TestStartErrors(t *testing.T) {
	for _, c := range []struct {
		name, method string
		fail         apiError
		want         error
		text         string
	}{
		{"token", "getMe", apiError{code: 401, description: "Unauthorized"}, bot.ErrorUnauthorized, "token: Telegram does not know it"},
		{"webhook", "setWebhook", apiError{code: 400, description: "Bad Request: bad webhook: IP address 10.0.0.1 is reserved"},
			bot.ErrorBadRequest, "IP address 10.0.0.1 is reserved"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			o := w.options()
			o.Register = true
			w.api.failNext(c.method, c.fail)
			r, err := New(w.kit(), o, w.logger())
			if err != nil {
				t.Fatal(err)
			}
			err = r.Start(t.Context())
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), testToken) {
				t.Errorf("start: %v", err)
			}
			if err := r.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		field  string
		change func(o *Options, k *receiver.Kit)
	}{
		{"token", func(o *Options, _ *receiver.Kit) { o.Token = "" }},
		{"token", func(o *Options, _ *receiver.Kit) { o.Token = "secret words" }},
		{"mode", func(o *Options, _ *receiver.Kit) { o.Mode = "push" }},
		{"authors", func(o *Options, _ *receiver.Kit) { o.Authors = "some" }},
		{"secret", func(o *Options, _ *receiver.Kit) { o.Secret = "with spaces" }},
		{"secret", func(o *Options, _ *receiver.Kit) { o.Secret, o.Mode = "x", Polling }},
		{"register", func(o *Options, _ *receiver.Kit) { o.Register, o.Mode = true, Polling }},
		{"register", func(o *Options, k *receiver.Kit) { o.Register, k.PublicURL = true, "" }},
		{"register", func(o *Options, k *receiver.Kit) { o.Register, k.PublicURL = true, "http://live.example.org" }},
		{"register", func(o *Options, k *receiver.Kit) { o.Register, k.PublicURL = true, "https://live.example.org:9000" }},
		{"delete_webhook", func(o *Options, _ *receiver.Kit) { o.DeleteWebhook = true }},
		{"editors", func(o *Options, _ *receiver.Kit) { o.Editors = []string{"@ann"} }},
		{"channels", func(o *Options, _ *receiver.Kit) { o.Channels = []string{"@news=match-42"} }},
		{"channels", func(o *Options, _ *receiver.Kit) { o.Channels = []string{"-100"} }},
		{"api", func(o *Options, _ *receiver.Kit) { o.API = "api.telegram.org" }},
		{"api", func(o *Options, _ *receiver.Kit) { o.API = "https://user@api.telegram.org" }},
	} {
		o, kit := w.options(), w.kit()
		c.change(o, kit)
		_, err := New(kit, o, nil)
		var field *motacilla.FieldError
		if !errors.As(err, &field) || field.Field != c.field || strings.Contains(err.Error(), "secret words") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	r, err := New(w.kit(), &Options{Token: testToken}, nil)
	if err != nil || r.s.API != DefaultAPI || r.s.Mode != Webhook || r.s.Authors != AllAuthors {
		t.Errorf("defaults: %v, %v", r, err)
	}
	if _, err := New(w.kit(), nil, nil); !errors.Is(err, motacilla.ErrInvalid) {
		t.Errorf("without options: %v", err)
	}
}

// Two bots have routes of their own.
func TestTwoBots(t *testing.T) {
	w := newWorld(t)
	second := w.options()
	second.Token = "987:other"
	a, err := New(w.kit(), w.options(), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(w.kit(), second, nil)
	if err != nil {
		t.Fatal(err)
	}
	if x, y := a.URLs()[0], b.URLs()[0]; x.Name == y.Name || x.Pattern == y.Pattern || a.s.Secret == b.s.Secret {
		t.Errorf("routes: %v, %v", x, y)
	}
}

// A thousand messages come over forty connections, as Telegram makes them, while one of two nodes dies: each becomes one post.
func TestWebhookBurst(t *testing.T) {
	const messages = 1000
	w := newWorld(t)
	nodes := []*node{w.node(w.options()), w.node(w.options())}
	var wg sync.WaitGroup
	var sent atomic.Int64
	work := make(chan int)
	for range 40 {
		wg.Go(func() {
			for i := range work {
				if sent.Add(1) == messages/2 {
					nodes[0].stop()
				}
				for try := i; ; try++ { // Telegram delivers again what was not acknowledged
					if status, err := send(request(nodes[try%2].base, text(i, i, fmt.Sprint("message ", i)))); err == nil && status == http.StatusOK {
						break
					}
				}
			}
		})
	}
	for i := range messages {
		work <- i + 1
	}
	close(work)
	wg.Wait()
	posts := w.page(testChannel).Posts
	if len(posts) != messages {
		t.Fatalf("%d messages make %d posts", messages, len(posts))
	}
	for i, p := range posts { // all of one second
		if show(p) != fmt.Sprint("message ", i+1) {
			t.Fatalf("post %d is %q", i, show(p))
		}
	}
}
