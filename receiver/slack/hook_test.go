package slack_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/slack"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// Slack asks whether the URL is ours. It gets its answer only if the request is signed.
func TestURLVerification(t *testing.T) {
	r := newRig(t, nil)
	body := []byte(`{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}`)
	status, answer := r.send(signed(r.base+hook, body))
	if status != http.StatusOK || answer != "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P" {
		t.Errorf("status %d, %q", status, answer)
	}
	unsigned := signed(r.base+hook, body)
	unsigned.Header.Del("X-Slack-Signature")
	if status, answer := r.send(unsigned); status != http.StatusUnauthorized || strings.Contains(answer, "3eZbrw1") {
		t.Errorf("not signed: status %d, %q", status, answer)
	}
}

func TestSignatures(t *testing.T) {
	r := newRig(t, func(o *slack.Options) { o.SigningSecret, o.OldSecret = "the-new-one", signingSecret })
	head := r.head()
	body := callback(newMessage("1700000001.000100", "x"))
	request := func(change func(h http.Header)) *http.Request {
		q := signed(r.base+hook, body)
		change(q.Header)
		return q
	}
	resign := func(secret string, at time.Time) func(h http.Header) {
		return func(h http.Header) {
			timestamp, signature := sign(secret, at, body)
			h.Set("X-Slack-Request-Timestamp", timestamp)
			h.Set("X-Slack-Signature", signature)
		}
	}
	for name, change := range map[string]func(h http.Header){
		"another secret":          resign("wrong", time.Now()),
		"an empty secret":         resign("", time.Now()),
		"an old request":          resign(signingSecret, time.Now().Add(-301*time.Second)),
		"a request of tomorrow":   resign(signingSecret, time.Now().Add(310*time.Second)),
		"no signature":            func(h http.Header) { h.Del("X-Slack-Signature") },
		"no time":                 func(h http.Header) { h.Del("X-Slack-Request-Timestamp") },
		"another time":            func(h http.Header) { h.Set("X-Slack-Request-Timestamp", h.Get("X-Slack-Request-Timestamp")+"0") },
		"a signature of v1":       func(h http.Header) { h.Set("X-Slack-Signature", "v1"+h.Get("X-Slack-Signature")[2:]) },
		"half a signature":        func(h http.Header) { h.Set("X-Slack-Signature", h.Get("X-Slack-Signature")[:35]) },
		"a signature of no bytes": func(h http.Header) { h.Set("X-Slack-Signature", "v0=") },
		"a signature of no hex":   func(h http.Header) { h.Set("X-Slack-Signature", "v0="+strings.Repeat("zz", 32)) },
	} {
		status, answer := r.send(request(change))
		if status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, status)
		}
		for _, secret := range []string{signingSecret, "the-new-one", botToken} {
			if strings.Contains(answer, secret) {
				t.Errorf("%s: the answer has a secret: %s", name, answer)
			}
		}
	}
	if now := r.head(); now != head {
		t.Error("a request that is not signed changes the channel")
	}
	if n := r.metrics.Counts()[receiver.Delivery{Receiver: "slack", Result: receiver.Refused}]; n != 11 {
		t.Errorf("%d are counted as refused, want 11", n)
	}
	for _, secret := range []string{"the-new-one", signingSecret} {
		if status, answer := r.send(request(resign(secret, time.Now().Add(-4*time.Minute)))); status != http.StatusOK {
			t.Errorf("signed with one of two secrets: status %d, %s", status, answer)
		}
	}
	r.one()
}

