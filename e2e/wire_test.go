package e2e

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/live"
)

// wire is what carries HTTP between browsers and a site.
type wire string

const (
	overTCP   wire = "TCP"
	overTLS   wire = "TLS"   // HTTP/1.1
	overHTTP2 wire = "HTTP2" // over TLS. A WebSocket is HTTP/1.1 over TLS
)

var over = flag.String("over", "", "what carries HTTP to all sites: TCP, TLS or HTTP2; by default TCP, and in some tests TLS or HTTP2")

// certificate is that of all sites. TestMain makes it, and has http.DefaultTransport and the browser trust it.
var certificate *realserver.Certificate

// usual is the wire of tests that name none.
func usual() wire { return overTCP.unless() }

// unless returns the wire, unless -over names another one.
func (w wire) unless() wire {
	if *over != "" {
		return wire(*over)
	}
	return w
}

// onlyTCP skips a test whose other side does not trust the certificate, or whose pages have plain URLs.
func onlyTCP(t *testing.T) {
	t.Helper()
	if usual() != overTCP {
		t.Skip("not over " + *over)
	}
}

func (w wire) secure() bool { return w == overTLS || w == overHTTP2 }

// url returns the URL of a site.
func (w wire) url(addr string) string {
	if w.secure() {
		return "https://" + addr
	}
	return "http://" + addr
}

// parse is url for a proxy.
func (w wire) parse(addr string) *url.URL {
	if w.secure() {
		return &url.URL{Scheme: "https", Host: addr}
	}
	return &url.URL{Scheme: "http", Host: addr}
}

// sockets returns the URL of a site for WebSocket.
func (w wire) sockets(addr string) string {
	if w.secure() {
		return "wss://" + addr
	}
	return "ws://" + addr
}

// env returns the environment of a program that serves a site.
func (w wire) env() []string {
	if !w.secure() {
		return nil
	}
	env := []string{"MOTACILLA_SERVER_TLS_CERT=" + certificate.Cert, "MOTACILLA_SERVER_TLS_KEY=" + certificate.Key}
	if w == overTLS {
		env = append(env, "MOTACILLA_SERVER_TLS_HTTP2=false")
	}
	return env
}

// cameOver waits until the page has loaded, over this wire. If the page comes from the browser's cache, the browser does not say by
// which protocol it has asked for it.
func (p *tab) cameOver(w wire) {
	p.t.Helper()
	protocol := "http/1.1"
	if w == overHTTP2 {
		protocol = "h2"
	}
	scheme, _, _ := strings.Cut(w.url(""), "//")
	p.until(fmt.Sprintf(`(nav => location.protocol === %q && (nav.nextHopProtocol === %q || nav.deliveryType === "cache"))(
		performance.getEntriesByType("navigation")[0])`, scheme, protocol))
}

// protocols are those of HTTP over TLS, as TLS names them.
func (w wire) protocols() []string {
	if w == overHTTP2 {
		return []string{"h2", "http/1.1"}
	}
	return []string{"http/1.1"}
}

// listener prepares a server, and returns what it is to listen on in the place of ln.
func (w wire) listener(server *http.Server, ln net.Listener) net.Listener {
	if !w.secure() {
		return ln
	}
	server.TLSConfig = certificate.Server(w.protocols()...)
	server.Protocols, server.HTTP2 = new(http.Protocols), live.HTTP2(0)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(w == overHTTP2)
	return live.TLSListener(ln, server.TLSConfig)
}

// start starts a server for h.
func (w wire) start(h http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(h)
	if !w.secure() {
		server.Start()
		return server
	}
	server.TLS, server.EnableHTTP2 = certificate.Server(w.protocols()...), w == overHTTP2
	server.StartTLS()
	return server
}
