package relay_test

import (
	"testing"

	"github.com/motacilla-live/motacilla/publisher/relay"
)

// TestCost: an update of a channel that nobody reads here is one read of the store, one rendering and one encoding.
func TestCost(t *testing.T) {
	store, h := newStore(t), &hub{}
	create(t, store, "one")
	n := start(t, store, h, relay.Options{}, relay.Traits{MaxBytes: 1 << 20}) // so that the relay encodes
	defer n.stop()
	eventually(t, "the node relays", func() bool { return n.relay.Status().Leading })
	post(t, store, "one", "The first, which brings the channel into memory")
	eventually(t, "it is pushed", func() bool { return len(h.all()) == 1 })
	reads := func() int { return n.way.count("Channel") + n.way.count("Posts") + n.way.count("Changes") }
	before, counters := reads(), n.feed.Metrics().Counters()
	const updates = 50
	for i := range updates {
		post(t, store, "one", "Goal")
		eventually(t, "it is pushed", func() bool { return len(h.all()) == i+2 })
	}
	after := n.feed.Metrics().Counters()
	if got := reads() - before; got != updates {
		t.Errorf("%d updates are %d reads", updates, got)
	}
	if got := after.Renders - counters.Renders; got != updates {
		t.Errorf("%d updates are %d renderings", updates, got)
	}
	if got := after.Encodings - counters.Encodings; got != updates {
		t.Errorf("%d updates are %d encodings", updates, got)
	}
}
