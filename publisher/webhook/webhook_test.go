package webhook_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/webhook"
)

const channel = publishertest.Channel

// gets waits until the target has taken a message for which ok is true, and returns it.
func (tg *target) gets(r *rig, what string, ok func(message) bool) (found message) {
	r.Helper()
	r.Eventually(what, func() bool {
		for _, m := range tg.messages() {
			if ok(m) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

func reaches(head motacilla.Revision) func(message) bool {
	return func(m message) bool { return m.Data.Update.Revision >= head }
}

// The envelope says what happened, where, and by which relay. A repetition has the same ID.
func TestMessage(t *testing.T) {
	r, tg := newRig(t, nil), newTarget(t)
	var ids []string
	tg.respond(func(w http.ResponseWriter, r *http.Request) {
		if ids = append(ids, r.Header.Get("webhook-id")); len(ids) == 3 {
			tg.answer = nil
		}
		w.WriteHeader(http.StatusBadGateway)
	})
	p, _ := r.start(options(tg.url))
	post := r.Post(channel, "Goal")
	m := tg.gets(r, "the target gets the post", reaches(post.Revision))
	switch u := m.Data.Update; {
	case m.Type != "channel.updated" || m.Data.Relay != "partner" || m.Data.Term <= 0 || m.Data.Private:
		t.Errorf("the envelope is %+v", m)
	case m.Data.Page != "https://live.example.org/blog/channels/"+string(channel):
		t.Errorf("the page is %q", m.Data.Page)
	case !m.Timestamp.Equal(post.Revision.Time()):
		t.Errorf("the time is %v, want %v", m.Timestamp, post.Revision.Time())
	case u.Channel != channel || len(u.Renders) != 1 || u.Renders[0].Content != "Goal":
		t.Errorf("the update is %+v", u)
	}
	if !strings.HasPrefix(m.ID, "msg_") || strings.Contains(m.ID, ".") {
		t.Errorf("the ID is %q", m.ID)
	}
	for _, id := range ids {
		if id != m.ID {
			t.Errorf("the IDs of one message are %q and %q", ids, m.ID)
		}
	}
	r.Eventually("the counters are right", func() bool {
		s := p.Status()
		return s.Pushes == 1 && s.Failed == 3 && s.Refused == 0 && s.Failing.IsZero()
	})
}

func TestTypes(t *testing.T) {
	r, tg := newRig(t, &publishertest.SiteOptions{Feed: publisher.FeedOptions{CatchUp: 20, PageSize: 5}}), newTarget(t)
	_, stop := r.start(options(tg.url))
	tg.gets(r, "an update", reaches(r.Post(channel, "first").Revision))
	stop()
	for range 21 {
		r.Post(channel, "many")
	}
	_, stop = r.start(options(tg.url))
	m := tg.gets(r, "a reset", reaches(r.Head(channel)))
	if u := m.Data.Update; m.Type != "channel.reset" || !u.Reset || len(u.Renders) != 5 {
		t.Errorf("after more than a delta carries the message is a %s with %d posts", m.Type, len(u.Renders))
	}
	stop()
	for range webhook.MaxBytes/motacilla.MaxText + 1 {
		r.Post(channel, strings.Repeat("long", motacilla.MaxText/4))
	}
	r.start(options(tg.url))
	m = tg.gets(r, "a notice", reaches(r.Head(channel)))
	if u := m.Data.Update; m.Type != "channel.notice" || !u.Heartbeat() || u.Revision != r.Head(channel) {
		t.Errorf("in the place of what is too large the message is a %s: %+v", m.Type, u)
	}
	if _, err := r.Store.DeleteChannel(t.Context(), channel); err != nil {
		t.Fatal(err)
	}
	tg.gets(r, "the end", func(m message) bool { return m.Type == "channel.gone" && m.Data.Update.Gone })
}

// Redirects are not followed.
func TestRedirect(t *testing.T) {
	r, tg := newRig(t, nil), newTarget(t)
	var reached atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	tg.respond(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", other.URL)
		w.WriteHeader([]int{http.StatusFound, http.StatusPermanentRedirect}[tg.calls%2])
	})
	p, stop := r.start(options(tg.url))
	post := r.Post(channel, "Goal")
	r.Eventually("it is tried again", func() bool { return p.Status().Failed >= 3 })
	if p.Status().Pushes > 0 || reached.Load() > 0 {
		t.Errorf("%d pushes succeeded, and the other server was called %d times", p.Status().Pushes, reached.Load())
	}
	tg.refuse(0)
	tg.gets(r, "the target gets it", reaches(post.Revision))
	stop()
}

// A private address is not called, unless the entry allows it.
func TestPrivateAddress(t *testing.T) {
	r, tg := newRig(t, nil), newTarget(t)
	for _, allow := range [][]string{nil, {"10.0.0.0/8", "::1/128"}} {
		o := options(tg.url)
		o.Allow = allow
		p, stop := r.start(o)
		r.Post(channel, "Goal")
		r.Eventually("it is tried", func() bool { return p.Status().Failed >= 2 })
		if p.Status().Failing.IsZero() || tg.called() > 0 {
			t.Errorf("with %q the target was called %d times", allow, tg.called())
		}
		stop()
	}
	r.start(options(tg.url))
	tg.gets(r, "the target gets it", reaches(r.Head(channel)))
}

// A target that fails holds up no other one.
func TestOthersGoOn(t *testing.T) {
	r, broken, sound := newRig(t, nil), newTarget(t), newTarget(t)
	broken.refuse(http.StatusServiceUnavailable)
	p, _ := r.start(options(broken.url))
	o := options(sound.url)
	o.Name, o.Channels = "other", []string{"match-*"}
	r.start(o)
	r.Create("elsewhere", motacilla.Public)
	r.Post("elsewhere", "No match")
	for range 5 {
		sound.gets(r, "the other one gets it", reaches(r.Post(channel, "Goal").Revision))
	}
	r.Eventually("the broken one was tried", func() bool { return p.Status().Failed > 0 })
	for _, m := range sound.messages() {
		if m.Data.Update.Channel != channel {
			t.Errorf("the target got %q", m.Data.Update.Channel)
		}
	}
}

// A private channel is sent only if the entry says so, and is marked then.
func TestPrivateChannel(t *testing.T) {
	r, tg := newRig(t, nil), newTarget(t)
	o := options(tg.url)
	o.Private = true
	r.start(o)
	m := tg.gets(r, "the target gets it", reaches(r.Post(publishertest.Members, "Goal").Revision))
	if !m.Data.Private {
		t.Error("the message is not marked as private")
	}
}

func TestOptions(t *testing.T) {
	r := newRig(t, nil)
	if _, err := webhook.New(r.kit(), nil); err == nil {
		t.Error("no options are valid")
	}
	for field, change := range map[string]func(*webhook.Options){
		"url":        func(o *webhook.Options) { o.URL = "example.org/hook" },
		"secrets":    func(o *webhook.Options) { o.Secrets = nil },
		"secrets[0]": func(o *webhook.Options) { o.Secrets = []string{strings.TrimPrefix(secret, "whsec_")} },
		"secrets[1]": func(o *webhook.Options) { o.Secrets = []string{secret, "whsec_c2hvcnQ="} },
		"allow[0]":   func(o *webhook.Options) { o.Allow = []string{"10.0.0.1"} },
		"name":       func(o *webhook.Options) { o.Name = "a/b" },
	} {
		o := options("https://example.org/hook")
		change(o)
		_, err := webhook.New(r.kit(), o)
		if err == nil || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("a wrong %s: %v", field, err)
		} else if strings.Contains(err.Error(), "c2hvcnQ") {
			t.Errorf("the error has a secret: %v", err)
		}
	}
}
