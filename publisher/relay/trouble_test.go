package relay_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/storage"
)

// caller is an adapter in its whole length.
type caller struct {
	client *outbound.Client
	url    string
	got    hub
}

func (c *caller) Push(ctx context.Context, m *relay.Message) error {
	if _, err := relay.Call(ctx, c.client, c.url, nil, m.Encode(publisher.JSON)); err != nil {
		return err
	}
	return c.got.Push(ctx, m)
}

// troubled is an HTTP server that behaves as mode says.
type troubled struct {
	mode  atomic.Pointer[string]
	calls atomic.Int64
	stop  chan struct{}
}

func (s *troubled) set(mode string) { s.mode.Store(&mode) }

func (s *troubled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls.Add(1)
	_, _ = io.Copy(io.Discard, r.Body)
	switch *s.mode.Load() {
	case "hangs":
		select {
		case <-r.Context().Done():
		case <-s.stop:
		}
	case "500":
		w.WriteHeader(http.StatusInternalServerError)
	case "429":
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case "resets":
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}
}

// TestHubInTrouble: a hub that hangs, fails, refuses or breaks connections delays neither writers nor the node's own readers, costs
// a bounded number of attempts and no memory, and is level again after its return. MOTACILLA_TROUBLE is how long each trouble lasts.
func TestHubInTrouble(t *testing.T) {
	lasts := time.Second
	if d, err := time.ParseDuration(os.Getenv("MOTACILLA_TROUBLE")); err == nil {
		lasts = d
	}
	server := &troubled{stop: make(chan struct{})}
	server.set("fine")
	at := httptest.NewServer(server)
	defer at.Close()
	client := relay.NewClient()
	defer client.Close()
	store, c := newStore(t), &caller{client: client, url: at.URL}
	const channels = 50
	ids := make([]motacilla.ChannelID, channels)
	for i := range ids {
		ids[i] = motacilla.ChannelID(fmt.Sprintf("match-%d", i))
		create(t, store, ids[i])
	}
	n := start(t, store, c, relay.Options{}, relay.Traits{})
	defer n.stop()
	defer close(server.stop)
	eventually(t, "the node relays", func() bool { return n.relay.Status().Leading })
	for _, mode := range []string{"fine", "hangs", "500", "429", "resets", "fine"} {
		began, calls := time.Now(), server.calls.Load()
		server.set(mode)
		write, read := traffic(t, store, n.feed, ids, lasts)
		var memory runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&memory)
		status, made, took := n.relay.Status(), server.calls.Load()-calls, time.Since(began) // more than lasts on a slow machine
		server.set("fine")
		back := time.Now()
		eventually(t, "the hub is level after "+mode, func() bool {
			st := n.relay.Status()
			return st.Behind == 0 && st.Failing.IsZero()
		})
		t.Logf("%-6s p99 of a write %v, of an own reader %v; %d calls, %d channels behind, heap %d kB; level after %v", mode,
			write.Round(time.Microsecond), read.Round(time.Microsecond), made, status.Behind, memory.HeapAlloc>>10,
			time.Since(back).Round(time.Millisecond))
		if most := int64(channels) + 8 + 2*int64(took/shortestPause); mode != "fine" && made > most {
			t.Errorf("%s: %d calls in %v", mode, made, took)
		}
	}
	for _, ch := range ids {
		stored, err := store.Channel(t.Context(), ch)
		if at := c.got.at()[ch]; err != nil || at != stored.Head {
			t.Errorf("the hub is at %d in %s, want %d (%v)", at, ch, stored.Head, err)
		}
	}
}

// shortestPause is less than the pause after the first failure.
const shortestPause = 30 * time.Millisecond

// traffic writes posts, and returns the 99th percentiles of a write, and of the time until a reader of this node has it.
func traffic(t *testing.T, store storage.Store, feed *publisher.Feed, ids []motacilla.ChannelID, lasts time.Duration) (write, read time.Duration) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	var mu sync.Mutex
	var writes, reads []time.Duration
	all.Go(func() {
		d, err := feed.Since(ctx, ids[0], 0)
		for err == nil {
			if d, err = feed.Next(ctx, ids[0], d.Revision); err == nil {
				mu.Lock()
				reads = append(reads, time.Since(d.Revision.Time()))
				mu.Unlock()
			}
		}
	})
	for i, over := 0, time.Now().Add(lasts); time.Now().Before(over); i++ {
		began := time.Now()
		post(t, store, ids[i*7%len(ids)], "Goal")
		writes = append(writes, time.Since(began))
		time.Sleep(2 * time.Millisecond)
	}
	stop()
	all.Wait()
	return percentile(writes), percentile(reads)
}

func percentile(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)*99/100]
}
