package cluster

import (
	"net/http"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla/internal/realserver"
)

// wire is what carries HTTP to the nodes, and back.
type wire string

const (
	overTCP wire = "TCP"
	overTLS wire = "TLS" // HTTP/1.1 or HTTP/2, as the client likes
)

// certificate is that of all nodes. TestMain makes it.
var certificate *realserver.Certificate

// wires returns how a store's nodes are reached. With -soak each store has all wires. Otherwise it has one, since each run of a
// test takes long.
func wires(store string) []wire {
	switch {
	case *soak:
		return []wire{overTCP, overTLS}
	case store == "postgres":
		return []wire{overTLS}
	}
	return []wire{overTCP}
}

// flags returns the flags of a node.
func (w wire) flags() []string {
	if w != overTLS {
		return nil
	}
	// feed.stall is also how long a client over HTTP/2 may take to answer a PING.
	return []string{
		"--server.tls.cert", certificate.Cert, "--server.tls.key", certificate.Key,
		"--feed.stall", within(15 * time.Second).String(),
	}
}

// url returns the URL of a node, or of the balancer.
func (w wire) url(addr string) string {
	if w == overTLS {
		return "https://" + addr
	}
	return "http://" + addr
}

// wireOf returns the wire of a node with these flags.
func wireOf(flags []string) wire {
	if slices.Contains(flags, "--server.tls.cert") {
		return overTLS
	}
	return overTCP
}

// version is a version of HTTP.
type version string

const (
	http1 version = "HTTP/1.1"
	http2 version = "HTTP/2"
)

// versions returns those by which a transport can be had.
func (w wire) versions(transport string) []version {
	if w == overTLS && transport != "websocket" {
		return []version{http1, http2}
	}
	return []version{http1}
}

// dialling returns what sends requests by one version of HTTP alone. It opens a connection for each, so that the balancer passes
// each to another node.
func dialling(v version) *http.Transport {
	t := &http.Transport{DisableKeepAlives: true, TLSClientConfig: certificate.Client(), Protocols: new(http.Protocols)}
	t.Protocols.SetHTTP1(v == http1)
	t.Protocols.SetHTTP2(v == http2)
	return t
}

// keeping returns what sends requests over HTTP/1.1, and keeps so many connections to a node.
func keeping(most int) *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: most, TLSClientConfig: certificate.Client()}
}
