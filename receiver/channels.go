package receiver

import (
	"strings"

	"github.com/motacilla-live/motacilla"
)

// Channels says which of a source's channels feed which channels here.
type Channels map[string]motacilla.ChannelID

// ParseChannels reads a list of SOURCE=CHANNEL, such as C024BE91L=match-42. An empty list means that each channel of the source
// feeds the channel here that has its ID. The error is an ErrInvalid that names the field channels.
func ParseChannels(list []string) (Channels, error) {
	all := Channels{}
	for _, pair := range list {
		from, to, ok := strings.Cut(pair, "=")
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		ch, err := motacilla.ParseChannelID(to)
		if !ok || from == "" || err != nil {
			return nil, motacilla.Invalid("channels", "must be SOURCE=CHANNEL, such as C024BE91L=match-42, not %q", pair)
		}
		if _, twice := all[from]; twice {
			return nil, motacilla.Invalid("channels", "must not have %q twice", from)
		}
		all[from] = ch
	}
	return all, nil
}

// Of returns the channel here that a channel of the source feeds. ok is false if there is none.
func (c Channels) Of(source string) (ch motacilla.ChannelID, ok bool) {
	if len(c) > 0 {
		ch, ok = c[source]
		return ch, ok
	}
	ch, err := motacilla.ParseChannelID(source)
	return ch, err == nil
}
