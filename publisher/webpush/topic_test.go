package webpush

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/work"
)

// TestHeaders: what a push service is told of a message is as RFC 8030, section 5, wants it.
func TestHeaders(t *testing.T) {
	o := Defaults()
	o.TTL, o.Urgency = time.Hour, "normal"
	r := newRig(t, o)
	identify(t, r.Publisher)
	paths := r.subscribers(1)
	event := goal()
	event.Created = time.Now().Add(-20 * time.Minute)
	post := r.post(event)
	before := time.Now()
	if err := r.first(post); err != nil {
		t.Fatal(err)
	}
	h := r.service.header(paths[0])
	ttl, err := strconv.Atoi(h.Get("TTL"))
	most, least := o.TTL-before.Sub(post.Created), o.TTL-time.Since(post.Created)
	if err != nil || time.Duration(ttl)*time.Second > most || time.Duration(ttl+1)*time.Second < least {
		t.Errorf("TTL is %q, want %v", h.Get("TTL"), most)
	}
	if h.Get("Urgency") != "normal" || h.Get("Content-Encoding") != "aes128gcm" || !regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`).MatchString(h.Get("Topic")) {
		t.Errorf("the headers are %v", h)
	}
}

// TestLateMessage: a push service that was busy, and gets an older message after a newer one, keeps both. An older one with the same
// topic would take the newer one's place.
func TestLateMessage(t *testing.T) {
	r := newRig(t, nil)
	identify(t, r.Publisher)
	var free atomic.Bool
	r.service.answer = func(w http.ResponseWriter, _ string, _ int) bool {
		if !free.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return free.Load()
	}
	paths := r.subscribers(1)
	older := r.post(goal())
	if err := r.first(older); err == nil {
		t.Fatal("a busy service took a message")
	}
	topic := r.service.header(paths[0]).Get("Topic")
	free.Store(true)
	if err := r.first(r.post(goal())); err != nil {
		t.Fatal(err)
	}
	if got := r.service.header(paths[0]).Get("Topic"); topic == "" || got != topic {
		t.Errorf("messages of one channel have the topics %q and %q", topic, got)
	}
	payload, _ := json.Marshal(job{Channel: match, Post: older.ID})
	if err := r.do(t.Context(), work.Job{Payload: payload, Attempt: 2}); err != nil {
		t.Fatal(err)
	}
	if h := r.service.header(paths[0]); h["Topic"] != nil {
		t.Errorf("the older message has the topic %v", h["Topic"])
	}
	if got, _ := r.service.times(paths...); got[0] != 2 {
		t.Errorf("the service has %d messages", got[0])
	}
}