func TestOptions(t *testing.T) {
	w := newWorkspace(t)
	for field, change := range map[string]func(*slack.Options){
		"bot_token":      func(o *slack.Options) { o.BotToken = appToken },
		"signing_secret": func(o *slack.Options) { o.SigningSecret = "" },
		"app_token":      func(o *slack.Options) { o.AppToken = "xoxb-1" },
		"name":           func(o *slack.Options) { o.Name = "Sport/1" },
		"api_url":        func(o *slack.Options) { o.APIURL = "slack.com" },
		"threads":        func(o *slack.Options) { o.Threads = "some" },
		"channels":       func(o *slack.Options) { o.Channels = []string{"C024BE91L"} },
	} {
		store := memory.New(nil)
		_, err := slack.New(&receiver.Kit{Sink: store, Records: store.Records(), Images: receiver.NoImages{}, Client: client()},
			w.options(change), nil)
		var wrong *motacilla.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
		if err != nil && (strings.Contains(err.Error(), signingSecret) || strings.Contains(err.Error(), "xoxb-1-")) {
			t.Errorf("the error has a secret: %v", err)
		}
		_ = store.Close()
	}
	r := newRig(t, func(o *slack.Options) { o.Name = "sport" })
	if u := r.receiver.URLs(); u[0].Pattern != "/hooks/slack/sport" || u[0].Name != "slack-sport" {
		t.Errorf("the route is %s at %s", u[0].Name, u[0].Pattern)
	}
	if status, _ := r.send(signed(r.base+"/hooks/slack/sport", callback(newMessage("1700000001.000100", "x")))); status != 200 {
		t.Errorf("status %d", status)
	}
	if p := r.one(); p.Source != "slack-sport" {
		t.Errorf("the source is %q", p.Source)
	}
	only := newRig(t, func(o *slack.Options) { o.SigningSecret, o.AppToken = "", appToken })
	if u := only.receiver.URLs(); len(u) != 0 {
		t.Errorf("Socket Mode alone has routes: %v", u)
	}
}

// What Slack's channel has no channel for here is no error. It is counted, and the log names the Slack channel once.
func TestUnmappedChannel(t *testing.T) {
	core, logs := observer.New(zapcore.InfoLevel)
	r := newNode(t, newWorkspace(t), newStore(t), &images{added: map[string]int{}}, zap.New(core), func(o *slack.Options) {
		o.Channels = []string{"C024BE91L=match-42", "C0GONE001=no-such-channel"}
	})
	r.deliver(callback(newMessage("1700000001.000100", "x", "channel", "C0ELSE001")))
	r.deliver(callback(newMessage("1700000001.000300", "y", "channel", "C0ELSE001")))
	r.deliver(callback(newMessage("1700000001.000200", "x", "channel", "C0GONE001")))
	removal := deleted("1700000002.000200", "1700000001.000200", nil)
	removal["channel"] = "C0GONE001"
	r.deliver(callback(removal))
	if n := r.metrics.Counts()[receiver.Delivery{Receiver: "slack", Result: receiver.Unmapped}]; n != 4 {
		t.Errorf("%d are counted, want 4", n)
	}
	if n := logs.FilterField(zap.String("slack_channel", "C0ELSE001")).Len(); n != 1 {
		t.Errorf("the Slack channel is named %d times, want once", n)
	}
	if n := logs.FilterMessage("an event is for a channel that is not there").Len(); n == 0 {
		t.Error("the log does not say that the channel is not there")
	}
}

// Slack waits 3 s. If the store takes longer, Slack is told to send the event again, and then there is one post.
func TestSlowStore(t *testing.T) {
	r := newRig(t, nil)
	slack.Patient(r.receiver, slack.AnswerTime, patience)
	hold := make(chan struct{})
	r.sink.hold = hold
	e := callback(newMessage("1700000001.000100", "x"))
	if status, _ := r.send(signed(r.base+hook, e)); status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
	close(hold)
	slack.Patient(r.receiver, patience, patience)
	r.deliver(e)
	r.one()
}

// Two Slack channels may feed one channel here, although their messages may have the same ts.
func TestTwoSlackChannels(t *testing.T) {
	r := newRig(t, func(o *slack.Options) { o.Channels = []string{"C024BE91L=match-42", "C0123ABCD=match-42"} })
	r.deliver(callback(newMessage("1700000001.000100", "news")))
	r.deliver(callback(newMessage("1700000001.000100", "sport", "channel", "C0123ABCD")))
	if posts := r.posts(); len(posts) != 2 {
		t.Errorf("there are %d posts", len(posts))
	}
}

