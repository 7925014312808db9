package publishertest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// RunTLS is [Run] over TLS 1.3 and HTTP/1.1. follow must trust what http.DefaultTransport trusts, which RunTLS changes: it trusts
// the test's certificate from then on.
func RunTLS(t *testing.T, fresh New, follow Follow) {
	trustOurs()
	run(t, fresh, follow, append(clientCases(), serverCases()...), true)
}

// ours returns the certificate of servers with TLS, and who trusts it.
var ours = sync.OnceValues(func() (tls.Certificate, *x509.CertPool) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	return server.TLS.Certificates[0], trusted
})

// trustOurs has http.DefaultTransport trust our servers. It is called before the first connection.
var trustOurs = sync.OnceFunc(func() {
	if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		_, trusted := ours()
		transport.TLSClientConfig = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS13}
	}
})

// tlsClient returns the client's side of a connection.
func tlsClient(conn net.Conn, protocols ...string) *tls.Conn {
	_, trusted := ours()
	return tls.Client(conn, &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1", NextProtos: protocols, MinVersion: tls.VersionTLS13})
}

// tlsServer returns the configuration of a server.
func tlsServer(http2 bool) *tls.Config {
	certificate, _ := ours()
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
