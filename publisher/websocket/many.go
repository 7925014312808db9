package websocket

import (
	"context"
	_ "embed" // for openapi-many.json
	"errors"
	"net/http"
	"sync"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

// manyOpenAPI describes the route for several channels.
//
//go:embed openapi-many.json
var manyOpenAPI []byte

// manyWire returns the wire for several channels. private is the format of what must not be compressed; nil is none.
func (p *Publisher) manyWire(form string, format, private *publisher.Format) *publisher.ManyWire {
	return &publisher.ManyWire{
		Wire: publisher.Wire{
			Name: name, Form: form, Format: format, Private: private, CloseMessage: closeMessage, Linger: p.linger,
			Save: save, Restore: restore,
		},
		Notice: notice, Read: readRequests,
	}
}

// notice appends a text message. Before a heartbeat comes a ping, as with one channel.
func notice(dst []byte, name string, data []byte) []byte {
	if name == "heartbeat" {
		dst = appendFrame(dst, gorilla.PingMessage, nil)
	}
	return append(appendHeader(dst, gorilla.TextMessage, len(data)), data...)
}

// readRequests implements publisher.ManyWire.Read.
func readRequests(state any, in []byte) (answer []byte, requests []publisher.Request, end bool) {
	f := state.(*incoming)
	answer, end = f.take(in, time.Now())
	for _, text := range f.collector.whole {
		requests = append(requests, parseRequest(text))
	}
	f.collector.whole = nil
	return answer, requests, end
}

func (p *Publisher) serveMany(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet) {
		return
	}
	if publisher.Resumes(r) {
		p.resume(r)
		return
	}
	want, err := publisher.ParseCursors(r.URL.RawQuery)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	upgrader, packed := p.upgraderFor(r)
	wire := p.many
	if packed {
		wire = p.packedMany
	}
	permit, err := p.permit(r)
	var m *publisher.Many
	if err == nil {
		m, err = p.streams.OpenMany(r, want, wire, &incoming{collector: &collector{}, deflate: packed}, permit)
	}
	if !gorilla.IsWebSocketUpgrade(r) {
		p.plainMany(w, r, m, err)
		return
	}
	if err != nil {
		p.deny(w, r, err)
		return
	}
	taken := &hijacker{ResponseWriter: w, stall: p.streams.Stall()}
	conn, err := upgrader.Upgrade(taken, r, nil)
	if err != nil { // answered
		m.Close()
		return
	}
	if out := taken.conn; p.options.Goroutines || !m.CanJoin(out.Conn) {
		go p.carryMany(conn, out, m)
	} else {
		m.Join(out.Conn, m.Hello(out.head))
	}
}

// plainMany is plain for several channels.
func (p *Publisher) plainMany(w http.ResponseWriter, r *http.Request, m *publisher.Many, err error) {
	if err == nil {
		m.Close()
	}
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		p.fail(w, r, err)
		return
	}
	upgradeRequired(w)
}

// permit returns what asks whether the reader may read a channel, as allow says for the origin of its request.
func (p *Publisher) permit(r *http.Request) (publisher.Permit, error) {
	if _, err := p.allow(r); err != nil {
		return nil, err
	}
	return func(r *http.Request, ch motacilla.ChannelID) (*http.Request, error) {
		one, err := route.Permit(r, ch)
		if err != nil {
			return one, err
		}
		return p.allow(one)
	}, nil
}

// carryMany is carry for several channels.
func (p *Publisher) carryMany(conn *gorilla.Conn, out *serial, m *publisher.Many) {
	defer m.Close()
	defer m.OnCut(func() { _ = out.Conn.Close() })()
	ctx, cancel := context.WithCancel(context.Background())
	out.open()
	m.Begin(m.Hello(nil))
	var reading sync.WaitGroup
	reading.Go(func() {
		defer cancel()
		read(conn, mostRequest, func(text []byte) { m.Take(parseRequest(text)) })
	})
	end := m.Run(ctx, func(b []byte) error {
		_, err := out.Write(b)
		return err
	})
	p.end(conn, out, end, &reading)
}
