package publisher

import (
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// acquireConnection counts the reader of a request to several channels, once for the node and for its address. The channels are
// counted by acquireChannel. The errors are those of [Feed.Acquire].
func (f *Feed) acquireConnection(r *http.Request) (Slot, error) {
	l := f.options.Limits
	l.PerChannel = 0
	if l.Readers <= 0 && l.PerAddress <= 0 {
		return Slot{}, nil
	}
	var from route.Network
	if l.PerAddress > 0 {
		from = route.NetworkOf(l.address(r))
	}
	return f.slots.acquire(&l, "", from)
}

// channelSlot counts a reader of a channel that is counted elsewhere for the node and for its address. The zero value counts
// nothing.
type channelSlot struct{ at *place }

func (f *Feed) acquireChannel(ch motacilla.ChannelID) (channelSlot, error) {
	l := &f.options.Limits
	most := l.PerChannel
	if most <= 0 {
		return channelSlot{}, nil
	}
	ss := &f.slots
	ss.mu.Lock()
	defer ss.mu.Unlock()
	at := ss.channels[ch]
	if at != nil && at.readers >= most {
		ss.refusedChannel.Add(1)
		return channelSlot{}, ss.full(l, "the channel has %d readers here already: %w", most)
	}
	return ss.takeChannel(at, ch), nil
}

// keepChannel counts a reader that was counted in another process, also if there are too many now.
func (f *Feed) keepChannel(ch motacilla.ChannelID) channelSlot {
	if f.options.Limits.PerChannel <= 0 {
		return channelSlot{}
	}
	ss := &f.slots
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.takeChannel(ss.channels[ch], ch)
}

// takeChannel counts a reader of a channel; at is nil if it has none yet. ss.mu must be held.
func (ss *slots) takeChannel(at *place, ch motacilla.ChannelID) channelSlot {
	if at == nil {
		at = &place{slots: ss, channel: motacilla.ChannelID(strings.Clone(string(ch)))}
		if ss.channels == nil {
			ss.channels = make(map[motacilla.ChannelID]*place)
		}
		ss.channels[at.channel] = at
	}
	at.readers++
	return channelSlot{at}
}

func (s *channelSlot) release() {
	at := s.at
	if at == nil {
		return
	}
	s.at = nil
	ss := at.slots
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if at.readers--; at.readers == 0 {
		delete(ss.channels, at.channel)
	}
}
