package publisher

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Limits are how many readers there may be at a time: streams, and requests that are held. 0 is no limit.
type Limits struct {
	Readers    int // on this node
	PerChannel int // on one channel, on this node
	PerAddress int // of one IPv4 address or IPv6 /64, on this node

	// Address is where a request comes from; nil means RemoteAddr's. Readers whose address can't be told, such as those
	// of a Unix socket, do not count by address.
	Address func(*http.Request) netip.Addr
}

// Refusals count the readers who were refused since the feed was made, by the limit that was reached.
type Refusals struct{ Node, Channel, Address int64 }

// Who is refused is to come again after so long, and up to so much longer: time for others to leave, and a crowd that
// is refused together does not return together.
const (
	admitAfter  = 5 * time.Second
	admitJitter = 20 * time.Second
)

// admission counts readers. Its maps have entries only for what has readers now, and only for what is limited.
type admission struct {
	mu        sync.Mutex
	readers   int
	channels  map[motacilla.ChannelID]*place
	addresses map[route.Network]int
	anywhere  place // of all readers where channels are not limited

	refusedNode, refusedChannel, refusedAddress atomic.Int64
}

// place is where a seat stands.
type place struct {
	feed    *Feed
	channel motacilla.ChannelID
	readers int
}

// Seat is a reader's being counted. It is two words, and belongs to one goroutine at a time.
type Seat struct {
	at      *place // nil where nothing is limited, and after Release
	address route.Network
}

// Admit counts the reader of a request in, where the limits let it: the error is an ErrTooMany where its address has as
// many as it may, an ErrOverloaded where the channel or the node has, both as a [motacilla.RetryError]. Release the
// seat when the reader leaves. Whether there is such a channel is not looked at. Without limits it does nothing.
func (f *Feed) Admit(r *http.Request, ch motacilla.ChannelID) (Seat, error) {
	l := &f.options.Limits
	if l.Readers <= 0 && l.PerChannel <= 0 && l.PerAddress <= 0 {
		return Seat{}, nil
	}
	var from route.Network
	if l.PerAddress > 0 {
		from = route.NetworkOf(l.address(r))
	}
	a := &f.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	at := &a.anywhere
	if l.PerChannel > 0 {
		at = a.channels[ch]
	}
	switch {
	case from != 0 && a.addresses[from] >= l.PerAddress:
		a.refusedAddress.Add(1)
		return Seat{}, refuse("%d readers of this address are here already: %w", l.PerAddress, motacilla.ErrTooMany)
	case l.PerChannel > 0 && at != nil && at.readers >= l.PerChannel:
		a.refusedChannel.Add(1)
		return Seat{}, refuse("the channel has %d readers here already: %w", l.PerChannel, motacilla.ErrOverloaded)
	case l.Readers > 0 && a.readers >= l.Readers:
		a.refusedNode.Add(1)
		return Seat{}, refuse("the server has %d readers already: %w", l.Readers, motacilla.ErrOverloaded)
	}
	if at == nil {
		at = &place{channel: motacilla.ChannelID(strings.Clone(string(ch)))}
		if a.channels == nil {
			a.channels = make(map[motacilla.ChannelID]*place)
		}
		a.channels[at.channel] = at
	}
	if from != 0 {
		if a.addresses == nil {
			a.addresses = make(map[route.Network]int)
		}
		a.addresses[from]++
	}
	if at.feed == nil { // written once, for Release reads it without the lock
		at.feed = f
	}
	at.readers++
	a.readers++
	return Seat{at, from}, nil
}

// Release counts the reader out. A second call does nothing; of copies of a seat only one may be released.
func (s *Seat) Release() {
	at := s.at
	if at == nil {
		return
	}
	s.at = nil
	a := &at.feed.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	a.readers--
	if at.readers--; at.readers == 0 && at != &a.anywhere {
		delete(a.channels, at.channel)
	}
	if s.address == 0 {
		return
	}
	if a.addresses[s.address]--; a.addresses[s.address] == 0 {
		delete(a.addresses, s.address)
	}
}

func (l *Limits) address(r *http.Request) netip.Addr {
	if l.Address != nil {
		return l.Address(r)
	}
	return route.Proxies(nil).ClientAddr(r)
}

func refuse(format string, limit int, reason error) error {
	return &motacilla.RetryError{Err: fmt.Errorf(format, limit, reason), After: admitAfter + rand.N(admitJitter)}
}

func (a *admission) refusals() Refusals {
	return Refusals{a.refusedNode.Load(), a.refusedChannel.Load(), a.refusedAddress.Load()}
}
