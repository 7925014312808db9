package centrifugo_test

import (
	"context"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher/centrifugo"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// first returns the first publication of a subscription, once all of it is subscribed.
func first(ctx context.Context, t *testing.T, s *subscription, read func(*subscription, context.Context) publications) <-chan publication {
	t.Helper()
	ready, got := make(chan struct{}), make(chan publication, 1)
	s.ready = func() { close(ready) }
	go func() {
		defer close(got)
		for p, err := range read(s, ctx) {
			if err != nil {
				t.Errorf("%v: %v", s.channels, err)
				return
			}
			got <- p
			return
		}
	}()
	select {
	case <-ready:
	case <-got:
		t.Fatal("the subscription has failed")
	case <-ctx.Done():
		t.Fatalf("%v are not subscribed to", s.channels)
	}
	return got
}

// TestPrivate: Centrifugo sends updates of a private channel only to those who have a token for it.
func TestPrivate(t *testing.T) {
	server := realserver.NewCentrifugo(t)
	o := &centrifugo.Options{URL: server.URL + "/api", Key: realserver.CentrifugoAPIKey}
	o.Private = true
	site, kit, _ := newHub(t, o)
	r, err := centrifugo.New(kit, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Shutdown(context.Background()) }()
	site.Eventually("the site is relayed", func() bool { return r.Status().Leading })

	const secret, public = "$live:" + string(publishertest.Members), "live:" + string(publishertest.Members)
	const user, key = "reader-7", realserver.CentrifugoTokenKey
	ctx, cancel := context.WithTimeout(t.Context(), publishertest.Patience)
	defer cancel()
	connection := func(expires time.Duration, channels ...string) string {
		return must(t)(centrifugo.ConnectionToken(key, user, time.Now().Add(expires), channels...))
	}
	sub := func(user, channel string, expires time.Duration) map[string]string {
		return map[string]string{secret: must(t)(centrifugo.SubscriptionToken(key, user, time.Now().Add(expires), channel))}
	}
	for name, s := range map[string]struct {
		transport string
		subscription
		refused bool
	}{
		"subscription token":              {"WebSocket", subscription{connection: connection(time.Hour), tokens: sub(user, secret, time.Hour)}, false},
		"connection token":                {"SSE", subscription{connection: connection(time.Hour, secret)}, false},
		"no token":                        {"WebSocket", subscription{}, true},
		"no token, SSE":                   {"SSE", subscription{}, true},
		"no subscription token":           {"WebSocket", subscription{connection: connection(time.Hour)}, true},
		"token without the channel":       {"SSE", subscription{connection: connection(time.Hour)}, true},
		"token of another user":           {"WebSocket", subscription{connection: connection(time.Hour), tokens: sub("x", secret, time.Hour)}, true},
		"token of another channel":        {"WebSocket", subscription{connection: connection(time.Hour), tokens: sub(user, public, time.Hour)}, true},
		"subscription token that expired": {"WebSocket", subscription{connection: connection(time.Hour), tokens: sub(user, secret, -time.Hour)}, true},
		"connection token that expired":   {"SSE", subscription{connection: connection(-time.Hour, secret)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := s
			s.server, s.channels = server.URL, []string{secret}
			if s.refused {
				s.ready = func() { t.Error("a reader is let in") }
				for p, err := range transports[s.transport](&s.subscription, ctx) {
					if err == nil {
						t.Errorf("a reader gets %+v", p)
					}
					return
				}
				t.Error("Centrifugo does not refuse it")
				return
			}
			eavesdropper := first(ctx, t, &subscription{server: server.URL, channels: []string{public, "live:marker"}}, transports["SSE"])
			got := first(ctx, t, &s.subscription, transports[s.transport])
			post := site.Post(publishertest.Members, "A secret")
			if p := <-got; p.channel != secret || p.update == nil || p.update.Revision != post.Revision {
				t.Errorf("a member gets %+v", p)
			}
			site.Create("marker", motacilla.Public)
			site.Post("marker", "Goal")
			if p := <-eavesdropper; p.channel != "live:marker" {
				t.Errorf("who is no member gets %+v", p)
			}
			if _, err := site.Store.DeleteChannel(t.Context(), "marker"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func must(t *testing.T) func(string, error) string {
	return func(s string, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}
