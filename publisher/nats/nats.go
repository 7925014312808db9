// Package nats publishes updates to subjects of NATS (nats.io), for programs of your own and for whoever else reads NATS.
//
// # Wire
//
// Each channel has a subject. An update is one message, whose data is the update in JSON, as readers get it by other transports. The
// header Motacilla-Channel has the channel's ID, Motacilla-Term the term of the node that pushes, and Nats-Msg-Id what the update is
// called. docs/nats.md has the rest.
//
// # Resuming
//
// Without a stream, NATS keeps nothing: who was away asks the origin. With a stream (JetStream), each update is stored before the next
// one is pushed, and the stream drops what it gets twice.
//
// # Options
//
// {type: nats, servers: [...], subject: ..., stream: ...}, those of the connection, and those of every relay.
//
// # Limits
//
// An update that is larger than max_bytes is replaced by a notice. Private channels have subjects of their own, so that the servers'
// permissions can keep them.
package nats

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/motacilla-live/motacilla/internal/natsconn"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/work"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The headers of a message.
const (
	ChannelHeader = "Motacilla-Channel" // the channel's ID
	TermHeader    = "Motacilla-Term"    // grows with each node that begins to push
)

// Publisher is the relay to NATS.
type Publisher struct {
	*relay.Relay
	hub *hub
}

var (
	_ publisher.Publisher = (*Publisher)(nil)
	_ publisher.Starter   = (*Publisher)(nil)
	_ relay.Relays        = (*Publisher)(nil)
)

// New returns the publisher. It connects to nothing before Start. The error is a motacilla.ErrInvalid that names the option.
func New(kit *relay.Kit, o *Options) (*Publisher, error) {
	c, err := o.complete()
	if err != nil {
		return nil, err
	}
	h := &hub{public: c.Subject, private: c.PrivateSubject, stream: c.Stream}
	r, err := relay.New(kit, h, &c.Options, relay.Traits{Name: name, MaxBytes: c.MaxBytes})
	if err != nil {
		return nil, err
	}
	if h.dialer, err = natsconn.New(&c.Connection, "motacilla relay "+r.Name(), kit.Logger); err != nil {
		return nil, err
	}
	h.relay = r.Name()
	return &Publisher{Relay: r, hub: h}, nil
}

// Start connects, and lets the relay push. It is no error if no server can be reached: then that is tried again and again.
func (p *Publisher) Start(ctx context.Context) (err error) {
	if p.hub.link, err = p.hub.dialer.Open(); err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	return p.Relay.Start(ctx)
}

// Shutdown ends the relay, and the connection.
func (p *Publisher) Shutdown(ctx context.Context) error {
	err := p.Relay.Shutdown(ctx)
	if p.hub.link != nil {
		p.hub.link.Close()
	}
	return err
}

// hub is NATS.
type hub struct {
	dialer          *natsconn.Dialer
	public, private string // subjects
	stream          string // "" is core NATS
	relay           string // its name

	link *natsconn.Link // nil before Start
}

var _ relay.Hub = (*hub)(nil)

// Push implements relay.Hub.
func (h *hub) Push(ctx context.Context, m *relay.Message) error {
	subject := h.public
	if m.Private() {
		subject = h.private
	}
	msg := nats.NewMsg(Subject(subject, m.Channel))
	msg.Data = m.Encode(publisher.JSON)
	msg.Header.Set(ChannelHeader, string(m.Channel))
	msg.Header.Set(TermHeader, strconv.FormatInt(m.Term, 10))
	msg.Header.Set(nats.MsgIdHdr, h.relay+"/"+m.ID()) // another relay may have the same stream
	conn, err := h.link.Conn()
	if err != nil {
		return err
	}
	if h.stream == "" {
		err = publish(ctx, conn, msg)
	} else {
		err = h.store(ctx, conn, msg)
	}
	if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum) {
		return work.Permanent(fmt.Errorf("%w: lower max_bytes", err))
	}
	return err
}

// publish returns when the server has the message.
func publish(ctx context.Context, conn *nats.Conn, msg *nats.Msg) error {
	attempt, err := natsconn.Begin(conn)
	if err != nil {
		return err
	}
	if err := conn.PublishMsg(msg); err != nil {
		return err
	}
	if err := conn.FlushWithContext(ctx); err != nil {
		return err
	}
	return attempt.Err()
}

// store returns when the stream has stored the message. What the server does not allow has no answer.
func (h *hub) store(ctx context.Context, conn *nats.Conn, msg *nats.Msg) error {
	js, err := jetstream.New(conn)
	if err == nil {
		_, err = js.PublishMsg(ctx, msg, jetstream.WithExpectStream(h.stream), jetstream.WithRetryAttempts(0))
	}
	return err
}
