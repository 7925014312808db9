package publisher

import (
	"crypto/tls"
	"net"

	"github.com/motacilla-live/motacilla/internal/tlsrecord"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
)

// unpark gives the connection back to its http.Server, which first reads the bytes in read.
func (c *pollConn) unpark(r *fanout.Reader, read []byte) {
	conn := r.Detach()
	if conn == nil { // the last answer has not been taken
		r.Close()
		return
	}
	back := &unparked{Conn: conn, read: append([]byte(nil), read...)}
	l := &oneListener{back, conn.LocalAddr()}
	if secure, ok := conn.(*tlsrecord.Conn); ok {
		l.conn = &unparkedTLS{back, secure}
	}
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

// unparkedTLS is an unparked connection with TLS. net/http finds the method ConnectionState, and sets Request.TLS.
type unparkedTLS struct {
	*unparked
	secure *tlsrecord.Conn
}

// ConnectionState returns what the handshake agreed on.
func (c *unparkedTLS) ConnectionState() tls.ConnectionState { return c.secure.ConnectionState() }

// NetConn returns the connection beneath.
func (c *unparked) NetConn() net.Conn { return c.Conn }

// parkable returns the connection that was unparked, if all that had been read of it has been read again; otherwise conn.
func parkable(conn net.Conn) net.Conn {
	back, ok := conn.(*unparked)
	if secure, isTLS := conn.(*unparkedTLS); isTLS {
		back, ok = secure.unparked, true
	}
	if ok && len(back.read) == 0 {
		return back.Conn
	}
	return conn
}

// oneListener is a listener that accepts one connection.
type oneListener struct {
	conn net.Conn // nil once it is accepted
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
