package natsconn

import (
	"net"
	"time"
)

const (
	connecting = 2 * time.Second // to one server, with the lookup of its name
	stalled    = 3 * time.Second // a server that takes nothing for so long is away
	piece      = 64 << 10        // bytes that must be taken in that time
)

// wire dials connections that end when a write fails. The library writes under a lock that everything needs, also to close the
// connection. And it drops what it could not write, perhaps of others, and goes on.
type wire struct{ net.Dialer }

// Dial implements nats.CustomDialer.
func (w *wire) Dial(network, address string) (net.Conn, error) {
	conn, err := w.Dialer.Dial(network, address)
	if err != nil {
		return nil, err
	}
	return &wireConn{conn}, nil
}

type wireConn struct{ net.Conn }

func (c *wireConn) Write(b []byte) (n int, err error) {
	for {
		part := b[n:min(len(b), n+piece)]
		var m int
		if err = c.SetWriteDeadline(time.Now().Add(stalled)); err == nil {
			m, err = c.Conn.Write(part)
		}
		if n += m; err != nil {
			_ = c.Close()
			return n, err
		}
		if n == len(b) {
			return n, nil
		}
	}
}
