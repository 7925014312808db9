package fanout

import (
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/motacilla-live/motacilla/internal/tlsrecord"
)

// mostOwed is how many bytes of a frame may be handed over. A reader that owes more is not worth it: what it lacks is stale.
const mostOwed = 2 << 20

// HandOver takes the reader out of the engine, so that the engine of another process can go on with its socket. The topics that it
// follows besides the first one are the caller's to keep. ok is false if the reader must stay: it is ending, was joined with
// Once, or has more than mostOwed to take. Protocol.Closed is called as by [Reader.Detach].
func (r *Reader) HandOver() (h Handed, socket net.Conn, ok bool) {
	if r.flags&(closed|ending|silent|once) != 0 || r.backlog != nil && len(r.backlog.rest) > mostOwed {
		return Handed{}, nil, false
	}
	engine := r.shard().engine
	h = Handed{Cursor: r.first.cursor, Guarded: r.first.guarded, Due: engine.timeOf(r.due)}
	if r.since != 0 {
		h.Since, h.Queued = engine.timeOf(r.since), r.written-r.taken
	}
	if r.session != nil {
		session, err := r.session.MarshalBinary()
		if err != nil {
			return Handed{}, nil, false
		}
		h.Session = session
	}
	if b := r.backlog; b != nil {
		h.Full, h.Record, h.Rest, h.Control = true, b.record, b.rest, b.control
	}
	socket = r.conn
	_ = r.control(syscall.EPOLL_CTL_DEL, 0)
	r.leave(Detached)
	return h, socket, true
}

// Resume makes a socket that another process has handed over a reader of the topic. data is the reader's Data. If Resume returns
// an error, the socket is still the caller's.
func (t *Topic) Resume(socket net.Conn, h *Handed, data any) error {
	if _, ok := socketOf(socket); !ok {
		return ErrUnsupported
	}
	r, err := t.newReader(socket, Join{Cursor: h.Cursor, Guarded: h.Guarded, Due: h.Due, Data: data})
	if err != nil {
		return err
	}
	r.flags |= moved
	if !h.Since.IsZero() {
		if r.taken, r.since = -h.Queued, h.Since.Sub(t.engine.began).Milliseconds(); r.since == 0 {
			r.since = -1
		}
	}
	if len(h.Session) > 0 {
		r.session = new(tlsrecord.Session)
		if err := r.session.UnmarshalBinary(h.Session); err != nil {
			return fmt.Errorf("resume: %w", err)
		}
	}
	if h.Full {
		r.backlog = &backlog{record: h.Record, rest: h.Rest, control: h.Control}
	}
	return t.anyPart().join(r, nil, nil)
}

// timeOf returns the time that is at in the engine's time.
func (e *Engine) timeOf(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return e.began.Add(time.Duration(at) * time.Millisecond)
}
