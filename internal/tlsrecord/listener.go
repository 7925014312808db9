package tlsrecord

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"io"
	"net"
	"runtime"
	"slices"
)

// NewListener is like tls.NewListener: its connections are *tls.Conn. [Take] can take those over that come to speak HTTP/1.1 over
// TLS 1.3. config must have a certificate, and must not be changed afterwards except by its own methods.
func NewListener(ln net.Listener, config *tls.Config) net.Listener {
	if runtime.GOOS != "linux" || Works() != nil {
		return tls.NewListener(ln, config)
	}
	return newListener(ln, config)
}

func newListener(ln net.Listener, config *tls.Config) net.Listener {
	l := &listener{Listener: ln, config: config, shared: config.Clone()}
	l.shared.GetConfigForClient = l.configFor
	return l
}

type listener struct {
	net.Listener
	config *tls.Config // the caller's
	shared *tls.Config // of all connections until the client has said hello; keeps the keys of session tickets that crypto/tls makes
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.server(conn), nil
}

func (l *listener) server(conn net.Conn) *tls.Conn {
	return tls.Server(&watched{Conn: conn, shadow: new(shadow)}, l.shared)
}

// configFor returns the configuration of one connection. If the connection may be taken over, its configuration has a key log
// that leads to its shadow.
func (l *listener) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	config := l.config
	w, ok := hello.Conn.(*watched)
	if config.GetConfigForClient != nil {
		asked := *hello
		if ok {
			asked.Conn = w.Conn
		}
		own, err := config.GetConfigForClient(&asked)
		if err != nil {
			return nil, err
		}
		if own != nil {
			config = own
		}
	}
	if !ok {
		return config, nil
	}
	if !mayTake(hello, config) {
		w.unwatch()
		w.shared = new(gather)
		return config, nil
	}
	own := config.Clone()
	own.KeyLogWriter = &keyLog{w, config.KeyLogWriter}
	return own, nil
}

// mayTake reports whether the handshake may lead to HTTP/1.1 over TLS 1.3.
func mayTake(hello *tls.ClientHelloInfo, config *tls.Config) bool {
	if !slices.Contains(hello.SupportedVersions, tls.VersionTLS13) || config.MaxVersion != 0 && config.MaxVersion < tls.VersionTLS13 {
		return false
	}
	if len(hello.SupportedProtos) == 0 {
		return true
	}
	for _, p := range config.NextProtos { // crypto/tls prefers them in this order
		if slices.Contains(hello.SupportedProtos, p) {
			return p == protocol
		}
	}
	return true
}

const protocol = "http/1.1"

// keyLog gives the traffic secrets to a shadow. It writes them nowhere, except where the configuration itself has a key log.
type keyLog struct {
	to   *watched
	next io.Writer
}

// Write takes a line: a label, the client's random and the secret.
func (k *keyLog) Write(line []byte) (int, error) {
	k.to.keys(line)
	if k.next != nil {
		return k.next.Write(line)
	}
	return len(line), nil
}

// keys takes a line of the key log.
func (w *watched) keys(line []byte) {
	fields := bytes.Fields(line)
	if len(fields) != 3 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shadow == nil {
		return
	}
	var to *half
	switch string(fields[0]) {
	case "CLIENT_TRAFFIC_SECRET_0":
		to = &w.shadow.in
	case "SERVER_TRAFFIC_SECRET_0":
		to = &w.shadow.out
	default:
		return
	}
	var secret [maxSecret]byte
	defer clear(secret[:])
	if hex.DecodedLen(len(fields[2])) > maxSecret {
		w.shadow = nil
		return
	}
	n, err := hex.Decode(secret[:], fields[2])
	if err != nil {
		w.shadow = nil
		return
	}
	w.shadow.secret(to, secret[:n])
}
