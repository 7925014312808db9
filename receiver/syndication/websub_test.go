package syndication

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage/memory"
)

const atomType = "application/atom+xml"

// subscribed returns a receiver that has subscribed to a feed with one entry, and the hub.
func subscribed(t *testing.T) (*memory.Store, *site, *hub, *Receiver) {
	t.Helper()
	store, web, h := newStore(t), newSite(t), newHub(t)
	web.set(func(s *site) {
		s.header.Add("Link", "<"+h.URL+`/>; rel="hub"`)
		s.header.Add("Link", "</topic>; rel=self")
		s.document = atomOf(`<link rel="hub" href="http://wrong.example/"/>`, item{id: "1", content: "first"})
	})
	var r *Receiver
	own := serve(t, func() *Receiver { return r })
	kit := newKit(t, store)
	kit.PublicURL = own.URL
	r = newReceiver(t, kit, nil, web.URL+"/feed=match-42")
	start(t, r)
	eventually(t, "a subscription", func() bool { return len(h.subscriptions()) == 1 && stateOf(t, r).Subscription.lasts(time.Now()) > 0 })
	return store, web, h, r
}

func TestWebSub(t *testing.T) {
	store, web, h, r := subscribed(t)
	var callback string
	var f url.Values
	for callback, f = range h.subscriptions() {
		if f.Get("hub.topic") != web.URL+"/topic" || len(f.Get("hub.secret")) < 32 || f.Get("hub.lease_seconds") != "86400" ||
			!strings.HasPrefix(callback, r.kit.PublicURL+"/hooks/syndication/websub/") {
			t.Errorf("subscribed with %v", f)
		}
	}
	for i, method := range []string{"sha1", "sha256", "sha384", "sha512"} {
		h.method = method
		document := atomOf("", item{id: method, content: "by " + method, minute: i + 1}) // without the older ones
		for range 2 {
			if s := h.publish(atomType, document); len(s) != 1 || s[0] != http.StatusOK {
				t.Errorf("%s: statuses %v", method, s)
			}
		}
	}
	want := []string{"by sha512", "by sha384", "by sha256", "by sha1", "first"}
	wantPosts(t, store, want...)

	// What is not signed as it must be is acknowledged, and ignored.
	evil := atomOf("", item{id: "evil", content: "evil", minute: 50}, item{id: "sha1", content: "evil", minute: 1, updated: 50})
	secret := f.Get("hub.secret")
	for _, wrong := range []string{
		"", "sha256=", "sha256=00", "sha256=" + signature("sha256", "other", evil), "sha256=" + signature("sha1", secret, evil), "=" + signature("sha1", secret, evil),
		"md5=" + signature("sha1", secret, evil), "sha256=" + signature("sha256", secret, evil+" "), "sha256=zz", signature("sha256", secret, evil),
	} {
		if status := distribute(t, callback, atomType, evil, wrong, ""); status != http.StatusOK {
			t.Errorf("signature %q: status %d", wrong, status)
		}
		wantPosts(t, store, want...)
	}
	// A subscription that there is not is gone.
	for _, other := range []string{callback + "0", callback[:len(callback)-1], r.kit.PublicURL + r.callbackPath("x"), r.kit.PublicURL + r.callbackPath(r.feeds[0].key)} {
		if status := distribute(t, other, atomType, evil, "sha256="+signature("sha256", secret, evil), ""); status != http.StatusGone {
			t.Errorf("%s: status %d", other, status)
		}
		wantPosts(t, store, want...)
	}
	// A deletion is told. A delivery that is no feed makes the receiver look at the feed itself.
	deletion := atomOf(`<at:deleted-entry ref="urn:entry:sha512" when="2026-03-01T12:00:00Z"/>`)
	h.publish(atomType, deletion)
	wantPosts(t, store, want[1:]...)
	web.publish(atomOf("", item{id: "9", content: "ninth", minute: 9}, item{id: "1", content: "first"}))
	if s := h.publish("text/plain", "news!"); s[0] != http.StatusOK {
		t.Errorf("a delivery that is no feed: %v", s)
	}
	eventually(t, "the feed was asked for", func() bool { return strings.Contains(textOf(posts(t, store)[0]), "ninth") })
	if st := stateOf(t, r); time.Until(st.Next) < 50*time.Minute {
		eventually(t, "the feed is asked for less often", func() bool { return time.Until(stateOf(t, r).Next) > 50*time.Minute })
	}
}

