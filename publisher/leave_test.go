package publisher_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/route"
)

// way is how readers are connected.
type way struct {
	make   func(f *publisher.Feed) publisher.Publisher
	path   string
	header string
}

const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

var ways = map[string]way{
	"sse": {func(f *publisher.Feed) publisher.Publisher { return sse.New(f, nil) }, "sse/%s/", ""},
	"sse, goroutine per connection": {func(f *publisher.Feed) publisher.Publisher {
		return sse.New(f, &sse.Options{Goroutines: true})
	}, "sse/%s/", ""},
	"websocket": {
		func(f *publisher.Feed) publisher.Publisher { return websocket.New(f, nil) }, "websocket/%s/", upgrade,
	},
	"websocket, goroutine per connection": {func(f *publisher.Feed) publisher.Publisher {
		return websocket.New(f, &websocket.Options{Goroutines: true})
	}, "websocket/%s/", upgrade},
	"long-polling": {
		func(f *publisher.Feed) publisher.Publisher { return polling.NewLong(f, nil) }, "long-polling/%s/?since=HEAD", "",
	},
	"long-polling, goroutine per connection": {func(f *publisher.Feed) publisher.Publisher {
		return polling.NewLong(f, &polling.LongOptions{Goroutines: true})
	}, "long-polling/%s/?since=HEAD", ""},
	"long-polling, as Wagtail Live's": {
		func(f *publisher.Feed) publisher.Publisher { return polling.NewLong(f, nil) },
		"long-polling/%s/?last_update_ts=STAMP", "",
	},
}

// TestSlotsComeBack has readers of every transport leave, and be sent away. Their slots must be free again.
func TestSlotsComeBack(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			const readers = 20
			f := setUp(t, &publisher.FeedOptions{
				Limits: publisher.Limits{Readers: readers, PerChannel: readers, PerAddress: readers},
			})
			p, table := way.make(f.feed), route.NewTable()
			if err := table.Add("a publisher", "/live", p.URLs()...); err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(table)
			defer server.Close()
			head := f.head()
			target := strings.NewReplacer("HEAD", head.String(), "STAMP", head.Timestamp()).Replace(fmt.Sprintf(way.path, match))
			enter := func() (all []net.Conn) {
				t.Helper()
				for range readers {
					conn, err := net.Dial("tcp", server.Listener.Addr().String())
					if err != nil {
						t.Fatal(err)
					}
					if _, err := fmt.Fprintf(conn, "GET /live/%s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, way.header); err != nil {
						t.Fatal(err)
					}
					all = append(all, conn)
				}
				f.await(readers+2, "readers have come") // and there is an entry each for the channel and the address
				return all
			}
			for _, conn := range enter() {
				_ = conn.Close()
			}
			f.await(0, "they have gone")
			for _, conn := range enter() {
				go func() { _, _ = io.Copy(io.Discard, conn); _ = conn.Close() }()
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := p.Shutdown(ctx); err != nil {
				t.Error(err)
			}
			f.await(0, "they were sent away")
			if n := f.feed.Metrics().Counters().Refused; n != (publisher.Refusals{}) {
				t.Errorf("refused: %+v", n)
			}
		})
	}
}

// await waits until the limits keep want entries and readers.
func (f fixture) await(want int, when string) {
	f.Helper()
	for deadline := time.Now().Add(time.Minute); f.feed.Slots() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			f.Fatalf("when %s the limits keep %d, want %d", when, f.feed.Slots(), want)
		}
	}
}
