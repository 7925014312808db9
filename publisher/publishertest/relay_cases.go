package publishertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// relayUpdates has every kind of change arrive, and nothing between them get lost.
func relayUpdates(t *testing.T, s *relaySite) {
	ch := s.channel("one", motacilla.Public)
	s.Post(ch, "Before the relay")
	n := s.leads()
	sub := s.subscribe(ch, nil)
	for i := range 10 {
		p := s.Post(ch, fmt.Sprintf("Goal %d <b>&amp; \"more\"</b> \u2028 ü", i))
		s.Edit(ch, p.ID, func(p *motacilla.Post) { p.Pinned = i%2 == 0 })
		if i%3 == 0 {
			s.Remove(ch, p.ID)
		}
		s.EditChannel(ch, func(c *motacilla.Channel) { c.Title = fmt.Sprintf("It is %d to %d", i, i) })
		s.has(t, sub)
	}
	s.level(n)
	if st := n.relay.Status(); st.Pushes == 0 || st.Failed != 0 || st.Refused != 0 {
		t.Errorf("the relay says that %d pushes succeeded, %d failed, %d were refused", st.Pushes, st.Failed, st.Refused)
	}
	if sub.resets != 0 {
		t.Errorf("the hub sent %d resets, though nothing was missing", sub.resets)
	}
}

// relayChannels has channels that are there before, and made later, some of whose names look alike.
func relayChannels(t *testing.T, s *relaySite) {
	var subs []*subscriber
	old := s.channel("old", motacilla.Public)
	s.leads()
	for _, name := range []string{"a", "A", "a.b", "a+b", "a:b", "a@b", "a~b", "a_b", "a-b", strings.Repeat("l", motacilla.MaxID-len(s.name)-1)} {
		ch := s.channel(name, motacilla.Public)
		s.Post(ch, "The first on "+name)
		subs = append(subs, s.subscribe(ch, s.Feed))
	}
	subs = append(subs, s.subscribe(old, s.Feed))
	for round := range 3 {
		for _, sub := range subs {
			s.Post(sub.channel, fmt.Sprintf("Goal %d on %s", round, sub.channel))
		}
		for _, sub := range subs {
			s.has(t, sub)
		}
	}
}

func relayDeleted(t *testing.T, s *relaySite) {
	ch, other := s.channel("one", motacilla.Public), s.channel("other", motacilla.Public)
	s.leads()
	sub, rest := s.subscribe(ch, nil), s.subscribe(other, nil)
	s.Post(ch, "Goal")
	s.has(t, sub)
	if _, err := s.Store.DeleteChannel(t.Context(), ch); err != nil {
		t.Fatal(err)
	}
	sub.until(t, "the channel is gone", func() bool { return sub.view.Gone })
	sub.close()
	s.Create(ch, motacilla.Public)
	again := s.subscribe(ch, s.Feed)
	s.Post(ch, "Another life")
	s.Post(other, "Goal elsewhere")
	s.has(t, again)
	s.has(t, rest)
}

// relayPrivate: what is private does not reach the hub.
func relayPrivate(t *testing.T, s *relaySite) {
	ch, secret := s.channel("one", motacilla.Public), s.channel("secret", motacilla.Private)
	n := s.leads()
	sub, spy := s.subscribe(ch, nil), s.subscribe(secret, nil)
	began := spy.held()
	s.Post(secret, "A secret")
	s.Post(ch, "Goal")
	s.has(t, sub)
	s.level(n)
	s.EditChannel(ch, func(c *motacilla.Channel) { c.Access = motacilla.Private })
	s.Post(ch, "Another secret")
	other := s.channel("other", motacilla.Public)
	marker := s.subscribe(other, s.Feed)
	s.Post(other, "Goal elsewhere")
	s.has(t, marker)
	s.level(n)
	if sub.has("Another secret") {
		t.Error("the hub got a post of a channel that had become private")
	}
	if held := spy.held(); held.Revision != began.Revision || spy.heard > 0 {
		t.Errorf("the hub got %d updates of a private channel", spy.heard)
	}
}

// relayLarge: what is too large for the hub makes readers ask the origin.
func relayLarge(t *testing.T, s *relaySite) {
	ch := s.channel("one", motacilla.Public)
	n := s.leads()
	sub := s.subscribe(ch, s.Feed)
	for _, size := range []int{s.hub.MaxBytes * 3 / 4, s.hub.MaxBytes - 100, s.hub.MaxBytes, 3 * s.hub.MaxBytes} {
		s.Post(ch, strings.Repeat("ab", min(size, motacilla.MaxText)/2))
		s.has(t, sub)
	}
	s.Post(ch, "small")
	s.has(t, sub)
	s.level(n)
	sub.until(t, "there was a notice", func() bool { return sub.gaps > 0 })
	if st := n.relay.Status(); st.Refused > 0 {
		t.Errorf("the hub refused %d messages", st.Refused)
	}
}

