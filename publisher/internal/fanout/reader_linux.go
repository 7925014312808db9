package fanout

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
	"unsafe"
)

// Reader is one connection. Its methods are for the calls of a [Protocol] alone, and for those of [Topic.Each].
type Reader struct {
	Data any // the protocol's own

	conn   net.Conn
	raw    syscall.RawConn
	part   *part
	full   *backlog // nil while the socket takes what it is given
	cursor int64
	due    int64 // in the engine's time; 0 is never

	written int64 // bytes that the kernel has accepted
	taken   int64 // of these, what the peer had taken when that was looked at last
	since   int64 // when that was found to be more, or nothing to wait for; in the engine's time

	fd    int32
	index int32 // in part.readers
	flags uint16
}

const (
	once    uint16 = 1 << iota // gets a frame when it asks
	asking                     // has asked
	guarded                    // see Frames.After
	ending                     // gets no more frames; closes when its backlog is written
	linger                     // ending, but waits for the peer to close, or for due
	armed                      // epoll tells when the socket takes something
	closed
)

// backlog is what a socket that is full has still to take. Most readers never have one.
type backlog struct {
	rest    []byte // of the frame that it is in; shared
	control []byte // what the protocol sends between frames
}

// mostControl is how much of the protocol's own may wait for a full socket; whoever makes us owe more is closed.
const mostControl = 4096

// Cursor is what the reader has got to.
func (r *Reader) Cursor() int64 { return r.cursor }

// Asking reports whether it has asked and not been answered.
func (r *Reader) Asking() bool { return r.flags&asking != 0 }

// Full reports whether the socket has not taken everything that it was given.
func (r *Reader) Full() bool { return r.full != nil }

// Ending reports whether the reader is on its way out.
func (r *Reader) Ending() bool { return r.flags&(ending|closed) != 0 }

// SetDue has Protocol.Due called after d; no more than a tick late.
func (r *Reader) SetDue(d time.Duration) {
	r.due = r.part.shard.engine.now() + max(d.Milliseconds(), 1)
}

// Ask has a reader that was joined with Once given what follows cursor, now or as soon as it is there.
func (r *Reader) Ask(cursor int64) {
	if r.Ending() {
		return
	}
	r.cursor = cursor
	r.flags |= asking
	r.part.advance(r, nil)
}

// Answer writes b to a reader that has asked, in the place of a frame, and takes the question back.
func (r *Reader) Answer(b []byte) {
	r.flags &^= asking
	r.Send(b)
}

// Send writes b of the protocol's own, between two frames. b is copied where it has to wait.
func (r *Reader) Send(b []byte) {
	if r.Ending() || len(b) == 0 {
		return
	}
	r.send(b)
}

func (r *Reader) send(b []byte) {
	if r.full != nil {
		if len(r.full.control)+len(b) > mostControl && len(r.full.control) > 0 {
			r.close(Stalled)
			return
		}
		r.full.control = append(r.full.control, b...)
		return
	}
	n, err := r.write(b)
	switch {
	case err != nil:
		r.close(Left)
	case n < len(b):
		r.block(nil, append([]byte(nil), b[n:]...))
	}
}

// End writes b, the farewell, and closes the connection; a socket that is full is closed without. Where wait is more
// than 0 the peer is given so long to close first, and Protocol.Input goes on.
func (r *Reader) End(b []byte, wait time.Duration) {
	if r.Ending() {
		return
	}
	if r.full != nil {
		r.close(Ended)
		return
	}
	if len(b) > 0 {
		if n, err := r.write(b); err != nil || n < len(b) {
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
	_ = r.raw.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_WR) })
}

// Close closes the connection without a word.
func (r *Reader) Close() { r.close(Ended) }

// Detach takes the reader out of the engine and returns its connection, which is the caller's from now on. It is nil
// where something is still to be written to it.
func (r *Reader) Detach() net.Conn {
	if r.flags&closed != 0 || r.full != nil {
		return nil
	}
	conn := r.conn
	_ = r.control(syscall.EPOLL_CTL_DEL, 0)
	r.leave(Detached)
	return conn
}

// write gives the socket what it takes. n is 0 where it is full; an error is final.
func (r *Reader) write(b []byte) (n int, err error) {
	n, errno := r.part.shard.call.do(r, syscall.SYS_WRITE, b)
	if errno == syscall.EAGAIN {
		return 0, nil
	}
	if errno != 0 {
		return 0, errno
	}
	r.written += int64(n)
	return n, nil
}

