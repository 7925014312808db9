package live_test

import (
	"context"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
)

// dialMany opens a WebSocket for several channels. The match is one of them.
func (s *site) dialMany(url string) *gorilla.Conn {
	s.Helper()
	conn, resp, err := gorilla.DefaultDialer.DialContext(s.Context(), "ws"+strings.TrimPrefix(url, "http")+base+"/live/websocket/?c=match", nil)
	if err != nil {
		s.Fatal(err)
	}
	_ = resp.Body.Close()
	s.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	return conn
}

// hears reads messages until one has the text.
func (s *site) hears(conn *gorilla.Conn, text string) {
	s.Helper()
	for {
		_, message, err := conn.ReadMessage()
		if err != nil {
			s.Fatalf("before %s came: %v", text, err)
		}
		if strings.Contains(string(message), text) {
			return
		}
	}
}

// moves hands n connections over to another site. Those that are busy move later.
func (s *site) moves(n int, to *live.Live) {
	s.Helper()
	await(s.T, "all connections have moved", func() bool {
		err := s.HandOver(s.Context(), func(at string, h publisher.Handed) error {
			n--
			if err := to.TakeOver(s.Context(), at, h); err != nil {
				s.Errorf("a connection was not taken over: %v", err)
				_ = h.Socket.Close()
			}
			return nil
		})
		if err != nil {
			s.Fatal(err)
		}
		return n <= 0
	})
}

// TestLimitRefusesNoConnectionThatMoves: the limit on requests does not count that connections are taken over.
func TestLimitRefusesNoConnectionThatMoves(t *testing.T) {
	t.Parallel()
	const readers = 30 // the new site takes 20 requests of an address at once
	o := options(t)
	old := start(t, o)
	o.RequestsPerAddress = 1
	next := start(t, o)
	server := old.serve(old.Live, false)
	conns := make([]*gorilla.Conn, readers)
	for i := range conns {
		conns[i] = old.dialMany(server.URL)
		old.hears(conns[i], `{"subscribed":["match"]}`)
	}
	old.moves(readers, next.Live)
	if t.Failed() {
		return
	}
	p := old.post("Goal")
	for _, conn := range conns {
		old.hears(conn, string(p.ID))
	}
}

// TestPublisherMoves: the configuration of the new process has the publishers in another order.
func TestPublisherMoves(t *testing.T) {
	t.Parallel()
	o := options(t)
	composed := func(first, second int) *site {
		p, err := live.NewParts(o)
		if err != nil {
			t.Fatal(err)
		}
		at := []string{"publishers[0]", "publishers[1]"}
		l, err := p.Compose(live.Composition{Publishers: []live.Named[publisher.Publisher]{
			{At: at[first], Name: "sse", It: sse.New(p.Feed, nil)},
			{At: at[second], Name: "websocket", It: websocket.New(p.Feed, nil)},
		}})
		if err == nil {
			err = p.Feed.Start(t.Context())
		}
		if err == nil {
			err = l.Start(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := l.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			if err := p.Feed.Close(); err != nil {
				t.Error(err)
			}
		})
		return &site{Live: l, T: t}
	}
	old, next := composed(0, 1), composed(1, 0)
	server := old.serve(old.Live, false)
	conn := old.dialMany(server.URL)
	old.hears(conn, `{"subscribed":["match"]}`)
	old.moves(1, next.Live)
	p := old.post("Goal")
	old.hears(conn, string(p.ID))
}
