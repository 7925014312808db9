package app

import (
	"net"
	"syscall"
	"testing"
)

// A connection has TCP keep-alive from its listener.
func TestOptionsOfConnections(t *testing.T) {
	ln, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	theirs, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = theirs.Close() }()
	if _, err := theirs.Write([]byte("G")); err != nil { // the kernel waits for it
		t.Fatal(err)
	}
	ours, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ours.Close() }()
	raw, err := ours.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range inherited {
		var got int
		outer := raw.Control(func(fd uintptr) { got, err = syscall.GetsockoptInt(int(fd), o.level, o.name) })
		if outer != nil || err != nil || got != o.value {
			t.Errorf("option %d is %d, want %d (%v, %v)", o.name, got, o.value, outer, err)
		}
	}
}
