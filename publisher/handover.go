package publisher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
	"github.com/motacilla-live/motacilla/route"
)

// HandsOver is a publisher whose connections another process can carry on, so that a new program takes the place of an old one and
// no reader notices.
type HandsOver interface {
	// HandOver passes connections to give, one after the other, until ctx ends or none is left that can move. If give fails,
	// HandOver carries on with that connection itself, as TakeOver would, and returns the error.
	HandOver(ctx context.Context, site http.Handler, give func(Handed) error) error
	// TakeOver carries on a connection. If it returns an error, the socket is the caller's to close. site serves the publisher's
	// routes, without middleware.
	TakeOver(ctx context.Context, h Handed, site http.Handler) error
}

// Handed is a connection on its way to another process.
type Handed struct {
	Socket net.Conn
	State  []byte // for TakeOver; it may have the keys of TLS, and must not be logged or stored
}

// handed is Handed.State, as JSON. Releases that follow each other understand each other's.
type handed struct {
	Form    string              `json:"form"`
	Reader  fanout.Handed       `json:"reader"`
	Address route.Network       `json:"address,omitempty"` // see Slot
	State   []byte              `json:"state,omitempty"`   // Wire.Save's
	Channel motacilla.ChannelID `json:"channel,omitempty"` // empty with Many
	Expires bool                `json:"expires,omitempty"` // see member
	Holder  string              `json:"holder,omitempty"`  // see watch
	Many    *handedMany         `json:"many,omitempty"`
}

// handOverBatch is how many readers leave a topic at a time. They wait until all of them are given away.
const handOverBatch = 32

// HandOver is that of [HandsOver]. Readers that have a goroutine stay.
func (s *Streams) HandOver(ctx context.Context, forms Forms, site http.Handler, give func(Handed) error) error {
	s.mu.Lock()
	topics := slices.Collect(maps.Values(s.topics))
	s.mu.Unlock()
	for _, t := range topics {
		fan := t.fan.Load()
		if fan == nil || t.part { // the lobby has the connection
			continue
		}
		var batch []Handed
		var failed error
		empty := func() bool {
			for _, h := range batch {
				if failed == nil {
					failed = ctx.Err()
				}
				if failed == nil {
					failed = give(h)
				}
				if failed != nil {
					s.keep(h, forms, site)
				}
			}
			batch = batch[:0]
			return failed == nil
		}
		fan.Each(handOverBatch, empty, func(r *fanout.Reader) {
			h, socket := t.speaks.handOver(r)
			if h == nil {
				return
			}
			state, err := json.Marshal(h)
			if err != nil { // it has nothing that can't be marshalled
				_ = socket.Close()
				return
			}
			batch = append(batch, Handed{socket, state})
		})
		if !empty() {
			return failed
		}
	}
	return nil
}

// keep carries on a connection that was not given away.
func (s *Streams) keep(h Handed, forms Forms, site http.Handler) {
	if err := s.TakeOver(s.feed.work.ctx, h, forms, site); err != nil {
		_ = h.Socket.Close()
	}
}

func (t *topic) handOver(r *fanout.Reader) (*handed, net.Conn) {
	m := r.Data.(*member)
	if !t.streams.feed.canMove(m.watch) {
		return nil, nil
	}
	h := &handed{
		Form: t.wire.Form, Channel: t.channel.id, Address: m.slot.address, Expires: m.expires, Holder: m.watch.id(),
	}
	if t.wire.Save != nil {
		h.State = t.wire.Save(m.state)
	}
	return h.take(r)
}

// take takes the reader out of the engine.
func (h *handed) take(r *fanout.Reader) (*handed, net.Conn) {
	reader, socket, ok := r.HandOver()
	if !ok {
		return nil, nil
	}
	h.Reader = reader
	return h, socket
}

// handOver has the request answered in a drain: the client asks again.
func (t *pollProtocol) handOver(*fanout.Reader) (*handed, net.Conn) { return nil, nil }

// Forms returns the forms of a transport that have a name, for one channel and for several. Both are nil if there are none: the
// other process may have forms that this one lacks.
type Forms func(name string) (*Wire, *ManyWire)

var errState = errors.New("the state of a connection can't be read")

// TakeOver is that of [HandsOver].
func (s *Streams) TakeOver(ctx context.Context, h Handed, forms Forms, site http.Handler) error {
	var from handed
	if err := json.Unmarshal(h.State, &from); err != nil {
		return fmt.Errorf("take over: %w", errState) // the cause may quote a key
	}
	one, many := forms(from.Form)
	switch {
	case one == nil:
		return fmt.Errorf("take over: there is no form %q here", from.Form)
	case from.Many != nil:
		return s.takeOverMany(ctx, h.Socket, &from, many, site)
	}
	return s.takeOver(ctx, h.Socket, &from, one)
}

func (s *Streams) takeOver(ctx context.Context, socket net.Conn, from *handed, w *Wire) error {
	state, err := w.restored(from.State)
	if err != nil {
		return fmt.Errorf("take over: %w", err)
	}
	watch, err := s.feed.permitted(ctx, from.Holder, from.Channel)
	if err != nil {
		return fmt.Errorf("take over: %w", err)
	}
	if watch != nil && watch.holder.Revoked() {
		from.Reader.Guarded = true // it gets nothing but its close message
	}
	c, err := s.feed.reopen(ctx, from.Channel)
	if err != nil {
		return fmt.Errorf("take over: %w", err)
	}
	defer c.release()
	t, err := s.enter(c, w)
	if err != nil {
		return err
	}
	m := &member{slot: s.feed.keep(from.Channel, from.Address), state: state, expires: from.Expires, watch: watch}
	fan, err := t.engine()
	if err == nil {
		err = fan.Resume(socket, &from.Reader, m)
	}
	if err != nil {
		m.slot.Release()
		s.leave(t)
	}
	return err
}

// reopen opens a channel of a connection that is taken over.
func (f *Feed) reopen(ctx context.Context, id motacilla.ChannelID) (c *channel, err error) {
	err = f.patiently(ctx, func() (err error) {
		c, err = f.channels.open(ctx, id)
		return err
	})
	return c, err
}

// restored returns the state of a connection; nil if there is none.
func (w *Wire) restored(saved []byte) (any, error) {
	if w.Restore == nil {
		return nil, nil
	}
	return w.Restore(saved)
}
