package live

import (
	"crypto/tls"
	"net"

	"github.com/motacilla-live/motacilla/internal/tlsrecord"
)

// TLSListener returns a listener for an http.Server, which speaks TLS on the connections of ln:
//
//	err = server.Serve(live.TLSListener(ln, config))
//
// It is like tls.NewListener. The difference is that server-sent events, WebSocket and held polls over HTTP/1.1 and TLS 1.3 need
// no goroutine for each reader. For HTTP/2, NextProtos of config must contain "h2" and "http/1.1". config must not be changed
// afterwards, except by its own methods.
func TLSListener(ln net.Listener, config *tls.Config) net.Listener {
	return tlsrecord.NewListener(ln, config)
}