func TestChannelByName(t *testing.T) {
	byName := func(o *slack.Options) { o.Channels = []string{"#news=match-42"} }
	r := newRig(t, byName)
	r.slack.set(func() { r.slack.down = true })
	e := callback(newMessage("1700000001.000100", "x"))
	if status, _ := r.send(signed(r.base+hook, e)); status != http.StatusServiceUnavailable {
		t.Errorf("Slack's API is down: status %d; the event would be lost", status)
	}
	r = newRig(t, byName) // by then, what failed is asked again
	r.deliver(e)
	r.deliver(callback(newMessage("1700000001.000200", "x", "channel", "C0123ABCD")))
	r.deliver(callback(newMessage("1700000001.000300", "x", "channel", "C0UNKNOWN")))
	r.one()
	if n := r.slack.count("conversations.info"); n != 3 {
		t.Errorf("Slack was asked %d times for 3 channels", n)
	}
}

// A message of more than a post may have is not lost.
func TestLargeMessages(t *testing.T) {
	for name, text := range map[string]string{
		"many lines":   strings.Repeat("line\n", 5000),
		"many bytes":   strings.Repeat("*&lt;b* <https://example.org/|x> ", 2500),
		"many bytes é": strings.Repeat("é", 40_000),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.deliver(callback(newMessage("1700000001.000100", text)))
			p := r.one()
			harmless(t, p)
			if n := len(texts(p)); n < 20_000 {
				t.Errorf("only %d bytes are left", n)
			}
		})
	}
}

// A removal of a message that is no post leaves nothing behind.
func TestRemovalOfNoPost(t *testing.T) {
	r := newRig(t, nil)
	head := r.head()
	r.deliver(callback(deleted("1700000002.000200", "1700000001.000100",
		newMessage("1700000001.000100", "reply", "thread_ts", "1700000000.000100"))))
	if now := r.head(); now != head {
		t.Error("the removal of a reply changes the channel")
	}
}

// An event that was stored is known by its ID, so a repetition does not even ask the store for the post.
func TestEventIDIsRemembered(t *testing.T) {
	r := newRig(t, nil)
	e := callback(newMessage("1700000001.000100", "x"))
	r.deliver(e)
	r.sink.set(true)
	r.deliver(e)
}

func TestEventIDIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: home}, 0); err != nil {
			t.Fatal(err)
		}
		records := store.Records()
		o := slack.Defaults()
		o.BotToken, o.SigningSecret, o.Authors = botToken, signingSecret, false
		r, err := slack.New(&receiver.Kit{Sink: store, Records: records, Images: receiver.NoImages{}, Client: client()}, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		event := newMessage("1700000001.000100", "x", "channel", home)
		if err := slack.Deliver(context.Background(), r, callbackOf("Ev1", event)); err != nil {
			t.Fatal(err)
		}
		known := func() bool {
			_, err := records.Get(context.Background(), "seen.slack", "Ev1")
			return err == nil
		}
		time.Sleep(24 * time.Hour)
		if !known() {
			t.Error("after a day the event is forgotten")
		}
		time.Sleep(2 * time.Hour)
		if known() {
			t.Error("after 26 hours the event is still known")
		}
	})
}

func TestStart(t *testing.T) {
	w := newWorkspace(t)
	store := newStore(t)
	for _, tt := range []struct {
		name   string
		change func()
		want   string
	}{
		{"the token is right", func() {}, ""},
		{"the token is wrong", func() { w.wrong["auth.test"] = "invalid_auth" }, "bot_token"},
		{"the token was revoked", func() { w.wrong["auth.test"] = "token_revoked" }, "bot_token"},
		{"Slack has a bad day", func() { w.wrong["auth.test"] = "internal_error" }, ""},
		{"Slack is down", func() { w.wrong, w.down = map[string]string{}, true }, ""},
	} {
		w.set(tt.change)
		r := newNode(t, w, store, &images{}, log(t), nil)
		err := r.receiver.Start(context.Background())
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err == nil {
			r.stop()
		} else if strings.Contains(err.Error(), botToken) {
			t.Errorf("the error has the token: %v", err)
		}
	}
}
