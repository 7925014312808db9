package fanout

import (
	"io"
	"net"
	"syscall"
	"testing"
)

func (r *rig) full() (full bool) {
	r.topic.Each(100, func() bool { return true }, func(rd *Reader) { full = full || rd.Full() })
	return full
}

// A peer that takes a little all the time is not closed, even if its window is nearly always shut and it is long until its
// socket has room. As soon as it takes nothing, it is closed.
func TestSlowReaderIsNotStalled(t *testing.T) {
	r, clock := newStoppedRig(t)
	stall := r.engine.options.Stall
	client := r.joinSmall()
	r.eventually("the socket is full", func() bool {
		r.move(64 << 10)
		return r.full()
	})
	for range 1000 { // a window opens only when much of it is free
		r.move(1000)
		if _, err := io.CopyN(io.Discard, client, 500); err != nil {
			t.Fatalf("a slow reader was closed: %v", err)
		}
		clock.advance(stall / 200)
		r.checkTimes()
		r.wantStalled(0)
	}
	r.eventually("the peer takes nothing, and is closed", func() bool {
		r.move(64 << 10)
		clock.advance(stall / 2)
		r.checkTimes()
		return r.speech.count(Stalled) == 1
	})
}

// A peer that takes nothing is closed, even if what there is for it does not fill its socket.
func TestStalledReaderWithRoomIsClosed(t *testing.T) {
	r, clock := newStoppedRig(t)
	healthy := r.join(Join{})
	_ = r.joinSmall()
	for step := int64(0); r.unread() == 0; step++ {
		r.move(6 << 10)
		r.want(healthy, step, step+1)
	}
	if r.full() {
		t.Error("the socket is full")
	}
	r.eventually("the peer that takes nothing is closed", func() bool {
		clock.advance(r.engine.options.Stall / 2)
		r.checkTimes()
		return r.speech.count(Stalled) == 1
	})
	if n := r.topic.Len(); n != 1 {
		t.Errorf("%d readers are left, want the one that has taken everything", n)
	}
}

// joinSmall joins a reader with small segments and a small receive buffer.
func (r *rig) joinSmall() net.Conn {
	r.Helper()
	small := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		outer := raw.Control(func(fd uintptr) {
			if err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 32<<10); err == nil {
				err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1460)
			}
		})
		if outer != nil {
			return outer
		}
		return err
	}}
	client, err := small.DialContext(r.Context(), "tcp", r.listener.Addr().String())
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = client.Close() })
	server, err := r.listener.Accept()
	if err != nil {
		r.Fatal(err)
	}
	if err := r.topic.Join(server, Join{Cursor: r.story.at()}); err != nil {
		r.Fatal(err)
	}
	return client
}
