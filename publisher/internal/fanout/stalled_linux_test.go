package fanout

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// TestSlowReaderIsNotStalled: who takes a little all the time is not closed, though it takes long until its socket has
// room, and its window is nearly always shut; as soon as it takes nothing, it is.
func TestSlowReaderIsNotStalled(t *testing.T) {
	const stall = 400 * time.Millisecond
	r := newRig(t, Options{Stall: stall, Tick: 20 * time.Millisecond})
	client := r.joinSmall()
	full := func() (is bool) {
		r.topic.Each(1, func() bool { return true }, func(r *Reader) { is = r.Full() })
		return is
	}
	r.eventually("the socket is full", func() bool {
		r.move(64 << 10)
		return full()
	})
	for began := time.Now(); time.Since(began) < 5*stall; time.Sleep(stall / 40) {
		r.move(1000)
		if _, err := io.CopyN(io.Discard, client, 500); err != nil {
			t.Fatalf("a slow reader was closed after %v: %v", time.Since(began), err)
		}
	}
	r.eventually("who takes nothing is closed", func() bool { return r.speech.count(Stalled) == 1 })
}

// TestStalledWithRoom: who takes nothing is closed too where what there is for it does not fill its socket.
func TestStalledWithRoom(t *testing.T) {
	r := newRig(t, Options{Stall: 200 * time.Millisecond, Tick: 10 * time.Millisecond})
	idle := r.join(Join{})
	client := r.joinSmall()
	var before int64
	r.eventually("something waits in the kernel, and stays", func() (stays bool) {
		r.move(6 << 10)
		r.next(idle)
		time.Sleep(30 * time.Millisecond) // what is on its way arrives
		r.topic.Each(2, func() bool { return true }, func(r *Reader) {
			if left, _ := r.queued(); left > 0 {
				stays = left > 10_000 && r.written-int64(left) == before
				before = r.written - int64(left)
			}
		})
		return stays || r.speech.count(Stalled) == 1
	})
	r.eventually("it is closed", func() bool { return r.speech.count(Stalled) == 1 })
	_ = client.Close()
	if n := r.topic.Len(); n != 1 {
		t.Errorf("%d readers are left, want the one that has taken everything", n)
	}
	time.Sleep(500 * time.Millisecond) // more than its time, in which there is nothing to take
	r.move(10)
	r.next(idle)
}

// joinSmall joins a reader from afar: with small segments, and little room of its own.
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
	if err := r.topic.Join(server, Join{}); err != nil {
		r.Fatal(err)
	}
	return client
}
