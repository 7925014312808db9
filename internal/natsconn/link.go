package natsconn

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Link is a connection that lasts. The library gives a connection up after some errors, such as one about the size of a message. Then
// the link makes another one.
type Link struct {
	dialer *Dialer

	mu      sync.Mutex
	conn    *nats.Conn
	dialing bool // somebody makes another connection
}

// Open connects as Dial does. The caller must close the link.
func (d *Dialer) Open() (*Link, error) {
	conn, err := d.Dial()
	if err != nil {
		return nil, err
	}
	return &Link{dialer: d, conn: conn}, nil
}

// Conn returns the connection. The error is ErrAway if there is none now.
func (l *Link) Conn() (*nats.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.dialing:
		return nil, ErrAway
	case l.conn.IsConnected():
		return l.conn, nil
	case !l.conn.IsClosed():
		return nil, ErrAway
	}
	l.dialing = true
	l.mu.Unlock()
	conn, err := l.dialer.Dial()
	l.mu.Lock()
	if l.dialing = false; err == nil {
		l.conn = conn
	}
	if err == nil && !conn.IsConnected() {
		err = ErrAway
	}
	return conn, err
}

// Flush has the server take what was published, if it does so before ctx ends, or limit is over.
func (l *Link) Flush(ctx context.Context, limit time.Duration) {
	l.mu.Lock()
	conn := l.conn
	l.mu.Unlock()
	if conn.IsConnected() {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		_ = conn.FlushWithContext(ctx)
	}
}

// Close closes the connection. Nobody must use the link at that time, or later.
func (l *Link) Close() { l.conn.Close() }
