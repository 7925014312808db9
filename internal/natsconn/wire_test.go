package natsconn

import (
	"errors"
	"net"
	"testing"
)

// TestWire: a connection ends with the first write that fails. Otherwise what the library has dropped would be taken for sent.
func TestWire(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := (&wire{net.Dialer{Timeout: connecting}}).Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for sent := 0; err == nil; { // nobody reads
		var n int
		if n, err = conn.Write(make([]byte, 3*piece+1)); err == nil && n != 3*piece+1 {
			t.Fatalf("%d bytes are written, and no error", n)
		}
		if sent += n; sent > 1<<30 {
			t.Fatal("all is written, though nobody reads")
		}
	}
	if _, err := conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after a write that failed: %v", err)
	}
}
