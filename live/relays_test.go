package live_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/prometheus/client_golang/prometheus"
)

// deadHub takes nothing.
type deadHub struct{}

func (deadHub) Push(context.Context, *relay.Message) error { return errors.New("it is dead") }

func relays(t *testing.T, names ...string) func(p *live.Parts) []publisher.Publisher {
	return func(p *live.Parts) (list []publisher.Publisher) {
		for _, name := range names {
			r, err := relay.New(p.RelayKit(), deadHub{}, &relay.Options{Name: name}, relay.Traits{Name: "dead"})
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, r)
		}
		return list
	}
}

// TestRelays: a hub that takes nothing is told of, and the site is ready all the same.
func TestRelays(t *testing.T) {
	store, registry := memory.New(nil), prometheus.NewRegistry()
	defer store.Close()
	l, err := live.New(live.Options{Store: store, Metrics: registry, Publishers: relays(t, "one", "two")})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer l.Shutdown(context.Background())
	until := func(what string, cond func() bool) {
		t.Helper()
		for late := time.Now().Add(time.Minute); !cond(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(late) {
				t.Fatalf("not after a minute: %s", what)
			}
		}
	}
	until("both lead", func() bool { s := l.Relays(); return s[0].Leading && s[1].Leading })
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "match", Title: "A match"}, 0); err != nil {
		t.Fatal(err)
	}
	content := []motacilla.Block{motacilla.PlainText("Goal")}
	if _, err := store.PutPost(t.Context(), "match", motacilla.Post{Show: true, Content: content}, 0); err != nil {
		t.Fatal(err)
	}
	until("both fail", func() bool { s := l.Relays(); return !s[0].Failing.IsZero() && !s[1].Failing.IsZero() })
	if err := l.Ready(t.Context()); err != nil {
		t.Errorf("Ready: %v", err)
	}
	one := map[string]string{"relay": "one"}
	for name, want := range map[string]float64{
		"motacilla_relay_leading": 1, "motacilla_relay_failing": 1, "motacilla_relay_channels_behind": 1,
	} {
		if n, _ := counted(t, registry, name, one); n != want {
			t.Errorf("%s is %v, want %v", name, n, want)
		}
	}
	if n, _ := counted(t, registry, "motacilla_relay_pushes_total", map[string]string{"relay": "one", "result": "failed"}); n < 1 {
		t.Errorf("%v pushes have failed", n)
	}
}

func TestRelaysOfOneName(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	_, err := live.New(live.Options{Store: store, Publishers: relays(t, "one", "one")})
	if err == nil || !strings.Contains(err.Error(), `same name "one"`) {
		t.Errorf("two relays of one name: %v", err)
	}
}
