package publishertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// subscriber is a reader that follows a channel through the hub. It begins with a snapshot of the origin. If origin is set, it asks
// there each time that it connects and for what does not fit. Otherwise the hub must send it everything.
type subscriber struct {
	*reader
	origin *publisher.Feed
	gaps   int // updates that did not fit
}

// subscribe starts a subscriber, and waits until the hub sends to it. The caller writes nothing meanwhile, unless origin is set.
func (s *relaySite) subscribe(ch motacilla.ChannelID, origin *publisher.Feed) *subscriber {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	sub := &subscriber{origin: origin, reader: &reader{
		name: "subscriber", channel: ch, stop: cancel, ended: make(chan struct{}), moved: make(chan struct{}),
	}}
	first, err := s.Feed.Snapshot(ctx, ch)
	if err != nil {
		s.Fatal(err)
	}
	sub.view.Apply(first.Update, true)
	ready := make(chan struct{}, 1)
	go func() {
		defer close(sub.ended)
		for ctx.Err() == nil {
			sub.connect(ctx, s.hub, ready)
			pause(ctx, 20*time.Millisecond)
		}
	}()
	s.subscribers = append(s.subscribers, sub)
	select {
	case <-ready:
	case <-time.After(patience):
		s.Fatalf("the hub is not ready for a subscriber after %v: %v", patience, sub.lastError())
	}
	return sub
}

func (s *subscriber) lastError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// connect follows the hub until the connection breaks.
func (s *subscriber) connect(ctx context.Context, h *RelayHub, ready chan<- struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.note(func() { s.opened++ })
	defer s.note(func() { s.closed++ })
	connected := func() {
		s.ask(ctx)
		select {
		case ready <- struct{}{}:
		default:
		}
	}
	for u, err := range h.Follow(ctx, s.channel, connected) {
		if err != nil {
			s.note(func() { s.last = err })
			return
		}
		s.take(ctx, u)
	}
}

func (s *subscriber) note(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.signal()
}

// take applies what the hub sent.
func (s *subscriber) take(ctx context.Context, u *motacilla.Update) {
	again := false
	s.note(func() {
		s.heard++
		if u.Channel != s.channel {
			s.wrong = fmt.Errorf("an update of channel %q came on channel %q", u.Channel, s.channel)
			return
		}
		before := s.view.Revision
		if again = s.view.Apply(u, false); again {
			s.gaps++
			if s.origin == nil {
				s.wrong = fmt.Errorf("at %d the hub sends what begins at %d", before, u.From)
			}
		}
		if u.Reset {
			s.resets++
		}
	})
	if again {
		s.ask(ctx)
	}
}

// ask gets from the origin what the subscriber lacks.
func (s *subscriber) ask(ctx context.Context) {
	for s.origin != nil && ctx.Err() == nil {
		s.mu.Lock()
		since := s.view.Revision
		s.mu.Unlock()
		d, err := s.origin.Since(ctx, s.channel, since)
		if errors.Is(err, motacilla.ErrNotFound) {
			return
		}
		if err != nil {
			pause(ctx, 20*time.Millisecond)
			continue
		}
		s.note(func() { s.view.Apply(d.Update, true) })
		return
	}
}

// has waits until the subscriber has what the store has.
func (s *relaySite) has(t *testing.T, sub *subscriber) {
	t.Helper()
	sub.at(t, s.Head(sub.channel))
	s.check(t, sub.reader)
}
