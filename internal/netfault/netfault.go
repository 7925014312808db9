// Package netfault is a TCP proxy whose network fails on demand. It stands between a program and a server that the program
// needs. A test sets the fault while connections are open.
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

// Fault is what a Proxy does to the connections through it. Equal values are the same fault.
type Fault struct {
	kind          kind
	delay, jitter time.Duration
	rate          int
}

// Pass is no fault.
func Pass() Fault { return Fault{} }

// Cut closes all connections with FIN and refuses new ones.
func Cut() Fault { return Fault{kind: cut} }

// Reset resets all connections with RST, and each new one when it is accepted.
func Reset() Fault { return Fault{kind: reset} }

// HalfOpen swallows all data in both directions. Connections stay open and new ones are accepted. If one side closes, the
// other is not told. A connection that has lost data passes nothing after the fault either. When one of its sides closes,
// the other is reset.
func HalfOpen() Fault { return Fault{kind: halfOpen} }

// Latency makes each round trip longer by delay, plus or minus jitter. Half of it is added in each direction. Order is kept.
func Latency(delay, jitter time.Duration) Fault {
	return Fault{kind: latency, delay: delay, jitter: jitter}
}

// Bandwidth passes at most bytesPerSecond in each direction, over all connections together.
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

// Proxy passes connections on to its target, as its fault allows. Its methods may be called from several goroutines.
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
	there    lane // from clients to the target
	back     lane
}

// lane is one direction. All connections share its bandwidth.
type lane struct{ free time.Time }

// Listen returns a proxy to target (host:port) that accepts connections until Close.
func Listen(target string) (*Proxy, error) {
	// On an address of the proxy's own nobody takes the port while connections are refused. Some systems have only one
	// loopback address.
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

// Addr returns the proxy's address, host:port. It does not change.
func (p *Proxy) Addr() string { return p.addr }

// Set replaces the fault by f. It returns an error if the proxy cannot listen again after a Cut.
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

// Close closes all connections and waits for the proxy's goroutines. It may be called more than once.
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

// closeAll ends each connection by end. The caller must hold p.mu.
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
		if err != nil { // one connection failed
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

// now returns the fault, and a channel that is closed when the fault changes.
func (p *Proxy) now() (Fault, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.changed
}

// due returns when n bytes that have just arrived may be passed on, and the fault that decides it.
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
