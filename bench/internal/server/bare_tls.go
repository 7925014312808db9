//go:build linux

package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"

	"github.com/motacilla-live/motacilla/internal/message"
)

// bareTLS is the least that a server with crypto/tls can cost. It accepts connections, makes the handshake, greets, and writes
// each update to one connection after the other. There is no HTTP, and what readers send is not read.
type bareTLS struct {
	addr  string
	maker *message.Maker

	mu      sync.Mutex
	readers []*tls.Conn
}

func newBareTLS(ctx context.Context) (Server, error) {
	config, err := tlsConfig("http/1.1")
	if err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	s := &bareTLS{addr: l.Addr().String(), maker: message.NewMaker()}
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go s.greet(ctx, tls.Server(nc, config))
		}
	}()
	return s, nil
}

func (s *bareTLS) greet(ctx context.Context, conn *tls.Conn) {
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := conn.Write([]byte(greeting)); err == nil {
		s.readers = append(s.readers, conn)
	}
}

func (s *bareTLS) Ready() Ready { return Ready{Addr: s.addr, Since: int64(s.maker.Head())} }

func (s *bareTLS) Publish(_ context.Context, seq int, stamp int64) error {
	body, err := s.maker.Next(seq, stamp)
	if err != nil {
		return err
	}
	event := message.AppendEvent(nil, s.maker.Head(), body)
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.readers[:0]
	for _, conn := range s.readers {
		if _, err := conn.Write(event); err != nil {
			_ = conn.Close() // the reader has left
			continue
		}
		left = append(left, conn)
	}
	s.readers = left
	return nil
}
