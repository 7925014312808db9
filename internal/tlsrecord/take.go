package tlsrecord

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// CanTake reports whether Take can take conn over, and returns the connection beneath.
func CanTake(conn net.Conn) (socket net.Conn, ok bool) {
	switch c := conn.(type) {
	case *Conn:
		return c.socket, true
	case *tls.Conn:
		w, ok := c.NetConn().(*watched)
		if !ok || !w.watchable() {
			return nil, false
		}
		state := c.ConnectionState()
		p := state.NegotiatedProtocol
		return w.Conn, state.Version == tls.VersionTLS13 && suiteOf(state.CipherSuite) != nil && (p == "" || p == protocol)
	}
	return nil, false
}

// Watches reports whether conn is a connection of NewListener, even if it can't be taken over.
func Watches(conn net.Conn) bool {
	c, ok := conn.(*tls.Conn)
	if !ok {
		return false
	}
	_, ok = c.NetConn().(*watched)
	return ok
}

// Take takes a connection over, which nobody may be reading from or writing to. It is a connection of [NewListener], or one that
// Take has taken over before. socket is the connection beneath. early is what the peer sent and nobody has read. If Take returns an
// error, conn can only be closed.
func Take(conn net.Conn) (socket net.Conn, s *Session, early []byte, err error) {
	if _, ok := CanTake(conn); !ok {
		return nil, nil, nil, ErrNotTaken
	}
	if c, ok := conn.(*Conn); ok {
		return c.take()
	}
	c := conn.(*tls.Conn)
	w := c.NetConn().(*watched)
	if !w.take() {
		return nil, nil, nil, ErrNotTaken
	}
	w.frozen.Store(true)
	if early, err = drain(c); err != nil {
		return nil, nil, nil, fmt.Errorf("take a TLS connection over: %w", err)
	}
	w.mu.Lock()
	shadow := w.shadow
	w.shadow = nil
	w.mu.Unlock()
	if shadow == nil {
		return nil, nil, nil, ErrNotTaken
	}
	state := c.ConnectionState()
	s = &Session{suite: shadow.suite, in: shadow.in, out: shadow.out, raw: shadow.part, own: true, state: &state}
	s.in.forget()
	if len(s.raw) == 0 {
		s.raw = nil
	}
	if err := s.secure(); err != nil {
		return nil, nil, nil, err
	}
	return w.Conn, s, early, nil
}

// drain reads what crypto/tls has read ahead. The connection is frozen.
func drain(c *tls.Conn) (early []byte, err error) {
	_ = c.SetReadDeadline(time.Time{})
	var b [512]byte
	for {
		n, err := c.Read(b[:])
		early = append(early, b[:n]...)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return early, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
