package fanout

import (
	"net"
	"syscall"
	"time"

	"github.com/motacilla-live/motacilla/internal/tlsrecord"
)

// Reader is one connection. Its methods may be called only in the reader's shard: in the methods of a [Protocol], and in the
// functions that [Topic.Each] and [Reader.Do] call.
type Reader struct {
	Data any // the protocol's own

	conn    net.Conn // the socket
	raw     syscall.RawConn
	session *tlsrecord.Session // nil without TLS
	first   Place
	others  []*Place
	backlog *backlog // nil while the socket takes what it is given
	due     int64    // in the engine's time; 0 is never

	written int64 // bytes that the kernel has accepted; 0 if coarse
	taken   int64 // of these, what the peer had taken at since
	since   int64 // in the engine's time, see waits; 0 if the peer had nothing to take at the last look

	fd    int32
	flags uint16
	turn  uint16 // of others: the place whose frame comes first when the socket has room again
}

const (
	once   uint16 = 1 << iota // gets a frame when it asks
	asking                    // has asked
	ending                    // gets no more frames
	linger                    // ending, and waits until the peer closes or due
	armed                     // epoll tells when the socket has room again
	closed
	limited // see limitUnsent
	silent  // a TLS alert was sent, after which nothing may follow
	coarse  // the kernel counts what a peer has not taken in memory, not in bytes: a Unix socket
	moved   // has got a frame since Moved was called
	unread  // its input was not read to its end; see shard.round
)

// backlog is what a full socket has still to take. Most readers never have one.
type backlog struct {
	record  []byte // the rest of a TLS record
	rest    []byte // of the frame that was begun; shared
	control []byte // what the protocol sends between frames
}

// mostControl is how many bytes of the protocol's own may wait for a full socket. If there are more, the reader is closed.
const mostControl = 4096

func (r *Reader) shard() *shard { return r.first.part.shard }

func (r *Reader) protocol() Protocol { return r.first.part.topic.protocol }

// Do calls f in the reader's shard, unless the reader is closed. It may be called from any goroutine, but not in the shard.
func (r *Reader) Do(f func()) {
	s := r.shard()
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.flags&closed == 0 {
		f()
	}
}

// Cursor returns the reader's cursor on the topic that it joined first.
func (r *Reader) Cursor() int64 { return r.first.cursor }

// Asking reports whether the reader has asked and not been answered.
func (r *Reader) Asking() bool { return r.flags&asking != 0 }

// Full reports whether the socket has not yet taken everything that it was given.
func (r *Reader) Full() bool { return r.backlog != nil }

// Moved reports whether the reader has got a frame of any of its topics since Moved was called last.
func (r *Reader) Moved() bool {
	yes := r.flags&moved != 0
	r.flags &^= moved
	return yes
}

// Ending reports whether the reader is closed, or gets nothing more.
func (r *Reader) Ending() bool { return r.flags&(ending|closed) != 0 }

// SetDue has Protocol.Due called after d, at most a tick late.
func (r *Reader) SetDue(d time.Duration) {
	r.due = r.shard().engine.now() + max(d.Milliseconds(), 1)
}

// Ask gives a reader that was joined with Once the frame that follows cursor, now or as soon as there is one.
func (r *Reader) Ask(cursor int64) {
	if r.Ending() {
		return
	}
	r.first.cursor = cursor
	r.flags |= asking
	r.first.advance(nil)
}

// Answer writes b to a reader that has asked, instead of a frame. The reader gets no frame until it asks again.
func (r *Reader) Answer(b []byte) {
	r.flags &^= asking
	r.Send(b)
}

// Send writes b, which is the protocol's own, between two frames. Send does not keep b.
func (r *Reader) Send(b []byte) {
	if r.Ending() || len(b) == 0 {
		return
	}
	r.send(b)
}

func (r *Reader) send(b []byte) {
	if r.backlog != nil {
		if len(r.backlog.control)+len(b) > mostControl && len(r.backlog.control) > 0 {
			r.close(Stalled)
			return
		}
		r.backlog.control = append(r.backlog.control, b...)
		return
	}
	n, full, err := r.put(b)
	switch {
	case err != nil:
		r.close(Left)
	case full:
		r.block(nil, append([]byte(nil), b[n:]...))
	}
}

// End writes closeMessage and closes the connection, with a close_notify if it has TLS. If the socket is full, End closes it
// without a message. If wait is more than 0, the peer has so long to close first, and Protocol.Input is called until then.
func (r *Reader) End(closeMessage []byte, wait time.Duration) {
	if r.Ending() {
		return
	}
	if r.backlog != nil {
		r.close(Ended)
		return
	}
	if len(closeMessage) > 0 {
		if _, full, err := r.put(closeMessage); err != nil || full {
			r.close(Ended)
			return
		}
	}
	if wait <= 0 {
		r.close(Ended)
		return
	}
	r.flags |= ending | linger
	r.SetDue(wait)
	r.alert(tlsrecord.CloseNotify)
	_ = r.raw.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_WR) })
}

// Close closes the connection without a close message.
func (r *Reader) Close() { r.close(Ended) }

// Detach takes the reader out of the engine and returns its connection, which is the caller's from then on. With TLS it is
// another net.Conn than the one that joined. Detach returns nil if something has still to be written.
func (r *Reader) Detach() net.Conn {
	if r.flags&(closed|silent) != 0 || r.backlog != nil {
		return nil
	}
	conn := r.conn
	if r.session != nil {
		r.session.Pause()
		conn = tlsrecord.NewConn(conn, r.session)
	}
	_ = r.control(syscall.EPOLL_CTL_DEL, 0)
	r.leave(Detached)
	return conn
}

// block leaves the reader alone until its socket has room.
func (r *Reader) block(rest, control []byte) {
	if r.backlog == nil {
		r.backlog = new(backlog)
	}
	r.backlog.rest, r.backlog.control = rest, control
	if r.flags&armed == 0 {
		r.flags |= armed
		events := uint32(syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | edge)
		if err := r.control(syscall.EPOLL_CTL_MOD, events); err != nil {
			r.close(Left)
		}
	}
}

// unblock writes the backlog, as far as the socket takes it, and then what is new.
func (r *Reader) unblock() {
	for b := r.backlog; len(b.record)+len(b.rest)+len(b.control) > 0; {
		owed, n, err := &b.record, 0, error(nil)
		if len(b.record) > 0 {
			n, err = r.write(b.record)
		} else {
			if owed = &b.rest; len(b.rest) == 0 {
				owed = &b.control
			}
			n, _, err = r.put(*owed)
		}
		if err != nil {
			r.close(Left)
			return
		}
		if n == 0 {
			return
		}
		*owed = (*owed)[n:]
	}
	r.backlog = nil
	r.catchUp()
}

func (r *Reader) close(why Reason) {
	if r.flags&closed != 0 {
		return
	}
	conn := r.conn
	if why == Ended {
		r.alert(tlsrecord.CloseNotify)
	}
	r.leave(why)
	_ = conn.Close() // also takes it out of the epoll set
}

// leave takes the reader out of its shard and topic.
func (r *Reader) leave(why Reason) {
	r.flags |= closed
	r.shard().forget(r)
	r.backlog = nil
	r.protocol().Closed(r, why)
	r.conn, r.raw, r.session = nil, nil, nil
}
