package fanout

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"
)

// write gives the socket as much of b as it takes. n is 0 if the socket is full. An error is final.
func (r *Reader) write(b []byte) (n int, err error) {
	measure := r.flags&coarse != 0 && r.since != 0
	if measure { // before and after, since what b adds to the kernel's memory is not known
		r.waits(r.shard().engine.now())
	}
	if r.flags&(limited|coarse) == 0 && r.written+int64(len(b)) > mostUnsent {
		r.limitUnsent()
	}
	n, errno := r.shard().call.do(r, syscall.SYS_WRITE, b)
	if errno == syscall.EAGAIN {
		return 0, nil
	}
	if errno != 0 {
		return 0, errno
	}
	if r.flags&coarse == 0 {
		r.written += int64(n)
	} else if measure {
		left, _ := r.queued()
		r.taken = -int64(left)
	}
	return n, nil
}

// read takes what has come; n is 0 if nothing has.
func (r *Reader) read(buf []byte) (n int, err error) {
	n, errno := r.shard().call.do(r, syscall.SYS_READ, buf)
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

// queued returns how much the kernel holds that the peer has not taken: bytes for TCP, memory for a Unix socket. known is
// false if the kernel does not say.
func (r *Reader) queued() (n int32, known bool) {
	outer := r.raw.Control(func(fd uintptr) {
		_, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&n)))
		known = errno == 0
	})
	return n, known && outer == nil
}

const ( // linux/tcp.h
	tcpNotSentLowat = 25
	mostUnsent      = 128 << 10
)

// limitUnsent makes the kernel hold little that it has not sent. What waits here is merged; what waits in the kernel is
// not. TCP_USER_TIMEOUT is no replacement for waits: Linux ends a connection by it whose window is nearly always shut,
// even if the peer takes much. A socket that was given less needs no limit yet: many readers leave before.
func (r *Reader) limitUnsent() {
	r.flags |= limited
	_ = r.raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, mostUnsent)
	})
}

// control adds the socket to the shard's epoll set, or changes it there. It notes the socket's descriptor.
func (r *Reader) control(op int, events uint32) (err error) {
	outer := r.raw.Control(func(fd uintptr) {
		r.fd = int32(fd)
		err = syscall.EpollCtl(r.shard().epfd, op, int(fd), &syscall.EpollEvent{Events: events, Fd: r.fd})
	})
	if outer != nil {
		return outer
	}
	if err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// call makes system calls on readers' sockets. Each shard has one, used with the shard's lock held, so that a call
// allocates nothing.
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
			// Not syscall.Write: the socket never blocks, so Go's scheduler need not know of the call.
			c.n, _, c.errno = syscall.RawSyscall(c.trap, fd,
				uintptr(unsafe.Pointer(unsafe.SliceData(c.buf))), uintptr(len(c.buf)))
			if c.errno != syscall.EINTR {
				return
			}
		}
	}
	return c
}

// do makes the call through the connection. If the connection was closed by somebody else, its descriptor may be another
// connection's by now; do never touches that one.
func (c *call) do(r *Reader, trap uintptr, buf []byte) (n int, errno syscall.Errno) {
	c.trap, c.buf = trap, buf
	if err := r.raw.Control(c.run); err != nil {
		return 0, syscall.EBADF
	}
	c.buf = nil
	return int(c.n), c.errno
}