func TestVerificationOfIntent(t *testing.T) {
	_, _, h, r := subscribed(t)
	for callback, f := range h.subscriptions() {
		ask := func(mode, topic, challenge string) (int, string) {
			return get(t, callback+"?"+url.Values{"hub.mode": {mode}, "hub.topic": {topic}, "hub.challenge": {challenge}, "hub.lease_seconds": {"60"}}.Encode())
		}
		topic := f.Get("hub.topic")
		if status, body := ask("subscribe", topic, "<b>x</b>"); status != 200 || body != "<b>x</b>" {
			t.Errorf("a second verification: %d %q", status, body)
		}
		for _, c := range []struct {
			mode, topic, challenge string
			status                 int
		}{
			{"unsubscribe", topic, "x", 404}, {"subscribe", topic + "x", "x", 404}, {"subscribe", topic, "", 400}, {"", topic, "x", 404},
			{"subscribe", topic, strings.Repeat("x", 5000), 400},
		} {
			if status, body := ask(c.mode, c.topic, c.challenge); status != c.status || body == c.challenge {
				t.Errorf("%+v: %d %q", c, status, body)
			}
		}
		if got := stateOf(t, r).Subscription.lasts(time.Now()); got > time.Minute || got < 30*time.Second {
			t.Errorf("the lease is %v", got)
		}
		if status, _ := ask("denied", topic, ""); status != 200 {
			t.Errorf("denied: %d", status)
		}
		if s := stateOf(t, r).Subscription; s.Active || time.Until(s.Next) < 23*time.Hour {
			t.Errorf("after it was denied the subscription is %+v", s)
		}
		resp, err := http.Head(callback)
		if err != nil || resp.StatusCode == 200 {
			t.Errorf("HEAD: %v, %v", resp, err)
		}
	}
}

// A feed that names another hub, or none, leaves the one that it had. So does a feed that is no longer configured.
func TestLeavingHubs(t *testing.T) {
	store, web, h, r := subscribed(t)
	second := newHub(t)
	web.set(func(s *site) { s.header.Set("Link", "<"+second.URL+`/>; rel="hub"`) })
	refresh(t, r)
	r.feeds[0].keepSubscribed(t.Context())
	eventually(t, "the other hub", func() bool { return len(second.subscriptions()) == 1 && len(h.subscriptions()) == 0 })
	eventually(t, "the first subscription is forgotten", func() bool { return len(stateOf(t, r).Leaving) == 0 })

	key := r.feeds[0].key
	var changed *Receiver
	own := serve(t, func() *Receiver { return changed })
	kit := newKit(t, store)
	kit.PublicURL = own.URL
	changed = newReceiver(t, kit, nil, "https://other.example/feed=match-42")
	if err := r.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	// The callback of the first server is that of the same receiver, which knows the feed no longer.
	r.feeds = changed.feeds
	if err := changed.forgetFeeds(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the hub of a feed that is gone was left", func() bool { return len(second.subscriptions()) == 0 })
	if err := changed.forgetFeeds(t.Context()); err != nil {
		t.Fatal(err)
	}
	var st state
	if version, err := changed.states.load(t.Context(), key, &st); err != nil || version != 0 {
		t.Errorf("the state is still there: %+v, %v", st, err)
	}
}

// A subscription is renewed before it ends, with the same callback and secret.
func TestRenewal(t *testing.T) {
	_, _, h, r := subscribed(t)
	before := stateOf(t, r).Subscription
	r.feeds[0].keepSubscribed(t.Context())
	if n := h.asked(); n != 1 {
		t.Fatalf("the hub was asked %d times", n)
	}
	err := change(t.Context(), r.states, r.feeds[0].key, func(st *state) error { st.Subscription.Next = time.Now(); return nil })
	if err != nil {
		t.Fatal(err)
	}
	r.feeds[0].keepSubscribed(t.Context())
	eventually(t, "a second request", func() bool { return h.asked() == 2 })
	eventually(t, "a longer lease", func() bool { return stateOf(t, r).Subscription.Expires.After(before.Expires) })
	if after := stateOf(t, r).Subscription; after.ID != before.ID || after.Secret != before.Secret || after.Failures != 0 {
		t.Errorf("renewed from %+v to %+v", before, after)
	}
}

// A hub that fails is asked rarely, and the feed is asked for as if there were none.
func TestHubThatFails(t *testing.T) {
	store, web := newStore(t), newSite(t)
	broken := newSite(t)
	broken.set(func(s *site) { s.status = http.StatusInternalServerError })
	web.publish(atomOf(`<link rel="hub" href="`+broken.URL+`"/>`, item{id: "1", content: "first"}))
	kit := newKit(t, store)
	kit.PublicURL = "http://127.0.0.1:1"
	r := newReceiver(t, kit, nil, web.URL+"/feed=match-42")
	refresh(t, r)
	for range 5 {
		r.feeds[0].keepSubscribed(t.Context())
	}
	if n := len(broken.asked()); n != 1 {
		t.Errorf("the hub was asked %d times", n)
	}
	refresh(t, r)
	if st := stateOf(t, r); time.Until(st.Next) > 3*time.Minute || time.Until(st.Subscription.Next) < 9*time.Minute {
		t.Errorf("the state is %+v, %+v", st, st.Subscription)
	}
	// Without a public URL, or without the option, no hub is asked.
	for name, change := range map[string]func(*Options, *receiver.Kit){
		"nowhere": func(_ *Options, kit *receiver.Kit) { kit.PublicURL = "" },
		"off":     func(o *Options, _ *receiver.Kit) { o.WebSub = false },
	} {
		kit := newKit(t, store)
		kit.PublicURL = "http://127.0.0.1:1"
		r := newReceiver(t, kit, func(o *Options) { o.Name = name; change(o, kit) }, web.URL+"/feed=match-42")
		refresh(t, r)
		r.feeds[0].keepSubscribed(t.Context())
		if n := len(broken.asked()); n != 1 {
			t.Errorf("%s: the hub was asked", name)
		}
	}
}
