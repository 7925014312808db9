package app

import (
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// A gate that is shut accepts nothing, and what has come waits until it opens. It may be closed while it is shut.
func TestGate(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			at := "127.0.0.1:0"
			if network == "unix" {
				at = filepath.Join(t.TempDir(), "s")
			}
			ln, err := net.Listen(network, at)
			if err != nil {
				t.Fatal(err)
			}
			g := &gate{socket: ln.(socket)}
			accepted, over := make(chan net.Conn, 1), make(chan error, 1)
			go func() {
				for {
					conn, err := g.Accept()
					if err != nil {
						over <- err
						return
					}
					accepted <- conn
				}
			}()
			for range 3 {
				g.pause()
				g.pause() // again is no difference
				dialled, err := net.Dial(network, ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				select {
				case <-accepted:
					t.Fatal("a gate that is shut has accepted")
				case <-time.After(5 * time.Millisecond):
				}
				g.resume()
				_ = (<-accepted).Close()
				_ = dialled.Close()
			}
			g.pause()
			if err := g.Close(); err != nil {
				t.Error(err)
			}
			if err := <-over; !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept of a closed gate: %v", err)
			}
		})
	}
}
