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
	PerAddress int // from one IPv4 address or IPv6 /64, on this node

	// Overflow is the name of a transport that takes no slots, such as interval-polling. A reader beyond Readers or PerChannel is
	// told to use it for a while. If Overflow is empty, the reader is only told to come again. The site must offer the transport.
	Overflow string

	// Address returns where a request comes from; nil uses RemoteAddr. Readers whose address is not known, such as those of
	// a Unix socket, do not count by address.
	Address func(*http.Request) netip.Addr
}

// Refusals count the readers that were refused since the feed was made, by the limit that was reached. Moved counts those of them
// that were told to use another transport.
type Refusals struct{ Node, Channel, Address, Moved int64 }

// A refused reader is told to come again after so long, and up to so much longer. That is time for others to leave, and a crowd
// that is refused at once does not return at once.
const (
	refusedFor    = 5 * time.Second
	refusedJitter = 20 * time.Second
)

// A reader that is told to use another transport does so for so long, and up to so much longer. So readers come back little by
// little, also if many slots get free at once.
const (
	movedFor    = time.Minute
	movedJitter = time.Minute
)

// slots count the readers. The maps have entries only for what has readers now, and only if that is limited.
type slots struct {
	mu        sync.Mutex
	readers   int
	channels  map[motacilla.ChannelID]*place
	addresses map[route.Network]int
	anywhere  place // of all readers, if channels are not limited

	refusedNode, refusedChannel, refusedAddress, moved atomic.Int64
}

// place is a channel's entry in slots.
type place struct {
	slots   *slots
	channel motacilla.ChannelID
	readers int
}

// Slot counts one reader against the limits until Release. It is two words. A Slot must not be used by two goroutines at once.
type Slot struct {
	at      *place // nil if nothing is limited, and after Release
	address route.Network
}

// Acquire counts the reader of a request. The error is an ErrTooMany if its address has as many readers as it may have, or an
// ErrOverloaded if the channel or the node has; both are a [motacilla.RetryError]. [MoveOf] tells whether the reader is to use
// another transport meanwhile. The caller must release the slot when the reader
// leaves. Acquire does not look whether there is such a channel. Without limits it does nothing.
func (f *Feed) Acquire(r *http.Request, ch motacilla.ChannelID) (Slot, error) {
	l := &f.options.Limits
	if l.Readers <= 0 && l.PerChannel <= 0 && l.PerAddress <= 0 {
		return Slot{}, nil
	}
	var from route.Network
	if l.PerAddress > 0 {
		from = route.NetworkOf(l.address(r))
	}
	return f.slots.acquire(l, ch, from)
}

func (ss *slots) acquire(l *Limits, ch motacilla.ChannelID, from route.Network) (Slot, error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	at := &ss.anywhere
	if l.PerChannel > 0 {
		at = ss.channels[ch]
	}
	switch {
	case from != 0 && ss.addresses[from] >= l.PerAddress:
		ss.refusedAddress.Add(1)
		return Slot{}, refuse("this address has %d readers already: %w", l.PerAddress, motacilla.ErrTooMany)
	case l.PerChannel > 0 && at != nil && at.readers >= l.PerChannel:
		ss.refusedChannel.Add(1)
		return Slot{}, ss.full(l, "the channel has %d readers here already: %w", l.PerChannel)
	case l.Readers > 0 && ss.readers >= l.Readers:
		ss.refusedNode.Add(1)
		return Slot{}, ss.full(l, "the server has %d readers already: %w", l.Readers)
	}
	return ss.take(at, ch, from), nil
}

// take counts a reader whose channel is at; nil if the channel has no reader yet. ss.mu must be held.
func (ss *slots) take(at *place, ch motacilla.ChannelID, from route.Network) Slot {
	if at == nil {
		at = &place{channel: motacilla.ChannelID(strings.Clone(string(ch)))}
		if ss.channels == nil {
			ss.channels = make(map[motacilla.ChannelID]*place)
		}
		ss.channels[at.channel] = at
	}
	if from != 0 {
		if ss.addresses == nil {
			ss.addresses = make(map[route.Network]int)
		}
		ss.addresses[from]++
	}
	if at.slots == nil { // written once, since Release reads it without the lock
		at.slots = ss
	}
	at.readers++
	ss.readers++
	return Slot{at, from}
}

// keep counts a reader that was counted in another process, also if there are too many now.
func (f *Feed) keep(ch motacilla.ChannelID, from route.Network) Slot {
	l, ss := &f.options.Limits, &f.slots
	if l.Readers <= 0 && l.PerChannel <= 0 && l.PerAddress <= 0 {
		return Slot{}
	}
	if l.PerAddress <= 0 {
		from = 0
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if l.PerChannel <= 0 || ch == "" {
		return ss.take(&ss.anywhere, ch, from)
	}
	return ss.take(ss.channels[ch], ch, from)
}

// Release stops counting the reader. A second call does nothing. Only one copy of a slot may be released.
func (s *Slot) Release() {
	at := s.at
	if at == nil {
		return
	}
	s.at = nil
	ss := at.slots
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.readers--
	if at.readers--; at.readers == 0 && at != &ss.anywhere {
		delete(ss.channels, at.channel)
	}
	if s.address == 0 {
		return
	}
	if ss.addresses[s.address]--; ss.addresses[s.address] == 0 {
		delete(ss.addresses, s.address)
	}
}

func (l *Limits) address(r *http.Request) netip.Addr {
	if l.Address != nil {
		return l.Address(r)
	}
	return route.Proxies(nil).ClientAddr(r)
}

func refuse(format string, limit int, reason error) *motacilla.RetryError {
	return &motacilla.RetryError{Err: fmt.Errorf(format, limit, reason), After: refusedFor + rand.N(refusedJitter)}
}

// full is the error for a reader for whom there is no slot.
func (ss *slots) full(l *Limits, format string, limit int) error {
	err := refuse(format, limit, motacilla.ErrOverloaded)
	if l.Overflow != "" {
		ss.moved.Add(1)
		err.Instead, err.For = l.Overflow, movedFor+rand.N(movedJitter)
	}
	return err
}

func (ss *slots) refusals() Refusals {
	return Refusals{ss.refusedNode.Load(), ss.refusedChannel.Load(), ss.refusedAddress.Load(), ss.moved.Load()}
}
