package postgres

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy stands between a Store and its server, and can be cut or be silent.
type proxy struct {
	url string
	to  string

	mu     sync.Mutex
	cut    bool // refuses connections
	silent bool // takes what is sent, and passes nothing on
	conns  map[net.Conn]bool
	work   sync.WaitGroup
}

// proxied returns a proxy before the database at url.
func proxied(t *testing.T, database string) *proxy {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{to: u.Host, conns: make(map[net.Conn]bool)}
	u.Host = l.Addr().String()
	p.url = u.String()
	p.work.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			p.take(from)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.set(true, false)
		p.work.Wait()
	})
	return p
}

func (p *proxy) take(from net.Conn) {
	to, err := net.Dial("tcp", p.to)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil || p.cut {
		_ = from.Close()
		if err == nil {
			_ = to.Close()
		}
		return
	}
	p.conns[from], p.conns[to] = true, true
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		p.work.Go(func() { p.pass(pair[0], pair[1]) })
	}
}

func (p *proxy) pass(from, to net.Conn) {
	defer func() { _, _ = from.Close(), to.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		lost := p.silent
		p.mu.Unlock()
		if lost { // for good: what was lost does not come later
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// set cuts the proxy, which closes its connections, or has it be silent.
func (p *proxy) set(cut, silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.silent = cut, silent
	if cut {
		for c := range p.conns {
			_ = c.Close()
		}
		clear(p.conns)
	}
}
