package fanout

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
)

// Connections are closed outside the engine. Other connections get their descriptors at once. The engine must not touch
// these.
func TestConnectionsClosedOutside(t *testing.T) {
	r := newRig(t, Options{})
	for range 200 {
		server, _ := r.pair()
		if err := r.topic.Join(server, Join{}); err != nil {
			t.Fatal(err)
		}
		_ = server.Close()
		other, client := r.pair() // very likely the same descriptor
		r.move(10)
		go func() { _, _ = client.Write([]byte("mine")); _ = client.(*net.TCPConn).CloseWrite() }()
		got, err := io.ReadAll(other)
		if err != nil || string(got) != "mine" {
			t.Fatalf("a connection outside the engine returns %q, %v", got, err)
		}
		_ = other.Close()
		if got := r.text(client); got != "" {
			t.Fatalf("a connection outside the engine was sent %q", got)
		}
	}
	r.eventually("the engine notices all of them", func() bool { r.topic.Publish(&r.story, true); return r.speech.count(Left) == 200 })
}

// A connection is closed outside the engine, and a new reader gets its descriptor before the engine notices.
func TestNewReaderWithADescriptorOfAnother(t *testing.T) {
	r := newRig(t, Options{Shards: 1})
	for range 50 {
		before := r.speech.count(Left)
		server, _ := r.pair()
		if err := r.topic.Join(server, Join{}); err != nil {
			t.Fatal(err)
		}
		_ = server.Close()
		c := r.join(Join{Cursor: r.story.head})
		r.move(10)
		r.want(c, r.story.head-1, r.story.head)
		r.eventually("the engine notices the first one", func() bool { return r.speech.count(Left) == before+1 })
		_ = c.Close()
		r.eventually("the engine notices that the second one leaves", func() bool { return r.speech.count(Left) == before+2 })
	}
}

// What the kernel may hold unsent is limited from the first write that could exceed it.
func TestLimitOfWhatIsUnsent(t *testing.T) {
	r := newRig(t, Options{})
	server, client := r.pair()
	if err := r.topic.Join(server, Join{Cursor: r.story.head}); err != nil {
		t.Fatal(err)
	}
	raw, err := server.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		size    int
		limited bool
	}{{1000, false}, {mostUnsent, true}} {
		r.move(tt.size)
		r.want(client, r.story.head-1, r.story.head)
		var got int
		outer := raw.Control(func(fd uintptr) { got, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat) })
		if outer != nil || err != nil || (got == mostUnsent) != tt.limited {
			t.Errorf("after %d more bytes the limit is %d (%v, %v)", tt.size, got, outer, err)
		}
	}
}

// Readers are closed while others are written to.
func TestManyLeaveDuringAPass(t *testing.T) {
	r := newRig(t, Options{Shards: 1})
	for range 3 {
		var clients []net.Conn
		for range 3 * batch {
			clients = append(clients, r.join(Join{Cursor: r.story.head}))
		}
		var leaving sync.WaitGroup
		leaving.Go(func() {
			r.topic.Each(batch, func() bool { return true }, func(rd *Reader) { rd.Close() })
		})
		for r.topic.Len() > 0 {
			r.move(100)
		}
		leaving.Wait()
		for _, c := range clients {
			_ = c.Close()
		}
	}
}

func TestUnixSocket(t *testing.T) {
	r := newRig(t, Options{})
	r.listenUnix()
	c := r.join(Join{})
	r.move(10)
	r.want(c, 0, 1)
}

func TestConnectionsThatAreNotPlainSockets(t *testing.T) {
	r := newRig(t, Options{})
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if err := r.topic.Join(a, Join{}); !errors.Is(err, ErrUnsupported) || Bare(a) {
		t.Errorf("a pipe: %v, bare %v", err, Bare(a))
	}
	server, client := r.pair()
	_ = server.Close()
	if err := r.topic.Join(server, Join{}); err == nil {
		t.Error("Join took a connection that is closed")
	}
	_ = client.Close()
	if n := r.topic.Len(); n != 0 {
		t.Errorf("%d readers are left", n)
	}
}

func TestDescriptorsAreClosed(t *testing.T) {
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("no /proc here")
		}
		return len(list)
	}
	r := newRig(t, Options{})
	before := count()
	for range 300 {
		_ = r.join(Join{}).Close()
	}
	r.eventually("all are closed", func() bool { return r.speech.count(Left) == 300 })
	r.eventually("no descriptor is left", func() bool { return count() <= before+5 })
}
