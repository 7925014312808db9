package publisher_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/durablestreams"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/route"
)

// patience only ends a test that hangs.
const patience = 5 * time.Minute

// sessions are the holders of a test, by the number that a reader's request has in the header Session.
type sessions struct {
	holders []*route.Holder
	revokes []func()
}

func newSessions(n int) *sessions {
	s := &sessions{}
	for i := range n {
		h, revoke := route.NewHolder(strconv.Itoa(i), "person/"+strconv.Itoa(i), "")
		s.holders, s.revokes = append(s.holders, h), append(s.revokes, revoke)
	}
	return s
}

// authorize gives every third reader a permission that also expires soon.
func (s *sessions) authorize(r *http.Request, _ motacilla.ChannelID, _ route.Action) (route.Grant, error) {
	n, err := strconv.Atoi(r.Header.Get("Session"))
	if err != nil || s.holders[n].Revoked() {
		return route.Grant{}, motacilla.ErrForbidden
	}
	g := route.Grant{Holder: s.holders[n]}
	if rand.N(3) == 0 {
		g.Expires = time.Now().Add(rand.N(50 * time.Millisecond))
	}
	return g, nil
}

// holder is FeedOptions.Holder.
func (s *sessions) holder(_ context.Context, id string, _ motacilla.ChannelID) (*route.Holder, error) {
	if n, err := strconv.Atoi(id); err == nil && !s.holders[n].Revoked() {
		return s.holders[n], nil
	}
	return nil, nil //nolint:nilnil // as the contract says
}

// others are ways of which TestSlotsComeBack needs none.
var others = map[string]way{
	"sse, several channels": {func(f *publisher.Feed) publisher.Publisher { return sse.New(f, nil) }, "sse/?c=%s&c=other", ""},
	"sse, several channels, goroutine per connection": {func(f *publisher.Feed) publisher.Publisher {
		return sse.New(f, &sse.Options{Goroutines: true})
	}, "sse/?c=%s&c=other", ""},
	"websocket, several channels": {
		func(f *publisher.Feed) publisher.Publisher { return websocket.New(f, nil) }, "websocket/?c=%s&c=other", upgrade,
	},
	"websocket, several channels, goroutine per connection": {func(f *publisher.Feed) publisher.Publisher {
		return websocket.New(f, &websocket.Options{Goroutines: true})
	}, "websocket/?c=%s&c=other", upgrade},
	"durable-streams": {func(f *publisher.Feed) publisher.Publisher {
		return durablestreams.New(f, nil)
	}, "durable-streams/%s/?offset=-1&live=sse", ""},
	"durable-streams, long poll": {func(f *publisher.Feed) publisher.Publisher {
		return durablestreams.New(f, nil)
	}, "durable-streams/%s/?offset=now&live=long-poll", ""},
}

// TestRevocationRaces has readers of every transport join, leave, expire, be handed over, lose their permission and be drained at the
// same time. Each must end once: its slot is free, nothing waits for its revocation, and it got at most one close message.
func TestRevocationRaces(t *testing.T) {
	all := maps.Clone(ways)
	maps.Copy(all, others)
	for name, way := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait for readers of WebSocket that do not answer close frames
			for range 3 {
				race(t, way)
			}
		})
	}
}

func race(t *testing.T, way way) {
	const readers, holders = 30, 6
	s := newSessions(holders)
	f := setUp(t, &publisher.FeedOptions{
		Limits: publisher.Limits{Readers: 1000, PerChannel: 1000, PerAddress: 1000}, Holder: s.holder,
	})
	if _, err := f.store.PutChannel(t.Context(), motacilla.Channel{ID: "other"}, 0); err != nil {
		t.Fatal(err)
	}
	p, table := way.make(f.feed), route.NewTable()
	for _, rt := range p.URLs() {
		if err := table.Add("a publisher", "/live", route.Guard(rt, route.Read, s.authorize)); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(table)
	defer server.Close()
	head := f.head()
	target := strings.NewReplacer("HEAD", head.String(), "STAMP", head.Timestamp()).Replace(fmt.Sprintf(way.path, match))

	var clients, work sync.WaitGroup
	over := make(chan struct{})
	for range readers {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		clients.Go(func() {
			pause()
			_, _ = fmt.Fprintf(conn, "GET /live/%s HTTP/1.1\r\nHost: x\r\nSession: %d\r\n%s\r\n", target, rand.N(holders), way.header)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = io.Copy(&got, conn)
				_ = conn.Close()
			}()
			if rand.N(4) == 0 {
				pause()
				_ = conn.Close()
			}
			select {
			case <-ended:
			case <-over: // the connection is kept alive
				_ = conn.Close()
				<-ended
			}
			if n, after := closeMessages(got.Bytes(), way.header != ""); n > 1 || after {
				t.Errorf("a reader got %d close messages, or something after one (%v): %q", n, after, got.Bytes())
			}
		})
	}
	for i := range holders - 1 { // one session lasts
		work.Go(func() {
			pause()
			s.revokes[i]()
		})
	}
	work.Go(func() {
		for range 5 {
			f.post("Goal")
			pause()
		}
	})
	if hands, ok := p.(publisher.HandsOver); ok {
		work.Go(func() {
			for i := range 4 {
				_ = hands.HandOver(t.Context(), table, func(h publisher.Handed) error {
					if i == 3 && rand.N(2) == 0 {
						return errors.New("the other process is gone")
					}
					if hands.TakeOver(t.Context(), h, table) != nil {
						_ = h.Socket.Close()
					}
					return nil
				})
				pause()
			}
		})
	}
	if rand.N(2) == 0 {
		work.Wait() // otherwise the drain comes while all of that happens
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	work.Wait()
	close(over)
	clients.Wait()
	f.await(0, "all readers have left")
	for i, h := range s.holders {
		for deadline := time.Now().Add(patience); h.Watched(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("something waits for the revocation of session %d, though all readers have left", i)
			}
		}
	}
	for _, rt := range p.URLs()[:1] {
		if n := f.feed.Metrics().Of(rt.Name).Readers.Load(); n != 0 {
			t.Errorf("%d readers are counted, want none", n)
		}
	}
}

