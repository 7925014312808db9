package netfault

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	chunkSize   = 4 << 10     // bytes that are read at once
	inFlight    = 256         // the most chunks on their way in one direction
	dialTimeout = time.Minute // on a machine that stalls
)

// conn is a connection through the proxy.
type conn struct {
	proxy  *Proxy
	client net.Conn
	lost   atomic.Bool // something was swallowed, so nothing may pass any more

	mu     sync.Mutex
	server net.Conn // nil until something is passed on
	ended  bool
}

// chunk is data on its way.
type chunk struct {
	data []byte
	due  time.Time
	by   Fault // the fault that decides when it is due
}

func (c *conn) serve() {
	defer func() {
		c.close()
		c.proxy.mu.Lock()
		delete(c.proxy.conns, c)
		c.proxy.mu.Unlock()
	}()
	if f, _ := c.proxy.now(); f.kind == halfOpen {
		c.lost.Store(true)
		c.pump(c.client, nil, &c.proxy.there)
		return
	}
	d := net.Dialer{Timeout: dialTimeout}
	server, err := d.DialContext(c.proxy.ctx, "tcp", c.proxy.target)
	if err != nil {
		c.reset()
		return
	}
	c.mu.Lock()
	c.server = server
	ended := c.ended
	c.mu.Unlock()
	if ended { // the client left while the server was dialled
		_ = server.Close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { c.pump(c.client, server, &c.proxy.there) })
	both.Go(func() { c.pump(server, c.client, &c.proxy.back) })
	both.Wait()
}

// pump passes data on from one side to the other. It returns when the first has ended and the other has been told.
func (c *conn) pump(from, to net.Conn, l *lane) {
	chunks := make(chan chunk, inFlight)
	broken := make(chan error, 1)
	var reading sync.WaitGroup
	defer reading.Wait()
	reading.Go(func() {
		defer close(chunks)
		var last time.Time
		for {
			data := make([]byte, chunkSize)
			n, err := from.Read(data)
			if n > 0 {
				due, by := c.proxy.due(l, n)
				if due.Before(last) { // order is kept
					due = last
				}
				last = due
				next := chunk{data[:n], due, by}
				if by.kind == bandwidth { // the sender keeps what does not fit
					c.await(next)
				}
				chunks <- next
			}
			if err != nil {
				broken <- err
				return
			}
		}
	})
	for next := range chunks {
		c.await(next)
		if f, _ := c.proxy.now(); f.kind == halfOpen {
			c.lost.Store(true)
		}
		if c.lost.Load() {
			continue
		}
		if _, err := to.Write(next.data); err != nil {
			c.reset() // this ends the reading too
		}
	}
	err := <-broken
	for { // the other side is told once the fault allows it
		f, changed := c.proxy.now()
		if f.kind != halfOpen {
			break
		}
		select {
		case <-changed:
		case <-c.proxy.ctx.Done():
			return
		}
	}
	half, ok := to.(interface{ CloseWrite() error })
	if c.lost.Load() || !ok || !errors.Is(err, io.EOF) {
		c.reset()
		return
	}
	_ = half.CloseWrite() // if it fails, reading from half ends too
}

// await waits until next is due, or its fault has ended.
func (c *conn) await(next chunk) {
	f, changed := c.proxy.now()
	wait := time.Until(next.due)
	if f != next.by || wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-c.proxy.ctx.Done():
	}
}

// close closes both sides in good order.
func (c *conn) close() { c.end(func(net.Conn) {}) }

// reset resets both sides.
func (c *conn) reset() {
	c.end(func(side net.Conn) {
		if tcp, ok := side.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	})
}

func (c *conn) end(prepare func(net.Conn)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	for _, side := range []net.Conn{c.client, c.server} {
		if side != nil {
			prepare(side)
			_ = side.Close()
		}
	}
}
