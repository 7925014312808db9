package tlsrecord

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is a net.Conn over a session. A connection that was taken over goes back to an http.Server with it, which finds
// ConnectionState for its requests.
type Conn struct {
	socket  net.Conn
	session *Session

	reading sync.Mutex // guards what follows, and the receiving methods of session
	data    []byte     // opened and not read
	buffer  []byte     // data is part of it
	readErr error

	writing  sync.Mutex // guards what follows, and the sending methods of session
	record   []byte
	writeErr error // nothing can be written any more
	over     bool  // the close_notify is sent

	ended atomic.Bool // the peer has sent an error alert: nothing may be sent any more (RFC 8446, section 6)
}

var _ net.Conn = (*Conn)(nil)

// NewConn returns a connection over s. The caller must not use socket and s afterwards.
func NewConn(socket net.Conn, s *Session) *Conn { return &Conn{socket: socket, session: s} }

const readSize = 4 << 10

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(b) == 0 {
		return 0, nil
	}
	for len(c.data) == 0 {
		if c.readErr != nil {
			return 0, c.readErr
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.data)
	c.data = c.data[n:]
	return n, nil
}

// fill reads until there is data. A deadline's error leaves the connection as it is.
func (c *Conn) fill() error {
	for {
		data, err := c.session.Next()
		if err != nil {
			c.fail(err)
			return err
		}
		if len(data) > 0 {
			c.data = data
			return nil
		}
		c.session.keep()
		if c.buffer == nil {
			c.buffer = make([]byte, readSize)
		}
		n, err := c.socket.Read(c.buffer)
		if n > 0 {
			c.session.Feed(c.buffer[:n])
			continue
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if errors.Is(err, io.EOF) && len(c.session.raw) > 0 {
			err = io.ErrUnexpectedEOF
		}
		c.readErr = err
		return err
	}
}

// fail ends the connection. If the peer has broken a rule, it is told.
func (c *Conn) fail(err error) {
	c.readErr = err
	if errors.As(err, new(*remote)) {
		c.ended.Store(true)
	}
	if f := (*Fault)(nil); errors.As(err, &f) {
		c.alert(f.Alert)
	}
}

// alert sends an alert, after which nothing can be written. It does not wait for a write that is under way: then there is no alert.
func (c *Conn) alert(a Alert) {
	if !c.writing.TryLock() {
		return
	}
	defer c.writing.Unlock()
	if c.writeErr != nil || c.over || c.ended.Load() {
		return
	}
	c.over = true
	_ = c.socket.SetWriteDeadline(time.Now().Add(alertWithin))
	_ = c.send(c.session.AppendAlert(c.record[:0], a))
	_ = c.socket.SetWriteDeadline(time.Now())
}

// alertWithin is how long the peer has to take an alert.
const alertWithin = 5 * time.Second

// Write implements net.Conn.
func (c *Conn) Write(b []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.over || c.ended.Load() {
		return 0, net.ErrClosed
	}
	for len(b) > 0 {
		if c.writeErr != nil {
			return n, c.writeErr
		}
		if c.session.NeedsKeyUpdate() {
			record, err := c.session.AppendKeyUpdate(c.record[:0])
			if err == nil {
				err = c.send(record)
			}
			if err != nil {
				c.writeErr = err
				return n, err
			}
		}
		size := min(len(b), MaxPlaintext)
		if err := c.send(c.session.Seal(c.record[:0], b[:size])); err != nil {
			return n, err
		}
		n += size
		b = b[size:]
	}
	return n, nil
}

// send writes records. After an error, part of a record may be written, so nothing can follow.
func (c *Conn) send(record []byte) error {
	c.record = record[:0]
	if _, err := c.socket.Write(record); err != nil {
		c.writeErr = err
		return err
	}
	return nil
}

// Close sends a close_notify and closes the connection.
func (c *Conn) Close() error {
	c.alert(CloseNotify)
	return c.socket.Close()
}

// CloseWrite sends a close_notify. Reading goes on.
func (c *Conn) CloseWrite() error {
	c.alert(CloseNotify)
	return nil
}

// ConnectionState returns what the handshake agreed on. net/http finds it.
func (c *Conn) ConnectionState() tls.ConnectionState { return c.session.ConnectionState() }

// take makes the connection a session again.
func (c *Conn) take() (net.Conn, *Session, []byte, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.readErr != nil || c.writeErr != nil || c.over {
		return nil, nil, nil, ErrNotTaken
	}
	early := append([]byte(nil), c.data...)
	for {
		data, err := c.session.Next()
		if err != nil {
			return nil, nil, nil, err
		}
		if data == nil {
			break
		}
		early = append(early, data...)
	}
	c.session.Pause()
	c.data, c.buffer, c.record = nil, nil, nil
	c.readErr, c.writeErr, c.over = net.ErrClosed, net.ErrClosed, true
	return c.socket, c.session, early, nil
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.socket.LocalAddr() }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.socket.RemoteAddr() }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error { return c.socket.SetDeadline(t) }

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.socket.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.socket.SetWriteDeadline(t) }

// NetConn returns the connection beneath.
func (c *Conn) NetConn() net.Conn { return c.socket }