func pause() { time.Sleep(rand.N(10 * time.Millisecond)) }

// closeMessages counts the close messages that a reader got: close frames of WebSocket, and the fields retry of server-sent events but
// for the first one. after is true if something came after a close frame.
func closeMessages(got []byte, frames bool) (n int, after bool) {
	if !frames {
		return max(bytes.Count(got, []byte("retry: "))-1, 0), false
	}
	head := bufio.NewReader(bytes.NewReader(got))
	resp, err := http.ReadResponse(head, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		return 0, false
	}
	for rest, _ := io.ReadAll(head); len(rest) >= 2; {
		size, at := int(rest[1]), 2
		switch size {
		case 126:
			if len(rest) < 4 {
				return n, after
			}
			size, at = int(binary.BigEndian.Uint16(rest[2:])), 4
		case 127:
			if len(rest) < 10 {
				return n, after
			}
			size, at = int(binary.BigEndian.Uint64(rest[2:])), 10
		}
		after = after || n > 0
		if rest[0] == 0x88 {
			n++
		}
		rest = rest[min(at+size, len(rest)):]
	}
	return n, after
}

// TestRevokedWhileItWaits: a permission that is revoked ends the readers of that holder, over every transport, and no others.
func TestRevokedWhileItWaits(t *testing.T) {
	all := maps.Clone(ways)
	maps.Copy(all, others)
	for name, way := range all {
		t.Run(name, func(t *testing.T) {
			const readers = 10 // of each
			s := newSessions(2)
			f := setUp(t, &publisher.FeedOptions{Heartbeat: time.Hour, Limits: publisher.Limits{PerAddress: 1000}})
			if _, err := f.store.PutChannel(t.Context(), motacilla.Channel{ID: "other"}, 0); err != nil {
				t.Fatal(err)
			}
			p, table := way.make(f.feed), route.NewTable()
			permit := func(r *http.Request, _ motacilla.ChannelID, _ route.Action) (route.Grant, error) {
				n, _ := strconv.Atoi(r.Header.Get("Session"))
				return route.Grant{Holder: s.holders[n]}, nil
			}
			for _, rt := range p.URLs() {
				if err := table.Add("a publisher", "/live", route.Guard(rt, route.Read, permit)); err != nil {
					t.Fatal(err)
				}
			}
			server := httptest.NewServer(table)
			defer server.Close()
			head := f.head()
			target := strings.NewReplacer("HEAD", head.String(), "STAMP", head.Timestamp()).Replace(fmt.Sprintf(way.path, match))
			stats := f.feed.Metrics().Of(strings.TrimSuffix(p.URLs()[0].Name, "-many"))
			var all sync.WaitGroup
			var conns []net.Conn
			for i := range 2 * readers {
				conn, err := net.Dial("tcp", server.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				conns = append(conns, conn)
				_, _ = fmt.Fprintf(conn, "GET /live/%s HTTP/1.1\r\nHost: x\r\nSession: %d\r\n%s\r\n", target, i%2, way.header)
				all.Go(func() {
					defer conn.Close()
					b := make([]byte, 64<<10)
					for err := error(nil); err == nil; {
						if _, err = conn.Read(b); strings.Contains(name, "poll") {
							return // it has its answer
						}
					}
				})
			}
			wait(t, "all readers are there", func() bool { return stats.Readers.Load() == 2*readers })
			s.revokes[0]()
			many := way.header != "" && strings.Contains(way.path, "?c=") // it can ask for other channels
			if !many {
				wait(t, "those of the holder are gone", func() bool { return stats.Readers.Load() == readers })
			}
			wait(t, "nothing waits for what was revoked", func() bool { return !s.holders[0].Watched() })
			wait(t, "the others wait for their revocation", func() bool { return s.holders[1].Watched() })
			if n := stats.Readers.Load(); n < readers {
				t.Errorf("%d readers are left, want the %d of another holder", n, readers)
			}
			for _, conn := range conns {
				_ = conn.Close()
			}
			all.Wait()
			wait(t, "all readers are gone", func() bool { return stats.Readers.Load() == 0 && !s.holders[1].Watched() })
		})
	}
}

func wait(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("not after %v: %s", patience, what)
		}
	}
}
