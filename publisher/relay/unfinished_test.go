package relay_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher/relay"
)

// TestUnfinished: a hub that takes a message in many parts is not in trouble, and gets it again without a pause.
func TestUnfinished(t *testing.T) {
	store := newStore(t)
	create(t, store, "one")
	var parts atomic.Int64
	h := &hub{answer: func(context.Context, *relay.Message) error {
		if parts.Add(1) < 30 {
			return fmt.Errorf("a test: %w", relay.ErrUnfinished)
		}
		return nil
	}}
	n := start(t, store, h, relay.Options{Backoff: 24 * time.Hour}, relay.Traits{})
	defer n.stop()
	eventually(t, "the node relays", func() bool { return n.relay.Status().Leading })
	post(t, store, "one", "Goal")
	eventually(t, "the hub has all of it", func() bool { return h.at()["one"] != 0 && n.relay.Status().Behind == 0 })
	if s := n.relay.Status(); s.Failed != 0 || parts.Load() != 30 {
		t.Errorf("after %d parts the status is %+v", parts.Load(), s)
	}
}
