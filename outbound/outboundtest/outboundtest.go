// Package outboundtest has a server that may not be called. A package that calls addresses from outside shows by it that it does so
// by the client of package outbound.
package outboundtest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla/outbound"
)

// Private is a server on an address that is private to NewClient's clients, 127.0.0.2. It counts what reaches it.
type Private struct {
	URL string

	port  string
	calls atomic.Int64
}

// NewPrivate runs a Private until the test ends. It skips the test on a machine that has no such address.
func NewPrivate(tb testing.TB) *Private {
	tb.Helper()
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.2:0")
	if err != nil {
		tb.Skip("127.0.0.2 is not an address of this machine: ", err)
	}
	p := &Private{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<title>what is inside</title>"))
	}))
	_ = server.Listener.Close()
	server.Listener = listener
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			p.calls.Add(1)
		}
	}
	server.Start()
	tb.Cleanup(server.Close)
	p.URL = server.URL
	_, p.port, _ = net.SplitHostPort(listener.Addr().String())
	return p
}

// NewClient returns a client that may call the servers of tests on 127.0.0.1, and no other private address.
func NewClient(tb testing.TB) *outbound.Client {
	tb.Helper()
	c := outbound.New(&outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	tb.Cleanup(c.Close)
	return c
}

// Addresses returns URLs that must be refused: those of the server in all its forms, those of others that are inside, and those
// that are not for HTTP. None has a path.
func (p *Private) Addresses() []string {
	var all []string
	for _, host := range []string{
		"127.0.0.2", "[::ffff:127.0.0.2]", "[::ffff:7f00:2]", "[::127.0.0.2]", "[64:ff9b::7f00:2]", "[2002:7f00:2::]", "127。0。0。2",
		"2130706434", "0x7f000002", "0x7f.2", "0177.0.0.2", "127.2", "user:a-password@127.0.0.2", "example.org@127.0.0.2",
		"[::1]", "[::]", "10.0.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "[fd00:ec2::254]", "[fe80::1]",
	} {
		all = append(all, "http://"+host+":"+p.port)
	}
	return append(all, "http://169.254.169.254", "file:///etc/passwd", "gopher://127.0.0.2:"+p.port, "ftp://127.0.0.2:"+p.port)
}

// Redirects returns a server on 127.0.0.1 that redirects each of the paths, and what is below it, to one of Addresses.
func (p *Private) Redirects(tb testing.TB) (server *httptest.Server, paths []string) {
	tb.Helper()
	targets := map[string]string{}
	for i, a := range p.Addresses() {
		name := strconv.Itoa(i)
		paths = append(paths, "/"+name)
		targets[name] = a + "/"
	}
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		w.Header().Set("Location", targets[name])
		w.WriteHeader(http.StatusFound)
	}))
	tb.Cleanup(server.Close)
	return server, paths
}

// Untouched fails the test if something has reached the server.
func (p *Private) Untouched(tb testing.TB) {
	tb.Helper()
	if n := p.calls.Load(); n != 0 {
		tb.Errorf("the server inside was reached %d times", n)
	}
}
