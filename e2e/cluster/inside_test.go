package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// inside runs a node in this process with the given store, and returns its address.
func inside(t *testing.T, w wire, store storage.Store) (addr string) {
	t.Helper()
	var server *app.Server
	given := storage.Register[struct{}]("given", nil, func() storage.Store { return store })
	in := &app.Input{YAML: []byte(config), Env: []string{}, Flags: map[string]string{
		"server.addr": "127.0.0.1:0", "server.token": token, "storage.type": "given", "log.level": "error",
	}}
	for pair := range slices.Chunk(w.flags(), 2) {
		in.Flags[strings.TrimPrefix(pair[0], "--")] = pair[1]
	}
	a := app.New(given, sse.Module, websocket.Module, polling.Module, webapp.Module, fx.Supply(in), fx.Populate(&server))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return server.Addr().String()
}

// deaf is a store whose Watch loses every tenth notification.
type deaf struct {
	storage.Store
	heard, lost atomic.Int64
}

func (d *deaf) Watch(ctx context.Context, notify func(motacilla.Moved)) error {
	return d.Store.Watch(ctx, func(m motacilla.Moved) {
		if m != (motacilla.Moved{}) && d.heard.Add(1)%10 == 0 {
			d.lost.Add(1)
			return
		}
		notify(m)
	})
}

// TestLostHints loses notifications. Readers get every update nevertheless, because the feed repairs what was
// lost. It promises to do so within 2 s, to which -soak holds it.
func TestLostHints(t *testing.T) {
	const channels, rounds = 40, 3
	each(t, func(t *testing.T, b *backend) {
		handles := [2]*deaf{{Store: b.open(t, nil)}, {Store: b.open(t, nil)}}
		var bases []string
		for _, h := range handles {
			bases = append(bases, b.wire.url(inside(t, b.wire, h)))
		}
		var readers []*reader
		for i := range channels {
			ch := motacilla.ChannelID(fmt.Sprintf("channel-%d", i))
			must(t, bases[0], http.MethodPost, "", map[string]any{"id": ch}, nil)
			readers = append(readers, read(t, bases[1], "sse", http1, ch))
		}
		allAt(t, readers, 1)
		var mu sync.Mutex
		var longest time.Duration
		for range rounds {
			var work sync.WaitGroup
			for _, r := range readers {
				var p postJSON
				must(t, bases[0], http.MethodPost, "/"+string(r.channel)+"/posts", map[string]any{"text": "Goal"}, &p)
				acknowledged := time.Now()
				work.Go(func() {
					if err := r.at(p.Revision, within(2*time.Second)); err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					longest = max(longest, time.Since(acknowledged))
				})
			}
			work.Wait()
		}
		lost := handles[1].lost.Load()
		if lost == 0 {
			t.Error("no notification was lost")
		}
		t.Logf("%d notifications lost of about %d, the latest update came after %v", lost, channels*rounds, longest.Round(time.Millisecond))
	})
}

// TestClocksApart runs two nodes whose clocks are an hour apart. The changes of each writer are in the order in which it made
// them, through whichever node. Readers hold what the store holds.
func TestClocksApart(t *testing.T) {
	each(t, func(t *testing.T, b *backend) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		front := newBalancer(t, b.wire)
		var bases []string
		for _, ahead := range []time.Duration{0, time.Hour} {
			addr := inside(t, b.wire, b.open(t, func() time.Time { return time.Now().Add(ahead) }))
			bases = append(bases, b.wire.url(addr))
			front.add(addr)
		}
		must(t, front.url(), http.MethodPost, "", map[string]any{"id": match}, nil)
		var readers []*reader
		for _, base := range append(bases, front.url()) {
			readers = append(readers, readAll(t, b.wire, base, match)...)
		}
		allAt(t, readers, 1)
		var writers []*writer
		for i := range 2 {
			writers = append(writers, &writer{
				name: fmt.Sprintf("w%d", i), base: front.url(), channel: match, rng: rand.New(rand.NewPCG(seed, uint64(i))),
			})
		}
		together(t.Context(), t, writers, 50, func() {})
		if t.Failed() {
			t.FailNow()
		}
		accounted(t, level(t, bases, readers), writers)
		equal(t, readers)
		goOn(t, readers, writers)
	})
}
