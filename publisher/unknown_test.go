package publisher_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/route"
)

// TestUnknownChannelsCostNothingLasting asks every publisher, in each of its forms, for thousands of channels that do not exist. The
// feed, the limits, the goroutines and the heap must be as before.
func TestUnknownChannelsCostNothingLasting(t *testing.T) {
	f := setUp(t, &publisher.FeedOptions{
		Limits: publisher.Limits{Readers: 1e6, PerChannel: 1000, PerAddress: 1e6, Address: route.Proxies(nil).ClientAddr},
	})
	table := route.NewTable()
	for _, p := range []publisher.Publisher{
		polling.NewInterval(f.feed, nil), polling.NewLong(f.feed, nil), sse.New(f.feed, nil), websocket.New(f.feed, nil),
	} {
		if err := table.Add("a publisher", "/live", p.URLs()...); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(table)
	defer server.Close()
	var made atomic.Int64
	target := func(path string) string { return fmt.Sprintf(path, fmt.Sprint("nobody-", made.Add(1))) }
	direct := func(method, path string) func() error {
		return func() error {
			w, r := httptest.NewRecorder(), httptest.NewRequest(method, target(path), nil)
			r.RemoteAddr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(made.Load() >> 8), byte(made.Load())}), 1).String()
			if table.ServeHTTP(w, r); w.Code != http.StatusNotFound {
				return fmt.Errorf("%s %s: %d", method, r.URL, w.Code)
			}
			return nil
		}
	}
	dialled := func() error {
		conn, resp, err := gorilla.DefaultDialer.Dial("ws"+server.URL[4:]+target("/live/websocket/%s/"), nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		defer conn.Close()
		if _, _, err = conn.ReadMessage(); !gorilla.IsCloseError(err, 4404) {
			return fmt.Errorf("WebSocket: %w", err)
		}
		return nil
	}
	for _, way := range []struct {
		name  string
		times int
		once  int // at a time
		ask   func() error
	}{
		{"interval-polling", 2000, 4, direct(http.MethodGet, "/live/interval-polling/%s/?since=5")},
		{"interval-polling, asked by HEAD", 1000, 4, direct(http.MethodHead, "/live/interval-polling/%s/")},
		{"interval-polling, as Wagtail Live's", 1000, 4, direct(http.MethodGet, "/live/interval-polling/%s/?last_update_ts=5")},
		{"long-polling", 2000, 4, direct(http.MethodGet, "/live/long-polling/%s/?since=5")},
		{"long-polling, the handshake", 1000, 4, direct(http.MethodPost, "/live/long-polling/%s/")},
		{"long-polling, as Wagtail Live's", 1000, 1000, direct(http.MethodGet, "/live/long-polling/%s/?last_update_ts=5")},
		{"sse", 2000, 4, direct(http.MethodGet, "/live/sse/%s/?since=5")},
		{"websocket", 1000, 4, dialled},
	} {
		t.Run(way.name, func(t *testing.T) {
			run := func(times int) {
				var all sync.WaitGroup
				for range way.once {
					all.Go(func() {
						for range max(times/way.once, 1) {
							if err := way.ask(); err != nil {
								t.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
			}
			if way.once < way.times {
				run(way.times / 10) // some things are made once
			}
			crowd(2 * way.once)
			goroutines, heap := runtime.NumGoroutine(), leaktest.Heap()
			run(way.times)
			if n := f.feed.Metrics().Counters().Channels; n != 0 {
				t.Errorf("%d channels are in memory", n)
			}
			if n := f.feed.Slots(); n != 0 {
				t.Errorf("the limits keep %d entries", n)
			}
			deadline := time.Now().Add(time.Minute)
			for runtime.NumGoroutine() > goroutines+5 && time.Now().Before(deadline) {
				time.Sleep(time.Millisecond) // goroutines of connections that were just closed
			}
			if n := runtime.NumGoroutine(); n > goroutines+5 {
				t.Errorf("%d goroutines, before %d", n, goroutines)
			}
			if grown := leaktest.Heap() - heap; grown > 1<<18 {
				t.Errorf("the heap has grown by %d bytes", grown)
			}
		})
	}
	if _, err := f.feed.Snapshot(t.Context(), match); err != nil {
		t.Errorf("a channel that is there: %v", err)
	}
}

// crowd has so many goroutines at a time. The runtime keeps what it needs for each, for later ones, so that they cost no more.
func crowd(goroutines int) {
	var all sync.WaitGroup
	leave := make(chan struct{})
	for range goroutines {
		all.Go(func() { <-leave })
	}
	close(leave)
	all.Wait()
}
