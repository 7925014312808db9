package relay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/work"
)

// TestLeaderIsCutOff has two nodes relay a thousand channels. The leader loses the store for 30 s, but not the hub; the next one
// ends without a word. Nothing is missing at the hub, and nothing of an older leader comes after something of a newer one.
func TestLeaderIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const channels = 1000
		store, h := newStore(t), &hub{}
		ids, began := make([]motacilla.ChannelID, channels), make(map[motacilla.ChannelID]motacilla.Revision)
		for i := range ids {
			ids[i] = motacilla.ChannelID(fmt.Sprintf("match-%d", i))
			began[ids[i]] = create(t, store, ids[i]).Head
		}
		// A push takes its time, so that some are under way whenever something happens.
		h.answer = func(ctx context.Context, _ *relay.Message) error {
			select {
			case <-time.After(20 * time.Millisecond):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		nodes := []*node{start(t, store, h, relay.Options{}, relay.Traits{}), start(t, store, h, relay.Options{}, relay.Traits{})}
		defer func() {
			for _, n := range nodes {
				n.stop()
			}
		}()
		for !nodes[0].relay.Status().Leading && !nodes[1].relay.Status().Leading { // it begins with what is new then
			time.Sleep(time.Second)
		}
		writing, done := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			for i := 0; writing.Err() == nil; i++ {
				post(t, store, ids[i%channels], "Goal")
				time.Sleep(12 * time.Millisecond)
			}
		})
		time.Sleep(10 * time.Second)
		for range 3 {
			leader := 0
			if nodes[1].relay.Status().Leading {
				leader = 1
			}
			nodes[leader].way.set(true)
			time.Sleep(30 * time.Second)
			if !nodes[1-leader].relay.Status().Leading {
				t.Error("the other node does not relay while the leader is cut off")
			}
			nodes[leader].way.set(false)
			time.Sleep(10 * time.Second)
		}
		done()
		all.Wait()
		time.Sleep(30 * time.Second)
		for _, wrong := range h.gaps(began) {
			t.Error(wrong)
		}
		at := h.at()
		for _, ch := range ids {
			c, err := store.Channel(t.Context(), ch)
			if err != nil || at[ch] != c.Head {
				t.Errorf("the hub is at %d in %s, want %d (%v)", at[ch], ch, c.Head, err)
			}
		}
		terms := make(map[int64]bool)
		for _, p := range h.all() {
			terms[p.term] = true
		}
		if len(terms) != 4 {
			t.Errorf("there were %d terms, want 4", len(terms))
		}
	})
}

// TestBeginsWithTheNew: a relay that is new to a store pushes nothing that is old, and of a channel that is made later, everything.
func TestBeginsWithTheNew(t *testing.T) {
	store, h := newStore(t), &hub{}
	create(t, store, "old")
	post(t, store, "old", "Before the relay")
	n := start(t, store, h, relay.Options{}, relay.Traits{})
	defer n.stop()
	eventually(t, "the node relays", func() bool { return n.relay.Status().Leading })
	made := create(t, store, "new")
	post(t, store, "new", "Goal")
	eventually(t, "the new channel is relayed", func() bool { return len(h.all()) > 0 })
	for _, p := range h.all() {
		if p.channel != "new" || p.from != made.Head {
			t.Errorf("the hub got %+v, want what follows %d on the new channel", p, made.Head)
		}
	}
}

// TestPatterns: only the channels that are named are relayed.
func TestPatterns(t *testing.T) {
	store, h := newStore(t), &hub{}
	n := start(t, store, h, relay.Options{Channels: []string{"match-*", "final"}}, relay.Traits{})
	defer n.stop()
	eventually(t, "the node relays", func() bool { return n.relay.Status().Leading })
	for _, ch := range []motacilla.ChannelID{"other", "match", "match-1", "a-match-1", "final", "finals"} {
		create(t, store, ch)
		post(t, store, ch, "Goal")
	}
	eventually(t, "both have come", func() bool { return len(h.at()) == 2 })
	if at := h.at(); at["match-1"] == 0 || at["final"] == 0 {
		t.Errorf("the hub got %v", at)
	}
}

