package redis

import (
	"io"
	"net"
	"sync"
	"testing"
)

// gate is a TCP proxy before the server, which can be shut, and can swallow what comes.
type gate struct {
	listener net.Listener
	target   string
	wg       sync.WaitGroup

	mu     sync.Mutex
	shut   bool
	deaf   bool
	opened chan struct{} // closed while not deaf
	conns  map[net.Conn]bool
}

func newGate(t *testing.T, target string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{listener: l, target: target, conns: make(map[net.Conn]bool), opened: make(chan struct{})}
	close(g.opened)
	g.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			g.wg.Go(func() { g.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		g.setDeaf(false)
		g.setShut(true)
		g.wg.Wait()
	})
	return g
}

func (g *gate) url() string { return "redis://" + g.listener.Addr().String() }

// setShut closes all connections, and each new one, until it is opened again.
func (g *gate) setShut(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	if shut {
		for c := range g.conns {
			_ = c.Close()
		}
		clear(g.conns)
	}
}

// setDeaf passes nothing on, and tells nobody: as a network does that drops what it gets.
func (g *gate) setDeaf(deaf bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if deaf == g.deaf {
		return
	}
	if g.deaf = deaf; deaf {
		g.opened = make(chan struct{})
	} else {
		close(g.opened)
	}
}

func (g *gate) keep(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		_ = c.Close()
		return false
	}
	g.conns[c] = true
	return true
}

func (g *gate) hearing() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened
}

func (g *gate) serve(c net.Conn) {
	defer c.Close()
	if !g.keep(c) {
		return
	}
	server, err := net.Dial("tcp", g.target)
	if err != nil {
		return
	}
	defer server.Close()
	if !g.keep(server) {
		return
	}
	var wg sync.WaitGroup
	pass := func(to, from net.Conn) {
		defer to.Close()
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			<-g.hearing()
			if _, werr := to.Write(buf[:n]); werr != nil || err != nil {
				return
			}
		}
	}
	wg.Go(func() { pass(server, c) })
	pass(c, server)
	_, _ = io.Copy(io.Discard, server)
	wg.Wait()
}
