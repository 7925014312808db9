// Package netfault is a TCP proxy whose network fails on demand: it stands between a program and what it depends on, and
// is told while it runs what goes wrong. It is for tests.
package netfault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

type kind int

const (
	pass kind = iota
	cut
	reset
	halfOpen
	latency
	bandwidth
)

// Fault is what a Proxy does to the connections through it. Two are equal where they are the same fault.
type Fault struct {
	kind          kind
	delay, jitter time.Duration
	rate          int
}

// Pass is no fault.
func Pass() Fault { return Fault{} }

// Cut closes all connections in good order, and refuses new ones.
func Cut() Fault { return Fault{kind: cut} }

// Reset resets all connections (RST), and new ones as soon as they are there.
func Reset() Fault { return Fault{kind: reset} }

// HalfOpen swallows whatever comes, in both directions, and lets nobody know: connections stay, new ones are accepted,
// and of one that is closed on one side the other side hears nothing. What was swallowed does not come back, so a
// connection that has lost something never says a word more, after the fault too, until one of its sides closes it: then
// the other is reset.
func HalfOpen() Fault { return Fault{kind: halfOpen} }

// Latency makes every round trip longer by delay, give or take jitter, half of it in each direction. Order is kept.
func Latency(delay, jitter time.Duration) Fault {
	return Fault{kind: latency, delay: delay, jitter: jitter}
}

// Bandwidth lets at most so many bytes a second pass in each direction, over all connections together.
func Bandwidth(bytesPerSecond int) Fault { return Fault{kind: bandwidth, rate: bytesPerSecond} }

// String names the fault.
func (f Fault) String() string {
	switch f.kind {
	case cut:
		return "cut"
	case reset:
		return "reset"
	case halfOpen:
		return "half-open"
	case latency:
		return fmt.Sprintf("latency %v±%v", f.delay, f.jitter)
	case bandwidth:
		return fmt.Sprintf("%d B/s", f.rate)
	}
	return "pass"
}

// Proxy passes connections on to its target, as far as its fault lets it. Its methods may be called from many goroutines
// at once.
type Proxy struct {
	target string
	addr   string
	ctx    context.Context // ends with Close
	stop   context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while connections are refused
	fault    Fault
	changed  chan struct{} // closed when the fault changes
	conns    map[*conn]struct{}
	there    lane // from those who connect to the target
	back     lane
}

// lane is one direction, whose bandwidth all connections share.
type lane struct{ free time.Time }

// Listen begins to pass connections on to target, host:port. Close ends it.
func Listen(target string) (*Proxy, error) {
	// On an address of its own nobody takes the port while connections are refused; where there is only one loopback
	// address it does as well.
	own := net.IPv4(127, byte(1+rand.N(250)), byte(rand.N(250)), byte(1+rand.N(250)))
	p := &Proxy{target: target, changed: make(chan struct{}), conns: make(map[*conn]struct{})}
	p.ctx, p.stop = context.WithCancel(context.Background())
	listener, err := p.listen(net.JoinHostPort(own.String(), "0"))
	if err != nil {
		listener, err = p.listen("127.0.0.1:0")
	}
	if err != nil {
		p.stop()
		return nil, err
	}
	p.listener, p.addr = listener, listener.Addr().String()
	p.work.Go(func() { p.accept(listener) })
	return p, nil
}

func (p *Proxy) listen(addr string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(p.ctx, "tcp4", addr)
	if err != nil {
		return nil, fmt.Errorf("fault proxy to %s: %w", p.target, err)
	}
	return listener, nil
}

// Addr is where the proxy listens, host:port; it stays the same.
func (p *Proxy) Addr() string { return p.addr }

// Set puts f in the place of the fault before. An error says that the proxy can't listen again after a Cut.
func (p *Proxy) Set(f Fault) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return fmt.Errorf("fault proxy to %s: %w", p.target, net.ErrClosed)
	}
	p.fault = f
	p.there, p.back = lane{}, lane{}
	close(p.changed)
	p.changed = make(chan struct{})
	switch f.kind {
	case cut:
		if p.listener != nil {
			_ = p.listener.Close()
			p.listener = nil
		}
		p.closeAll((*conn).close)
	case reset:
		p.closeAll((*conn).reset)
	}
	if f.kind == cut || p.listener != nil {
		return nil
	}
	listener, err := p.listen(p.addr)
	if err != nil {
		return err
	}
	p.listener = listener
	p.work.Go(func() { p.accept(listener) })
	return nil
}

// Close closes every connection and waits for the proxy's goroutines. It may be called again.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.stop()
	var err error
	if p.listener != nil {
		err = p.listener.Close()
		p.listener = nil
	}
	p.closeAll((*conn).close)
	p.mu.Unlock()
	p.work.Wait()
	return err
}

// closeAll ends every connection in that way. p.mu is held.
func (p *Proxy) closeAll(end func(*conn)) {
	for c := range p.conns {
		end(c)
	}
}

func (p *Proxy) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // of one connection
			continue
		}
		c := &conn{proxy: p, client: client}
		p.mu.Lock()
		kind, refused := p.fault.kind, p.ctx.Err() != nil
		if !refused && kind != cut && kind != reset {
			p.conns[c] = struct{}{}
			p.work.Go(c.serve)
		}
		p.mu.Unlock()
		switch {
		case kind == reset:
			c.reset()
		case refused || kind == cut:
			c.close()
		}
	}
}

// now returns the fault in force, and what is closed when it is no more.
func (p *Proxy) now() (Fault, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.changed
}

// due is when n bytes that have just come may go on, and the fault that says so.
func (p *Proxy) due(l *lane, n int) (time.Time, Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, f := time.Now(), p.fault
	switch f.kind {
	case latency:
		delay := f.delay
		if f.jitter > 0 {
			delay += rand.N(2*f.jitter+1) - f.jitter
		}
		return now.Add(delay / 2), f
	case bandwidth:
		if l.free.Before(now) {
			l.free = now
		}
		l.free = l.free.Add(time.Duration(n) * time.Second / time.Duration(f.rate))
		return l.free, f
	}
	return now, f
}