// TestPrivateToTheEnd: a hub that gets private channels can tell them from others, also when they are deleted.
func TestPrivateToTheEnd(t *testing.T) {
	store, h := newStore(t), &hub{}
	var open atomic.Int64
	h.answer = func(_ context.Context, m *relay.Message) error {
		if !m.Private() {
			open.Add(1)
		}
		return nil
	}
	n := start(t, store, h, relay.Options{Private: true}, relay.Traits{})
	defer n.stop()
	eventually(t, "the node relays", func() bool { return n.relay.Status().Leading })
	for _, ch := range []motacilla.ChannelID{"one", "two"} {
		if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: ch, Access: motacilla.Private}, 0); err != nil {
			t.Fatal(err)
		}
		post(t, store, ch, "A secret")
		eventually(t, "it is pushed", func() bool { return h.at()[ch] != 0 })
	}
	n.stop() // what is not in memory is deleted too
	n = start(t, store, h, relay.Options{Private: true}, relay.Traits{})
	defer n.stop()
	eventually(t, "the node relays", func() bool { return n.relay.Status().Leading })
	for i, ch := range []motacilla.ChannelID{"one", "two"} {
		if i == 1 {
			post(t, store, ch, "Another") // brings it into memory
			eventually(t, "it is pushed", func() bool { return n.relay.Status().Behind == 0 })
		}
		before := len(h.all())
		if _, err := store.DeleteChannel(t.Context(), ch); err != nil {
			t.Fatal(err)
		}
		eventually(t, "its end is pushed", func() bool { return len(h.all()) > before })
	}
	if n := open.Load(); n > 0 {
		t.Errorf("%d messages of private channels were not private", n)
	}
}

// TestRefused: what the hub will never take holds nothing up, and is told of.
func TestRefused(t *testing.T) {
	store := newStore(t)
	create(t, store, "one")
	create(t, store, "two")
	h := &hub{answer: func(_ context.Context, m *relay.Message) error {
		if m.Channel == "one" {
			return work.Permanent(errors.New("no"))
		}
		return nil
	}}
	var gaveUp atomic.Int64
	n := start(t, store, h, relay.Options{}, relay.Traits{GaveUp: func(_ context.Context, m *relay.Message, cause error) error {
		if gaveUp.Add(1) == 1 {
			return errors.New("the store is away") // then it is tried again
		}
		return nil
	}})
	defer n.stop()
	eventually(t, "the node relays", func() bool { return n.relay.Status().Leading })
	post(t, store, "one", "Goal")
	post(t, store, "two", "Goal")
	eventually(t, "one is refused and the other is there", func() bool {
		return n.relay.Status().Refused == 1 && h.at()["two"] != 0
	})
	if n := gaveUp.Load(); n != 2 {
		t.Errorf("GaveUp was called %d times, want 2", n)
	}
}

// TestPatience: what the hub does not take for long enough is given up.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		create(t, store, "one")
		var down atomic.Bool
		down.Store(true)
		h := &hub{answer: func(context.Context, *relay.Message) error {
			if down.Load() {
				return errors.New("down")
			}
			return nil
		}}
		type letter struct {
			at   time.Time
			from motacilla.Revision
		}
		letters := make(chan letter, 10)
		traits := relay.Traits{Patience: 24 * time.Hour, GaveUp: func(_ context.Context, m *relay.Message, _ error) error {
			letters <- letter{time.Now(), m.From}
			return nil
		}}
		n := start(t, store, h, relay.Options{Backoff: 10 * time.Minute}, traits)
		defer n.stop()
		time.Sleep(time.Second)
		p := post(t, store, "one", "Goal")
		time.Sleep(23 * time.Hour)
		if len(letters) != 0 {
			t.Error("it is given up after less than a day")
		}
		time.Sleep(2 * time.Hour)
		if len(letters) != 1 {
			t.Fatalf("after 25 hours there are %d letters, want 1", len(letters))
		}
		if after := (<-letters).at.Sub(p.Revision.Time()); after < 24*time.Hour {
			t.Errorf("it is given up after %v", after)
		}
		down.Store(false)
		post(t, store, "one", "Another goal")
		time.Sleep(15 * time.Minute)
		if got := h.all(); len(got) != 1 {
			t.Errorf("after the hub's return it got %v", got)
		}
	})
}

func TestWrongOptions(t *testing.T) {
	n := start(t, newStore(t), &hub{}, relay.Options{}, relay.Traits{})
	defer n.stop()
	kit := &relay.Kit{Feed: n.feed, Source: n.way}
	for want, o := range map[string]relay.Options{
		"name: must be":        {Name: "a/b"},
		"channels[1]: must be": {Channels: []string{"a", "["}},
		"channels[0]: must be": {Channels: []string{""}},
	} {
		_, err := relay.New(kit, &hub{}, &o, relay.Traits{Name: "test"})
		if !errors.Is(err, motacilla.ErrInvalid) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
}