// relayResume: what is written while no relay runs comes after the next start.
func relayResume(t *testing.T, s *relaySite) {
	ch, still := s.channel("one", motacilla.Public), s.channel("still", motacilla.Public)
	n := s.leads()
	sub, quiet := s.subscribe(ch, nil), s.subscribe(still, nil)
	s.Post(ch, "Goal")
	s.has(t, sub)
	n.stop()
	s.Post(ch, "While it is away")
	later := s.channel("later", motacilla.Public)
	s.Post(later, "On a new channel")
	n = s.leads()
	s.has(t, sub)
	s.level(n)
	quiet.mu.Lock()
	defer quiet.mu.Unlock()
	if quiet.heard > 0 {
		t.Errorf("a channel on which nothing happened had %d updates", quiet.heard)
	}
}

// relayTwoNodes: one of two nodes pushes, and the other goes on after it.
func relayTwoNodes(t *testing.T, s *relaySite) {
	ch := s.channel("one", motacilla.Public)
	first, second := s.leads(), s.start()
	sub := s.subscribe(ch, nil)
	for i := range 5 {
		s.Post(ch, fmt.Sprintf("Goal %d", i))
		s.has(t, sub)
	}
	s.level(first)
	if st := second.relay.Status(); st.Leading || st.Pushes > 0 {
		t.Errorf("both nodes push: %+v", st)
	}
	first.stop()
	s.Post(ch, "Between them")
	s.Eventually("the other node relays", func() bool { return second.relay.Status().Leading })
	s.has(t, sub)
	s.Post(ch, "After it")
	s.has(t, sub)
}

// relayOutage: while the hub is away nothing is lost, and the relay says that it is behind.
func relayOutage(t *testing.T, s *relaySite) {
	ch, other := s.channel("one", motacilla.Public), s.channel("other", motacilla.Public)
	n := s.leads()
	s.Post(ch, "Goal")
	s.level(n)
	s.hub.Stop(t)
	for i := range 2 * catchUp {
		s.Post(ch, fmt.Sprintf("Goal %d while the hub is away", i))
	}
	s.Post(other, "And one")
	s.Eventually("the relay tells of the outage", func() bool {
		st := n.relay.Status()
		return st.Failed > 0 && !st.Failing.IsZero() && st.Behind > 0
	})
	s.hub.Start(t)
	s.level(n)
	sub := s.subscribe(ch, nil)
	s.Post(ch, "After it")
	s.has(t, sub)
}

// relayShutdown: a hub that is away keeps no relay from stopping.
func relayShutdown(t *testing.T, s *relaySite) {
	ch := s.channel("one", motacilla.Public)
	n := s.leads()
	s.Post(ch, "Goal")
	s.level(n)
	s.hub.Stop(t)
	s.Post(ch, "While the hub is away")
	s.Eventually("a push fails", func() bool { return n.relay.Status().Failed > 0 })
	n.stop()
	s.hub.Start(t)
	n = s.leads()
	s.Eventually("what was not pushed before the stop is pushed after it", func() bool { return n.relay.Status().Pushes > 0 })
	s.level(n)
}

// relayConvergence makes random edits while the hub, the store and the relay go and come back.
func relayConvergence(t *testing.T, s *relaySite) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	chs := []motacilla.ChannelID{s.channel("one", motacilla.Public), s.channel("two", motacilla.Public)}
	n := s.leads()
	var subs []*subscriber
	for _, ch := range chs {
		subs = append(subs, s.subscribe(ch, s.Feed))
	}
	posts := map[motacilla.ChannelID][]motacilla.PostID{}
	away := false
	for i := range 150 {
		ch := chs[rng.IntN(len(chs))]
		switch at := len(posts[ch]); {
		case at == 0 || rng.IntN(2) == 0:
			posts[ch] = append(posts[ch], s.Post(ch, fmt.Sprintf("change %d", i)).ID)
		case rng.IntN(4) == 0:
			s.Remove(ch, posts[ch][at-1])
			posts[ch] = posts[ch][:at-1]
		default:
			s.Edit(ch, posts[ch][rng.IntN(at)], func(p *motacilla.Post) { p.Author = fmt.Sprintf("author %d", i) })
		}
		switch k := rng.IntN(150); {
		case k == 0 && away:
			s.hub.Start(t)
			away = false
		case k == 0:
			s.hub.Stop(t)
			away = true
		case k < 2:
			n.stop()
			n = s.start()
		case k < 4:
			n.Source.Fail(true)
		case k < 30:
			n.Source.Fail(false)
		case k < 40:
			pause(context.Background(), time.Duration(rng.IntN(20))*time.Millisecond)
		}
	}
	if away {
		s.hub.Start(t)
	}
	n.Source.Fail(false)
	s.level(n)
	for _, sub := range subs { // one more change, which tells those who were away when the last one was pushed
		s.Post(sub.channel, "The end")
		s.has(t, sub)
	}
}
