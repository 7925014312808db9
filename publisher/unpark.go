package publisher

import (
	"net"

	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
)

// unpark gives the connection back to its http.Server, which first reads the bytes in read.
func (c *pollConn) unpark(r *fanout.Reader, read []byte) {
	conn := r.Detach()
	if conn == nil { // the last answer has not been taken
		r.Close()
		return
	}
	l := &oneListener{&unparked{Conn: conn, read: append([]byte(nil), read...)}, conn.LocalAddr()}
	go func() {
		_ = c.server.Serve(l) // Serve serves the connection in a goroutine of its own, and returns.
		l.closeConn()
	}()
}

// unparked is a connection from which something has been read already.
type unparked struct {
	net.Conn
	read []byte
}

func (c *unparked) Read(b []byte) (int, error) {
	if len(c.read) > 0 {
		n := copy(b, c.read)
		if c.read = c.read[n:]; len(c.read) == 0 {
			c.read = nil
		}
		return n, nil
	}
	return c.Conn.Read(b)
}

// oneListener is a listener that accepts one connection.
type oneListener struct {
	conn *unparked // nil once it is accepted
	addr net.Addr
}

// Accept implements net.Listener.
func (l *oneListener) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, net.ErrClosed
	}
	conn := l.conn
	l.conn = nil
	return conn, nil
}

// closeConn closes the connection if the server did not accept it, because it is shut down.
func (l *oneListener) closeConn() {
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// Close implements net.Listener.
func (l *oneListener) Close() error { return nil }

// Addr implements net.Listener.
func (l *oneListener) Addr() net.Addr { return l.addr }
