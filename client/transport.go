package client

import (
	"context"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
)

// transport reads updates in one way. Adding one is a line in table.
type transport interface {
	// read reads one connection, or polls, from the session's cursor on, and hands each update to the session until it
	// wants no more. It returns nil then, and where the server ended the connection in good order; a *failure or any
	// other error where it broke. It returns soon after ctx ends and leaves nothing behind.
	read(ctx context.Context, s *session) error
}

// entry is a transport by its name on the wire.
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
	first   *time.Timer // ends the attempt where no update comes

	delivered bool // there was an update
	moved     bool // the cursor has moved
	gap       bool // an update was of no use: it must be asked for again
	retry     time.Duration
}

// question is the address with the cursor.
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
