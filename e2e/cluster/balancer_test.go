package cluster

import (
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// balancer passes each connection to the next node, with TLS as it comes. It leaves out nodes that do not answer.
type balancer struct {
	wire     wire
	listener net.Listener
	work     sync.WaitGroup

	mu    sync.Mutex
	nodes []string // addresses
	next  int
	conns map[net.Conn]struct{} // of clients
}

func newBalancer(t *testing.T, w wire) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{wire: w, listener: listener, conns: map[net.Conn]struct{}{}}
	b.work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			b.work.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		b.cut(1)
		b.work.Wait()
	})
	return b
}

func (b *balancer) url() string { return b.wire.url(b.listener.Addr().String()) }

func (b *balancer) add(addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nodes = append(b.nodes, addr)
}

func (b *balancer) remove(addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nodes = slices.DeleteFunc(b.nodes, func(a string) bool { return a == addr })
}

// cut breaks about this share of the connections. Their readers come back to other nodes.
func (b *balancer) cut(part float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for conn := range b.conns {
		if rand.Float64() < part {
			_ = conn.Close()
		}
	}
}

func (b *balancer) serve(client net.Conn) {
	b.mu.Lock()
	b.conns[client] = struct{}{}
	b.mu.Unlock()
	defer func() {
		_ = client.Close()
		b.mu.Lock()
		delete(b.conns, client)
		b.mu.Unlock()
	}()
	server := b.dial()
	if server == nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	_, _ = io.Copy(server, client)
	_ = server.Close()
	back.Wait()
}

func (b *balancer) dial() net.Conn {
	b.mu.Lock()
	n := len(b.nodes)
	b.mu.Unlock()
	for range n {
		b.mu.Lock()
		if len(b.nodes) == 0 {
			b.mu.Unlock()
			return nil
		}
		addr := b.nodes[b.next%len(b.nodes)]
		b.next++
		b.mu.Unlock()
		if server, err := net.DialTimeout("tcp4", addr, 5*time.Second); err == nil {
			return server
		}
	}
	return nil
}
