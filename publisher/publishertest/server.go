package publishertest

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/motacilla-live/motacilla/internal/tlsrecord"
	"github.com/motacilla-live/motacilla/internal/tlsrecord/recordtest"
)

// ServerOptions say how a [Server] is reached. The zero value is plain HTTP/1.1 over TCP.
type ServerOptions struct {
	TLS     bool // with a listener whose connections the epoll engine can take over
	HTTP2   bool // with TLS
	Unix    bool // a Unix socket
	Wrapped bool // the connections are not plain sockets
	Buffer  int  // bytes that the kernel keeps for a reader that does not read; 0 leaves it to the system

	Handler  func(routes http.Handler) http.Handler // wraps the site's routes; nil is the routes
	ErrorLog *log.Logger                            // of the http.Server
}

// Server serves a [Site]. It knows its connections.
type Server struct {
	*httptest.Server
	HTTP *http.Client

	site     *Site
	tls      bool
	accepted atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]http.ConnState
}

// Serve starts a server of the site, which is closed with the site. There may be several.
func (s *Site) Serve(o *ServerOptions) *Server {
	s.Helper()
	if o == nil {
		o = &ServerOptions{}
	}
	var handler http.Handler = s.Routes
	if o.Handler != nil {
		handler = o.Handler(handler)
	}
	server := &Server{site: s, tls: o.TLS, Server: httptest.NewUnstartedServer(handler), conns: map[net.Conn]http.ConnState{}}
	if o.Unix {
		_ = server.Listener.Close()
		l, err := net.Listen("unix", filepath.Join(s.TempDir(), "s"))
		if err != nil {
			s.Fatal(err)
		}
		server.Listener = l
	}
	server.Listener = &listener{server.Listener, o, &server.accepted}
	server.Config.ConnState = server.connState
	server.Config.ErrorLog = o.ErrorLog
	transport := &http.Transport{DialContext: server.dial}
	if o.TLS {
		_, trusted := recordtest.Certificate()
		transport.TLSClientConfig = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}
		transport.ForceAttemptHTTP2 = o.HTTP2
		server.Listener = tlsrecord.NewListener(server.Listener, tlsServer(o.HTTP2))
	}
	server.Start()
	server.HTTP = &http.Client{Transport: transport}
	if o.TLS {
		server.URL = "https" + strings.TrimPrefix(server.URL, "http")
	}
	if o.Unix {
		server.URL = "http://live.example"
	}
	s.servers = append(s.servers, server)
	return server
}

// listener prepares the connections of a server.
type listener struct {
	net.Listener
	options  *ServerOptions
	accepted *atomic.Int64
}

// wrapped is a connection that is not a plain socket.
type wrapped struct{ net.Conn }

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.accepted.Add(1)
	if small, ok := conn.(interface{ SetWriteBuffer(int) error }); ok && l.options.Buffer > 0 {
		_ = small.SetWriteBuffer(l.options.Buffer)
	}
	if l.options.Wrapped {
		return wrapped{conn}, nil
	}
	return conn, nil
}

// Accepted returns how many connections there have been.
func (d *Server) Accepted() int { return int(d.accepted.Load()) }

func (d *Server) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	addr := d.Listener.Addr()
	return new(net.Dialer).DialContext(ctx, addr.Network(), addr.String())
}

// Dial returns a connection for HTTP/1, over TLS if the server has it. It is closed at the end of the test.
func (d *Server) Dial() net.Conn {
	d.site.Helper()
	conn, err := d.dial(context.Background(), "", "")
	if err != nil {
		d.site.Fatal(err)
	}
	if d.tls {
		conn = tlsClient(conn, "http/1.1")
	}
	d.site.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(5 * patience))
	return conn
}

// Do sends a request. target is a path, or a whole URL. Headers are in pairs.
func (d *Server) Do(method, target string, header ...string) *http.Response {
	d.site.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
	d.site.Cleanup(cancel)
	if target[0] == '/' {
		target = d.URL + target
	}
	req, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		d.site.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := d.HTTP.Do(req)
	if err != nil {
		d.site.Fatalf("%s %s: %v", method, target, err)
	}
	d.site.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func (d *Server) connState(c net.Conn, state http.ConnState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if state == http.StateClosed {
		delete(d.conns, c)
	} else {
		d.conns[c] = state
	}
}

// Cut breaks every connection. The publisher must close the sockets of hijacked connections: it may know them by their
// descriptor, which another connection must not get before.
func (d *Server) Cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c, state := range d.conns {
		tcp, ok := innermost(c).(*net.TCPConn)
		if state != http.StateHijacked || !ok {
			_ = c.Close()
			continue
		}
		_ = tcp.CloseWrite()
		_ = tcp.CloseRead()
	}
}

// Count returns the number of hijacked connections that the publisher has not closed, and of requests that are being
// answered.
func (d *Server) Count() (hijacked, busy int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c, state := range d.conns {
		switch {
		case state == http.StateActive:
			busy++
		case state == http.StateHijacked && isOpen(c):
			hijacked++
		case state == http.StateHijacked:
			delete(d.conns, c)
		}
	}
	return hijacked, busy
}

// isOpen reports whether our side of the connection has not been closed.
func isOpen(c net.Conn) bool {
	socket, ok := innermost(c).(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := socket.SyscallConn()
	return err == nil && raw.Control(func(uintptr) {}) == nil
}
