package publishertest

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla/internal/tlsrecord/recordtest"
)

// RunTLS is [Run] over TLS 1.3 and HTTP/1.1. follow must trust what http.DefaultTransport trusts, which RunTLS changes: it trusts
// the test's certificate from then on.
func RunTLS(t *testing.T, fresh New, follow Follow) {
	trustOurs()
	run(t, fresh, follow, append(clientCases(), serverCases()...), true)
}

// trustOurs has http.DefaultTransport trust our servers. It is called before the first connection.
var trustOurs = sync.OnceFunc(func() {
	if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		_, trusted := recordtest.Certificate()
		transport.TLSClientConfig = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.CurveP256}}
	}
})

// tlsClient returns the client's side of a connection.
func tlsClient(conn net.Conn, protocols ...string) *tls.Conn {
	config := recordtest.Trusting()
	config.NextProtos = protocols
	return tls.Client(conn, config)
}

// tlsServer returns the configuration of a server.
func tlsServer(http2 bool) *tls.Config {
	certificate, _ := recordtest.Certificate()
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	if http2 {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	return config
}

// innermost returns the connection that is wrapped by conn.
func innermost(conn net.Conn) net.Conn {
	for {
		around, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = around.NetConn()
	}
}
