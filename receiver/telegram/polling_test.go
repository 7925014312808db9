package telegram

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

func (w *world) polling() *Options {
	o := w.options()
	o.Mode = Polling
	return o
}

func (w *world) offset() string {
	r, err := w.store.Records().Get(context.Background(), namespace, "offset/123456789")
	if err != nil {
		return ""
	}
	return string(r.Value)
}

// A thousand messages come while the node that asks for them stops: each becomes one post, in order.
func TestPollingBurst(t *testing.T) {
	const messages = 1000
	w := newWorld(t)
	first := w.node(w.polling())
	w.node(w.polling())
	if len(first.r.URLs()) != 0 {
		t.Error("with polling there is a route")
	}
	began := time.Now()
	for i := range messages {
		w.api.push(text(i+1, i+1, fmt.Sprint("message ", i)))
		if i == messages/2 {
			first.stop()
		}
	}
	w.api.until(t, "all posts", func() bool { return len(w.page(testChannel).Posts) == messages })
	t.Log("took", time.Since(began))
	for i, p := range w.page(testChannel).Posts {
		if show(p) != fmt.Sprint("message ", i) {
			t.Fatalf("post %d is %q", i, show(p))
		}
	}
	w.api.until(t, "the offset", func() bool { return w.offset() == strconv.Itoa(messages+1) })
	if counts := w.metrics.Counts()[receiver.Delivery{Receiver: Name, Result: receiver.Taken}]; counts < messages {
		t.Errorf("counted %d", counts)
	}
}

// The offset goes on after what was stored alone. An update that can't be stored now is asked for again, and delays those after it.
func TestPollingConfirmsWhatIsStored(t *testing.T) {
	w := newWorld(t)
	w.api.admins[testChat] = []int64{7}
	w.api.failNext("getChatAdministrators", apiError{code: 500, description: "Internal Server Error"})
	w.api.push(text(1, 10, "Goal"), commanded(2, 11, "/pin", textMessage(10, "Goal")), text(3, 12, "Replay"))
	w.node(w.polling())
	w.api.wait(t, "getChatAdministrators", 1)
	w.api.wait(t, "getUpdates", 2)
	if got := w.api.of("getUpdates")[1].params["offset"]; got != "2" {
		t.Errorf("asked again from %s, want 2", got)
	}
	w.api.until(t, "the rest", func() bool { return w.offset() == "4" })
	posts := w.page(testChannel).Posts
	if len(posts) != 2 || !posts[0].Pinned {
		t.Errorf("posts: %+v", posts)
	}
}

// What can't be read is left out.
func TestPollingUnreadable(t *testing.T) {
	w := newWorld(t)
	w.api.push(`{"update_id":1,"message":{"message_id":"x"}}`, `{"update_id":2,"message":{"message_id":1,"chat":7}}`, text(3, 10, "Goal"))
	w.node(w.polling())
	w.api.until(t, "the offset", func() bool { return w.offset() == "4" })
	if show(w.post()) != "Goal" {
		t.Errorf("the post is %q", show(w.post()))
	}
}

// After a week without updates, Telegram begins with another number, which may be lower.
func TestPollingGoesBack(t *testing.T) {
	w := newWorld(t)
	w.api.push(text(900, 10, "Goal"))
	n := w.node(w.polling())
	w.api.until(t, "the offset", func() bool { return w.offset() == "901" })
	w.api.push(text(100, 11, "Replay"))
	w.api.until(t, "the offset", func() bool { return w.offset() == "101" })
	n.stop()
	if got := len(w.page(testChannel).Posts); got != 2 {
		t.Errorf("there are %d posts", got)
	}
}

func TestPollingWithAWebhook(t *testing.T) {
	t.Run("is an error that says what to do", func(t *testing.T) {
		w := newWorld(t)
		w.api.hook = map[string]string{"url": "https://elsewhere.example/hook"}
		w.node(w.polling())
		w.api.until(t, "the log", func() bool { return strings.Contains(w.logs.String(), "set delete_webhook, or mode to webhook") })
		if len(w.api.of("deleteWebhook")) != 0 {
			t.Error("the webhook was deleted")
		}
	})
	t.Run("deletes it by option", func(t *testing.T) {
		w := newWorld(t)
		w.api.hook = map[string]string{"url": "https://elsewhere.example/hook"}
		w.api.push(text(1, 10, "Goal"))
		o := w.polling()
		o.DeleteWebhook = true
		w.node(o)
		w.api.until(t, "the offset", func() bool { return w.offset() == "2" })
	})
	t.Run("another program", func(t *testing.T) {
		w := newWorld(t)
		w.api.failNext("getUpdates", apiError{code: 409, description: "Conflict: terminated by other getUpdates request"})
		w.node(w.polling())
		w.api.until(t, "the log", func() bool { return strings.Contains(w.logs.String(), "another program asks") })
	})
}

// Telegram says how long to wait.
func TestPollingObeysRetryAfter(t *testing.T) {
	w := newWorld(t)
	w.api.failNext("getUpdates", apiError{code: 429, description: "Too Many Requests: retry after 2", retryAfter: 2})
	w.api.push(text(1, 10, "Goal"))
	began := time.Now()
	w.node(w.polling())
	w.api.until(t, "the offset", func() bool { return w.offset() == "2" })
	if d := time.Since(began); d < 2*time.Second {
		t.Errorf("asked again after %v", d)
	}
}

func TestBackoff(t *testing.T) {
	for failures, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 7: time.Minute, 1000: time.Minute} {
		if got := backoff(failures, nil); got != want {
			t.Errorf("after %d failures %v, want %v", failures, got, want)
		}
	}
	late := &motacilla.RetryError{Err: motacilla.ErrTooMany, After: 2 * time.Hour}
	if got := backoff(1, fmt.Errorf("poll: %w", late)); got != 2*time.Hour {
		t.Errorf("backoff is %v", got)
	}
}
