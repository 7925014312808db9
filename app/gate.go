package app

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// gate is a listener that can stop to accept, and go on. Connections wait in the kernel's queue meanwhile, where another process may
// take them.
type gate struct {
	socket
	name  string  // for another process
	at    address // as it was configured
	chmod bool    // the configuration gives the file of the socket another mode than that of the process before

	accepting sync.Mutex // held in the socket's Accept

	mu     sync.Mutex
	shut   chan struct{} // closed when the gate opens; nil if it is open
	closed bool
}

// socket is a listener of the net package.
type socket interface {
	net.Listener
	SetDeadline(t time.Time) error
}

// pause makes Accept wait. It returns when nothing is accepted any more.
func (g *gate) pause() {
	g.mu.Lock()
	if g.shut == nil && !g.closed {
		g.shut = make(chan struct{})
		_ = g.SetDeadline(time.Unix(1, 0)) // ends the Accept that is under way
	}
	g.mu.Unlock()
	g.accepting.Lock()
	g.accepting.Unlock() //nolint:staticcheck // the lock was free: so nobody accepts
}

// open lets Accept begin.
func (g *gate) open() error {
	if g.chmod {
		if err := os.Chmod(g.at.at, g.at.mode); err != nil {
			return fmt.Errorf("server.socket_mode: %w", err)
		}
	}
	g.resume()
	return nil
}

// resume lets Accept go on.
func (g *gate) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		_ = g.SetDeadline(time.Time{})
		close(g.shut)
		g.shut = nil
	}
}

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	for {
		g.mu.Lock()
		shut := g.shut
		g.mu.Unlock()
		if shut != nil {
			<-shut
			continue
		}
		g.accepting.Lock()
		conn, err := g.socket.Accept()
		g.accepting.Unlock()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		return conn, err
	}
}

// Close implements net.Listener.
func (g *gate) Close() error {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.resume()
	return g.socket.Close()
}
