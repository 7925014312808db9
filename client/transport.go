package client

import (
	"context"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
)

// transport reads updates by one technique. A new transport needs a line in table.
type transport interface {
	// read reads one connection, or polls, from the session's cursor on. It passes each update to the session until
	// take returns false. It returns nil then, and also if the server ended the connection in good order. Otherwise it
	// returns a *failure or another error. It must return soon after ctx ends, and must leave nothing behind.
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
	}
}

// session is one attempt over one transport.
type session struct {
	*follower
	address *url.URL
	first   *time.Timer // ends the attempt if no update comes

	delivered bool // there was an update
	moved     bool // the cursor has moved
	gap       bool // an update did not fit: the reader must ask again
	retry     time.Duration
}

// question returns the address with the cursor.
func (s *session) question() *url.URL {
	u := *s.address
	q := u.Query()
	q.Set("since", s.cursor.String())
	u.RawQuery = q.Encode()
	return &u
}

// take yields u if it is of use by the rules of [motacilla.View]. asked must be true for the first update of a poll or of
// a connection. take returns false if the session must end.
func (s *session) take(u *motacilla.Update, asked bool) (more bool) {
	s.first.Stop()
	s.delivered = true
	view := motacilla.View{Revision: s.cursor}
	switch view.Judge(u, asked) {
	case motacilla.AskAgain:
		s.gap = true
		return false
	case motacilla.Ignore:
		if !u.Heartbeat() || u.Revision != s.cursor { // the caller wants to know that it is up to date
			return true
		}
	}
	s.moved = s.moved || s.cursor != u.Revision
	s.cursor = u.Revision
	if !s.yield(*u, nil) {
		s.stopped = true
		return false
	}
	s.gone = u.Gone
	return !u.Gone
}
