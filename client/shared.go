package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// shared follows all channels of a bundle over one connection.
type shared struct {
	transport
	*bundle
	inAddress bool // the address says which channels; otherwise messages do
}

// settling is for how long a connection stays after its channels have changed, if it must be opened anew for that: more changes
// may follow at once.
const settling = 100 * time.Millisecond

var errUnanswered = errors.New("the server has not said whether it follows a channel")

// line is what one connection follows. It is guarded by Many.mu.
type line struct {
	inAddress bool
	send      func(message []byte) error // nil if the connection takes no messages, or not yet
	asked     map[motacilla.ChannelID]*subscription
	on        map[motacilla.ChannelID]*place
	leaving   bool      // the server has been asked to stop following channels
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

func (t shared) read(ctx context.Context, s *session) error {
	if err := t.await(ctx, s); err != nil {
		return err
	}
	t.begin(t.inAddress)
	open, cancel := context.WithCancelCause(ctx)
	var work sync.WaitGroup
	work.Go(func() { cancel(t.attend(open, s)) })
	err := t.transport.read(open, s)
	cancel(err) // the first cause stays
	work.Wait()
	switch cause := context.Cause(open); {
	case errors.Is(cause, errAnew), errors.Is(cause, errUnanswered), errors.Is(cause, errBroken):
		return cause
	case err != nil && final(err):
		return t.sift(ctx, err)
	}
	return err
}

// await waits until a channel may be asked for.
func (b *bundle) await(ctx context.Context, s *session) error {
	for {
		b.many.mu.Lock()
		b.line = &line{}
		due, later, none := len(b.missing()) > 0, b.next(), len(b.subs) == 0
		b.many.mu.Unlock()
		switch {
		case none:
			return errAnew
		case due:
			s.first.Reset(b.ladder.first())
			return nil
		}
		s.first.Stop()
		b.wait(ctx, later)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// wait waits until something has changed, or until a time; zero is never.
func (b *bundle) wait(ctx context.Context, until time.Time) {
	var late <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-b.changed:
	case <-late:
	case <-ctx.Done():
	}
}

// begin begins a connection.
func (b *bundle) begin(inAddress bool) {
	b.many.mu.Lock()
	defer b.many.mu.Unlock()
	b.line = &line{inAddress: inAddress, on: map[motacilla.ChannelID]*place{}, since: time.Now()}
	if inAddress {
		b.line.asked = b.missing()
	}
}

// question returns the address with the channels that are asked for in it.
func (b *bundle) question(address *url.URL) *url.URL {
	b.many.mu.Lock()
	defer b.many.mu.Unlock()
	var query []string
	if address.RawQuery != "" {
		query = append(query, address.RawQuery)
	}
	for _, channel := range slices.Sorted(maps.Keys(b.line.asked)) {
		query = append(query, "c="+url.QueryEscape(string(channel))+","+b.line.asked[channel].cursor.String())
	}
	u := *address
	u.RawQuery = strings.Join(query, "&")
	return &u
}

func (b *bundle) opened(send func([]byte) error) {
	b.many.mu.Lock()
	defer b.many.mu.Unlock()
	b.line.send, b.line.since = send, time.Now()
	b.notify()
}

// attend keeps a connection at the channels of the bundle, until ctx ends. Otherwise it returns why the connection must end.
func (b *bundle) attend(ctx context.Context, s *session) error {
	for ctx.Err() == nil {
		request, later, err := b.turn(s.o.silence())
		if err != nil {
			return err
		}
		if request != nil {
			if err := b.line.send(request); err != nil {
				return fmt.Errorf("%w: %w", errBroken, err)
			}
			continue
		}
		b.wait(ctx, later)
	}
	return nil
}

// turn returns what is to be sent; if nothing is, when to look again. The error says that the connection must end.
func (b *bundle) turn(silence time.Duration) (request []byte, later time.Time, err error) {
	b.many.mu.Lock()
	defer b.many.mu.Unlock()
	l, now := b.line, time.Now()
	if len(b.subs) == 0 {
		return nil, time.Time{}, errAnew
	}
	if l.busy {
		l.skipped = true
		return nil, time.Time{}, nil
	}
	if len(l.asked) > 0 || l.leaving {
		if late := l.since.Add(silence); now.Before(late) {
			return nil, late, nil
		}
		return nil, time.Time{}, errUnanswered
	}
	missing, surplus := b.missing(), b.surplus()
	switch {
	case len(missing)+len(surplus) == 0:
		l.changed = time.Time{}
		return nil, b.next(), nil
	case l.send != nil:
		return b.request(missing, surplus), time.Time{}, nil
	case !l.inAddress: // it is not open yet
		return nil, time.Time{}, nil
	case l.changed.IsZero():
		l.changed = now
	}
	if until := l.changed.Add(settling); now.Before(until) {
		return nil, until, nil
	}
	return nil, time.Time{}, errAnew
}

// missing returns the channels to be asked for now. The caller must hold Many.mu.
func (b *bundle) missing() map[motacilla.ChannelID]*subscription {
	list, now := map[motacilla.ChannelID]*subscription{}, time.Now()
	for channel, s := range b.subs {
		if b.line.on[channel] == nil && !now.Before(s.again) {
			list[channel] = s
		}
	}
	return list
}

// surplus returns the channels that the connection follows, and should not. The caller must hold Many.mu.
func (b *bundle) surplus() []motacilla.ChannelID {
	var list []motacilla.ChannelID
	for channel, on := range b.line.on {
		if b.subs[channel] != on.subscription {
			list = append(list, channel)
		}
	}
	return list
}

// next returns when the next channel may be asked for that was refused for a while; zero is never. The caller must hold Many.mu.
func (b *bundle) next() (at time.Time) {
	now := time.Now()
	for _, s := range b.subs {
		if now.Before(s.again) && (at.IsZero() || s.again.Before(at)) {
			at = s.again
		}
	}
	return at
}
