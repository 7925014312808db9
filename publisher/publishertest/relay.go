package publishertest

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"go.uber.org/goleak"
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

// RunRelay tests an adapter of package relay against its hub: that the hub gets every update in order, of every channel and no
// private one, after outages of the hub, restarts and a change of the node that pushes.
func RunRelay(t *testing.T, h *RelayHub) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s *relaySite)
	}{
		{"Updates", relayUpdates},
		{"Channels", relayChannels},
		{"Deleted", relayDeleted},
		{"Private", relayPrivate},
		{"Large", relayLarge},
		{"Resume", relayResume},
		{"TwoNodes", relayTwoNodes},
		{"Outage", relayOutage},
		{"Shutdown", relayShutdown},
		{"Convergence", relayConvergence},
	} {
		if test.name == "Large" && h.MaxBytes == 0 {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			ignore := goleak.IgnoreCurrent()
			s := newRelaySite(t, h)
			defer func() {
				s.close()
				if err := leaktest.Find(patience, ignore); err != nil && !t.Failed() {
					t.Errorf("goroutines are left: %v", err)
				}
			}()
			test.run(t, s)
		})
	}
}

// relaySite is a store with nodes that relay it to one hub.
type relaySite struct {
	*site
	hub         *RelayHub
	name        string // of the relay, and the beginning of all channels: the hub may remember those of other cases
	nodes       []*relayNode
	subscribers []*subscriber
	closed      bool
}

// relayNode is a node with a relay.
type relayNode struct {
	*Site
	publisher publisher.Publisher
	relay     *relay.Relay
	clients   []interface{ Close() }
	over      bool
}

// relayRuns gives each case a name of its own.
var relayRuns atomic.Int64

func newRelaySite(t *testing.T, h *RelayHub) *relaySite {
	t.Helper()
	s := &relaySite{site: open(t, nil, settings{}), hub: h}
	s.name = "relay-" + motacilla.Revision(time.Now().UnixMicro()+relayRuns.Add(1)).String()
	return s
}

// channel returns the ID of a channel of this case, and makes the channel.
func (s *relaySite) channel(of string, access motacilla.Access) motacilla.ChannelID {
	s.Helper()
	ch := motacilla.ChannelID(s.name + "-" + of)
	s.Create(ch, access)
	return ch
}

// start starts a node.
func (s *relaySite) start() *relayNode {
	s.Helper()
	feed := publisher.FeedOptions{PageSize: pageSize, CatchUp: catchUp, Repair: 50 * time.Millisecond}
	n := &relayNode{Site: NewSite(s.TB, &SiteOptions{Store: s.Store, Feed: feed, Renderer: renderer{}})}
	hubs := relay.NewClient()
	kit := &relay.Kit{Feed: n.Feed, Source: n.Source, Hubs: hubs, Client: hubs}
	o := relay.Options{Name: s.name, Pushes: 4, Timeout: patience / 6, Backoff: 100 * time.Millisecond}
	var err error
	if n.publisher, err = s.hub.New(kit, o); err != nil {
		s.Fatal(err)
	}
	n.clients = append(n.clients, hubs)
	list, ok := n.publisher.(relay.Relays)
	if !ok || len(list.Relays()) != 1 {
		s.Fatalf("%T must have one relay", n.publisher)
	}
	if n.relay = list.Relays()[0]; n.relay.Name() != s.name {
		s.Fatalf("the relay is called %q; New must use the options it gets", n.relay.Name())
	}
	if err := n.publisher.(publisher.Starter).Start(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.nodes = append(s.nodes, n)
	return n
}

// leads starts a node, and waits until it pushes.
func (s *relaySite) leads() *relayNode {
	s.Helper()
	n := s.start()
	s.Eventually("the node relays", func() bool { return n.relay.Status().Leading })
	return n
}

// stop stops a node in good order.
func (n *relayNode) stop() {
	n.Helper()
	if n.over {
		return
	}
	n.over = true
	ctx, cancel := context.WithTimeout(context.Background(), patience/4)
	defer cancel()
	if err := shutdown(ctx, n.publisher); err != nil {
		n.Errorf("Shutdown of %T: %v", n.publisher, err)
	}
	n.Close()
	for _, c := range n.clients {
		c.Close()
	}
}

// level waits until the hub has everything, as the node that pushes says.
func (s *relaySite) level(n *relayNode) {
	s.Helper()
	s.Eventually("the hub is level", func() bool {
		st := n.relay.Status()
		return st.Leading && st.Behind == 0 && st.Failing.IsZero()
	})
}

func (s *relaySite) close() {
	if s.closed {
		return
	}
	s.closed = true
	for _, sub := range s.subscribers {
		sub.close()
	}
	for _, n := range s.nodes {
		n.stop()
	}
	s.site.close()
}
