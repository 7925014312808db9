package client

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

const (
	// mostChannels is how many channels one connection follows at most (docs/wire.md).
	mostChannels = 100
	// longestQuery is how long the query of an address may be, in bytes. Proxies take at least 8 KiB for a request's first line.
	longestQuery = 7000
)

// bundle is channels that are read together: over one connection, or over one for each if the transport has one channel only.
type bundle struct {
	*loop
	ladder  *ladder
	changed chan struct{} // has something when the channels have changed, or what the connection has of them

	// These are guarded by many.mu.
	subs  map[motacilla.ChannelID]*subscription
	query int // the bytes of all of them in an address
	line  *line

	alone []string // the transports that have one channel for each connection
}

func newBundle(l *loop) *bundle {
	b := &bundle{loop: l, changed: make(chan struct{}, 1), subs: map[motacilla.ChannelID]*subscription{}}
	c := l.many.client
	b.ladder = &ladder{Client: c, links: l.links, subject: b, o: l.many.o, backoff: c.backoff()}
	return b
}

// add adds a channel, and reports whether there was room. The caller must hold many.mu.
func (b *bundle) add(s *subscription) bool {
	if len(b.subs) == mostChannels || len(b.subs) > 0 && b.query+s.size > longestQuery {
		return false
	}
	b.subs[s.channel] = s
	b.query += s.size
	s.bundle = b
	b.notify()
	return true
}

// remove removes a channel. The caller must hold many.mu.
func (b *bundle) remove(s *subscription) {
	if b.subs[s.channel] == s {
		delete(b.subs, s.channel)
		b.query -= s.size
	}
	s.bundle = nil
	b.notify()
}

// notify says that the channels have changed.
func (b *bundle) notify() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// follow reads until no channel is left.
func (b *bundle) follow() {
	for {
		err := b.ladder.run(b.ctx)
		if b.ctx.Err() != nil {
			return
		}
		for _, s := range b.list() {
			if err != nil {
				b.refuse(s, err)
			}
		}
		if b.ends() {
			return
		}
	}
}

// ends removes the bundle from the loop, unless a channel has come meanwhile.
func (b *bundle) ends() bool {
	b.many.mu.Lock()
	defer b.many.mu.Unlock()
	if len(b.subs) > 0 {
		return false
	}
	b.bundles = slices.DeleteFunc(b.bundles, func(other *bundle) bool { return other == b })
	return true
}

// list returns the channels, in order.
func (b *bundle) list() []*subscription {
	b.many.mu.Lock()
	defer b.many.mu.Unlock()
	list := make([]*subscription, 0, len(b.subs))
	for _, s := range b.subs {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *subscription) int { return strings.Compare(string(a.channel), string(b.channel)) })
	return list
}

func (b *bundle) over() bool {
	b.many.mu.Lock()
	defer b.many.mu.Unlock()
	return len(b.subs) == 0
}

// ask asks for the list of transports of one channel, since that is the same for all. If the channel is refused, it asks for
// another one's.
func (b *bundle) ask(ctx context.Context) ([]offer, error) {
	for _, s := range b.list() {
		offers, err := b.ladder.list(ctx, s.channel)
		if refuses(err) {
			b.refuse(s, err)
			continue
		}
		return b.share(offers), err
	}
	return nil, errAnew
}

// refuses reports whether err, of the list of transports, means that there is no such channel, or that it may not be read.
func refuses(err error) bool { return err != nil && final(err) && !errors.Is(err, ErrNoTransport) }

// share returns offers for several channels: one connection for all, or one for each. What follows each in turn is one offer.
func (b *bundle) share(offers []offer) []offer {
	var list []offer
	b.alone = nil
	for _, o := range offers {
		if o.many != nil {
			_, asks := o.transport.(webSocketTransport)
			list = append(list, offer{entry: entry{o.name, shared{o.transport, b, !asks}}, address: o.many})
			continue
		}
		b.alone = append(b.alone, o.name)
		if n := len(list); n > 0 {
			if last, is := list[n-1].transport.(each); is {
				names := append(slices.Clip(last.names), o.name)
				list[n-1].entry = entry{strings.Join(names, " or "), each{b, names}}
				continue
			}
		}
		list = append(list, offer{entry: entry{o.name, each{b, []string{o.name}}}})
	}
	return list
}

// away has each channel use the transport alone, unless each has a connection of its own already, which is moved alone.
func (b *bundle) away(name string) (o offer, ok bool) {
	if _, is := b.ladder.offers[b.ladder.at].transport.(shared); !is || !slices.Contains(b.alone, name) {
		return offer{}, false
	}
	return offer{entry: entry{name, each{b, []string{name}}}}, true
}

func (b *bundle) fault(_ context.Context, err error, wait time.Duration) error {
	return b.loop.fault(err, wait)
}
