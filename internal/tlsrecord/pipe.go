package tlsrecord

import (
	"bytes"
	"io"
	"net"
	"sync"
	"time"
)

// pipe is one end of a connection in memory. Unlike net.Pipe it takes what is written before the other end reads.
type pipe struct {
	in, out *stream
}

func newPipe() (a, b *pipe) {
	x, y := newStream(), newStream()
	return &pipe{x, y}, &pipe{y, x}
}

// stream is one direction of a pipe.
type stream struct {
	mu     sync.Mutex
	moved  *sync.Cond
	data   bytes.Buffer
	closed bool
}

func newStream() *stream {
	s := new(stream)
	s.moved = sync.NewCond(&s.mu)
	return s
}

// Read implements net.Conn.
func (p *pipe) Read(b []byte) (int, error) {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	for p.in.data.Len() == 0 && !p.in.closed {
		p.in.moved.Wait()
	}
	return p.in.data.Read(b)
}

// Write implements net.Conn.
func (p *pipe) Write(b []byte) (int, error) {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	if p.out.closed {
		return 0, io.ErrClosedPipe
	}
	p.out.moved.Broadcast()
	return p.out.data.Write(b)
}

// Close implements net.Conn.
func (p *pipe) Close() error {
	p.in.close()
	p.out.close()
	return nil
}

func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.moved.Broadcast()
}

// LocalAddr and the methods after it are net.Conn's. Nobody waits by a deadline here.
func (p *pipe) LocalAddr() net.Addr                { return &net.UnixAddr{Name: "memory"} }
func (p *pipe) RemoteAddr() net.Addr               { return p.LocalAddr() }
func (p *pipe) SetDeadline(time.Time) error        { return nil }
func (p *pipe) SetReadDeadline(t time.Time) error  { return nil }
func (p *pipe) SetWriteDeadline(t time.Time) error { return nil }