// block leaves the reader alone until its socket takes something.
func (r *Reader) block(rest, own []byte) {
	r.full, r.since = &backlog{rest: rest, control: own}, r.part.shard.engine.now()
	if r.flags&armed == 0 {
		r.flags |= armed
		events := uint32(syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | edge)
		if err := r.control(syscall.EPOLL_CTL_MOD, events); err != nil {
			r.close(Left)
		}
	}
}

// unblock goes on with what is owed, as far as the socket takes it.
func (r *Reader) unblock() {
	for _, owed := range []*[]byte{&r.full.rest, &r.full.control} {
		for len(*owed) > 0 {
			n, err := r.write(*owed)
			if err != nil {
				r.close(Left)
				return
			}
			if n == 0 {
				return
			}
			*owed = (*owed)[n:]
			r.since = r.part.shard.engine.now()
		}
	}
	r.full = nil
	if r.flags&ending == 0 {
		r.part.advance(r, nil)
	}
}

// waits returns for how long the peer has been seen to take nothing of what there is for it, in milliseconds. It asks the
// kernel what is left, for a socket has room again only when much of that is gone: who reads a little at a time would
// look like one who reads nothing.
func (r *Reader) waits(now int64) int64 {
	left, known := r.queued()
	if taken := r.written - int64(left); !known || left == 0 || taken > r.taken {
		r.taken, r.since = taken, now
	}
	return now - r.since
}

func (r *Reader) close(why Reason) {
	if r.flags&closed != 0 {
		return
	}
	conn := r.conn
	r.leave(why)
	_ = conn.Close() // takes it out of the epoll set too
}

// leave takes the reader out of its topic.
func (r *Reader) leave(why Reason) {
	p := r.part
	r.flags |= closed
	last := len(p.readers) - 1
	p.readers[r.index] = p.readers[last]
	p.readers[r.index].index = r.index
	p.readers[last] = nil
	p.readers = p.readers[:last]
	if p.shard.readers[r.fd] == r {
		p.shard.readers[r.fd] = nil
	}
	r.full = nil
	p.topic.protocol.Closed(r, why)
	r.conn, r.raw = nil, nil
}

// control adds the socket to the shard's epoll set, or changes it there.
func (r *Reader) control(op int, events uint32) (err error) {
	event := syscall.EpollEvent{Events: events, Fd: r.fd}
	if outer := r.raw.Control(func(fd uintptr) { err = syscall.EpollCtl(r.part.shard.epfd, op, int(fd), &event) }); outer != nil {
		return outer
	}
	if err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// read takes what has come; n is 0 where nothing has.
func (r *Reader) read(buf []byte) (n int, err error) {
	n, errno := r.part.shard.call.do(r, syscall.SYS_READ, buf)
	switch {
	case errno == syscall.EAGAIN:
		return 0, nil
	case errno != 0:
		return 0, errno
	case n == 0:
		return 0, errEOF
	}
	return n, nil
}

var errEOF = errors.New("the peer has closed")

// queued is how many bytes the kernel has that the peer has not taken; known is false where the kernel can't tell.
func (r *Reader) queued() (n int32, known bool) {
	outer := r.raw.Control(func(fd uintptr) {
		_, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&n)))
		known = errno == 0
	})
	return n, known && outer == nil
}

// call is one system call on a reader's socket. There is one for each shard, whose lock is held, so that a call costs
// no memory.
type call struct {
	trap  uintptr
	buf   []byte
	n     uintptr
	errno syscall.Errno
	run   func(fd uintptr)
}

func newCall() *call {
	c := &call{}
	c.run = func(fd uintptr) {
		for {
			// Not syscall.Write: the socket never blocks, so the scheduler need not be told.
			c.n, _, c.errno = syscall.RawSyscall(c.trap, fd,
				uintptr(unsafe.Pointer(unsafe.SliceData(c.buf))), uintptr(len(c.buf)))
			if c.errno != syscall.EINTR {
				return
			}
		}
	}
	return c
}

// do goes through the connection, so that a descriptor which somebody else has closed, and which is another
// connection's by now, is never touched.
func (c *call) do(r *Reader, trap uintptr, buf []byte) (n int, errno syscall.Errno) {
	c.trap, c.buf = trap, buf
	if err := r.raw.Control(c.run); err != nil {
		return 0, syscall.EBADF
	}
	c.buf = nil
	return int(c.n), c.errno
}
