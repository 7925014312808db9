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
	chunkSize   = 4 << 10 // bytes that are read at once
	inFlight    = 256     // chunks that are on their way at most, in one direction
	dialTimeout = 5 * time.Second
)

// conn is a connection through the proxy.
type conn struct {
	proxy  *Proxy
	client net.Conn
	lost   atomic.Bool // something was swallowed: nothing passes any more

	mu     sync.Mutex
	server net.Conn // nil where nothing was passed on yet
	ended  bool
}

// chunk is what is on its way.
type chunk struct {
	data []byte
	due  time.Time
	by   Fault // that says when it is due
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
	if ended { // while it was dialled
		_ = server.Close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { c.pump(c.client, server, &c.proxy.there) })
	both.Go(func() { c.pump(server, c.client, &c.proxy.back) })
	both.Wait()
}

// pump passes on what comes from one side to the other, until that side has ended and the other knows.
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
				if due.Before(last) { // none overtakes another
					due = last
				}
				last = due
				next := chunk{data[:n], due, by}
				if by.kind == bandwidth { // what is not yet sent is the sender's to keep
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
			c.reset() // ends the reading too
		}
	}
	err := <-broken
	for { // the other side hears of it when the network lets it
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
	_ = half.CloseWrite() // where it can't be, reading from it ends too
}

// await waits until next is due, as long as the fault that says so lasts.
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
