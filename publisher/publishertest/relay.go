package publishertest

import (
	"context"
	"iter"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

// RelayHub is a hub, and the adapter that pushes to it, for [RunRelay].
type RelayHub struct {
	// New makes the adapter, as the app does. o has a name, and little time for everything.
	New func(kit *relay.Kit, o relay.Options) (publisher.Publisher, error)
	// Follow subscribes at the hub, as any client of the hub does, and yields what comes until ctx ends or the connection breaks. It
	// calls ready when the hub sends everything that is pushed from then on. An error ends it.
	Follow func(ctx context.Context, ch motacilla.ChannelID, ready func()) iter.Seq2[*motacilla.Update, error]
	// Stop takes the hub away, and Start brings it back at the same address. Start returns when the hub takes messages.
	Stop, Start func(t testing.TB)
	// MaxBytes is the adapter's Traits.MaxBytes; 0 if the hub has no limit.
	MaxBytes int
}

// RunRelay tests an adapter against its hub.
func RunRelay(t *testing.T, h *RelayHub) {}
