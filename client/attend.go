package client

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

// settling is for how long a connection stays after its channels have changed, if it must be opened anew for that: more changes
// may follow at once.
const settling = 100 * time.Millisecond

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

// request returns the message that asks for channels, and for those to be left that are surplus. The caller must hold Many.mu.
func (b *bundle) request(missing map[motacilla.ChannelID]*subscription, surplus []motacilla.ChannelID) []byte {
	var ask struct {
		Subscribe   map[motacilla.ChannelID]*motacilla.Revision `json:"subscribe,omitempty"`
		Unsubscribe []motacilla.ChannelID                       `json:"unsubscribe,omitempty"`
	}
	ask.Unsubscribe = surplus
	for channel, s := range missing {
		if ask.Subscribe == nil {
			ask.Subscribe = map[motacilla.ChannelID]*motacilla.Revision{}
		}
		ask.Subscribe[channel] = &s.cursor
	}
	for _, channel := range surplus {
		delete(b.line.on, channel)
	}
	b.line.asked, b.line.leaving, b.line.since = missing, len(surplus) > 0, time.Now()
	text, _ := json.Marshal(ask) // texts and numbers always encode
	return text
}
