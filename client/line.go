package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

// line is what one connection follows. It is guarded by Many.mu.
type line struct {
	inAddress bool
	send      func(message []byte) error // nil if the connection takes no messages, or not yet
	asked     map[motacilla.ChannelID]*subscription
	on        map[motacilla.ChannelID]*place
	leaving   bool      // the server was asked to stop following channels
	since     time.Time // of asked and leaving
	changed   time.Time // since when it must be opened anew for other channels; zero is never
	busy      bool      // the caller's loop is waited for
	skipped   bool      // something was to be done meanwhile
}

// place is a channel that a connection follows.
type place struct {
	*subscription
	begun bool // its first update has come
	moved bool // its cursor has moved
}

// message takes an update or a notice.
func (b *bundle) message(s *session, kind string, data []byte) (more bool, err error) {
	if kind != "" && kind != plainEvent && !isNotice(kind) {
		return true, nil
	}
	m, err := parseMessage(data)
	if err != nil {
		return false, err
	}
	s.deliver()
	switch {
	case m.update != nil:
		b.update(m.update)
	case m.refused != "":
		b.refused(m.refused, m.problem)
	case m.problem != nil:
		return false, refusal(m.problem)
	default:
		b.answered(m.subscribed, len(m.unsubscribed) > 0)
	}
	return !b.over(), nil
}

// update takes an update. One of a channel that the connection should not follow is dropped.
func (b *bundle) update(u *motacilla.Update) {
	b.many.mu.Lock()
	defer b.many.mu.Unlock()
	at := b.line.on[u.Channel]
	if at == nil {
		return
	}
	var verdict motacilla.Verdict
	b.tell(func() { verdict = b.take(at.subscription, u, !at.begun) })
	at.begun = true
	switch {
	case verdict == motacilla.AskAgain:
		delete(b.line.on, u.Channel)
		if !at.moved {
			at.again = time.Now().Add(at.backoff.next(0))
		}
		b.notify()
	case verdict == motacilla.Take && u.Gone:
		delete(b.line.on, u.Channel)
	case verdict == motacilla.Take:
		at.moved, at.backoff = true, b.many.client.backoff()
	}
}

// tell calls f, which waits for the caller's loop. The channels of the connection are left as they are meanwhile. The caller must hold
// Many.mu, which f is called without.
func (b *bundle) tell(f func()) {
	b.line.busy = true
	b.many.mu.Unlock()
	f()
	b.many.mu.Lock()
	b.line.busy, b.line.since = false, time.Now()
	if b.line.skipped {
		b.line.skipped = false
		b.notify()
	}
}

// answered notes which channels the connection follows, and that it does not follow others any more.
func (b *bundle) answered(subscribed []motacilla.ChannelID, left bool) {
	b.many.mu.Lock()
	defer b.many.mu.Unlock()
	for _, channel := range subscribed {
		if s := b.line.asked[channel]; s != nil {
			delete(b.line.asked, channel)
			b.line.on[channel] = &place{subscription: s}
		}
	}
	if left {
		b.line.leaving = false
	}
	b.notify()
}

// refused takes the refusal of a channel.
func (b *bundle) refused(channel motacilla.ChannelID, e *Error) {
	err := refusal(e)
	wait := b.postpone(channel, err, e.RetryAfter)
	if wait > 0 && !final(err) {
		_ = b.loop.fault(fmt.Errorf("follow channel %q: %w", channel, err), wait) // if it is an error, the loop ends
	}
}

// postpone has a channel asked for later, and returns after which time. It returns 0 if the refusal is final, and tells the caller.
func (b *bundle) postpone(channel motacilla.ChannelID, err error, after time.Duration) (wait time.Duration) {
	b.many.mu.Lock()
	defer b.many.mu.Unlock()
	s, at := b.line.asked[channel], b.line.on[channel]
	if at != nil {
		s = at.subscription
	}
	switch {
	case s == nil:
	case final(err) && (at == nil || !errors.Is(err, motacilla.ErrForbidden)): // otherwise the permission may have expired
		b.tell(func() { b.refuse(s, err) })
	default:
		wait = s.backoff.next(after)
		s.again = time.Now().Add(wait)
	}
	delete(b.line.asked, channel)
	delete(b.line.on, channel)
	b.notify()
	return wait
}

// sift asks for each channel whether it is refused, since an answer to all says that of one only. err is the error of this answer.
func (b *bundle) sift(ctx context.Context, err error) error {
	some := false
	for _, s := range b.list() {
		_, refusal := b.ladder.list(ctx, s.channel)
		if refuses(refusal) {
			b.refuse(s, refusal)
			some = true
		}
	}
	if some {
		return errAnew
	}
	//nolint:errorlint // it is not final, so the error is not wrapped
	err = fmt.Errorf("the server offers the address for several channels, but refuses it: %v", err)
	return &failure{err: err, own: true, unusable: true}
}
