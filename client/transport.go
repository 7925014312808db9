package client

import (
	"context"
	"net/url"
	"time"
)

// transport reads updates by one technique. A new transport needs a line in table.
type transport interface {
	// read reads one connection, or polls. It passes each message to the session's subject until that wants no more. It
	// returns nil then, and also if the server ended the connection in good order. Otherwise it returns a *failure or
	// another error. It must return soon after ctx ends, and must leave nothing behind.
	read(ctx context.Context, s *session) error
}

// entry is a transport with its name on the wire.
type entry struct {
	name string
	transport
}

func table() []entry {
	return []entry{
		{"sse", sseTransport{}},
		{"websocket", webSocketTransport{}},
		{"long-polling", polling{held: true, pause: time.Second}},
		{"interval-polling", polling{pause: 3 * time.Second}},
		{"mercure", hubTransport{"mercure", followEvents}},
		{"nchan", hubTransport{"nchan", followEvents}},
		{"centrifugo", hubTransport{"centrifugo", followSocket(newCentrifugo)}},
		{"pusher", hubTransport{"pusher", followSocket(newPusher)}},
	}
}

// session is one attempt over one transport.
type session struct {
	*ladder
	address *url.URL
	first   *time.Timer // ends the attempt if no update comes

	delivered bool // there was an update
	moved     bool // the cursor has moved
	gap       bool // an update did not fit: the reader must ask again
	retry     time.Duration
}

// question returns the address with what is asked for.
func (s *session) question() *url.URL { return s.subject.question(s.address) }

// deliver notes that the transport works.
func (s *session) deliver() {
	s.first.Stop()
	s.delivered = true
}
