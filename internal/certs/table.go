package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Table has the certificates of a server by host. It may be read by many goroutines while it changes.
type Table struct {
	hosts   []string // in the order of the configuration; nil if one certificate is for all hosts
	changed chan struct{}

	mu    sync.Mutex // held by writers
	certs atomic.Pointer[map[string]*tls.Certificate]
}

// anyHost is the host of the certificate of a table that has one for all hosts.
const anyHost = ""

// NewTable returns a table without certificates. Without hosts it has one certificate for all of them.
func NewTable(hosts ...string) *Table {
	t := &Table{hosts: hosts, changed: make(chan struct{}, 1)}
	t.certs.Store(&map[string]*tls.Certificate{})
	return t
}

// Certificate returns the certificate for the host that a client names. A client that names no host, or one that the table does
// not have, gets that of the first host. The error says that there is none yet.
func (t *Table) Certificate(serverName string) (*tls.Certificate, error) {
	certs := *t.certs.Load()
	if cert := certs[t.hostOf(serverName)]; cert != nil {
		return cert, nil
	}
	return nil, errors.New("the server has no certificate yet")
}

// hostOf returns the host of the table whose certificate a client gets.
func (t *Table) hostOf(serverName string) string {
	if t.hosts == nil {
		return anyHost
	}
	if host, known := t.known(serverName); known {
		return host
	}
	return t.hosts[0]
}

// known returns the host of the table that a client names.
func (t *Table) known(serverName string) (host string, ok bool) {
	name := strings.ToLower(strings.TrimSuffix(serverName, "."))
	if bare, _, err := net.SplitHostPort(name); err == nil {
		name = bare
	}
	for _, h := range t.hosts {
		if h == name {
			return h, true
		}
	}
	return "", false
}

// Named returns host if a certificate is for it. Otherwise it returns the first host that has one, or "" if no host in particular has.
func (t *Table) Named(host string) string {
	if t.hosts != nil {
		return t.hostOf(host)
	}
	cert := (*t.certs.Load())[anyHost]
	if cert == nil {
		return ""
	}
	names, leaf := cert.Leaf.DNSNames, cert.Leaf
	if leaf.VerifyHostname(host) == nil || len(names)+len(leaf.IPAddresses) == 0 { // no browser takes one without names
		return host
	}
	for _, name := range names {
		if !strings.HasPrefix(name, "*") {
			return name
		}
	}
	return ""
}

// All returns the certificates by host. The host of a certificate for all hosts is "".
func (t *Table) All() map[string]*tls.Certificate { return maps.Clone(*t.certs.Load()) }

// NotAfter returns when the certificates expire, by host.
func (t *Table) NotAfter() map[string]time.Time {
	all := map[string]time.Time{}
	for host, cert := range *t.certs.Load() {
		all[host] = cert.Leaf.NotAfter
	}
	return all
}

// Set puts the certificate of a host in place. Handshakes under way keep the one before.
func (t *Table) Set(host string, cert *tls.Certificate) {
	t.replace(func(certs map[string]*tls.Certificate) { certs[host] = cert })
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// staple gives a certificate an answer of OCSP, unless another certificate is in its place by now.
func (t *Table) staple(host string, cert *tls.Certificate, answer []byte) {
	t.replace(func(certs map[string]*tls.Certificate) {
		now := certs[host]
		if now == nil || !now.Leaf.Equal(cert.Leaf) {
			return
		}
		stapled := *now // a certificate in the table must not change
		stapled.OCSPStaple = answer
		certs[host] = &stapled
	})
}

func (t *Table) replace(change func(certs map[string]*tls.Certificate)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := t.All()
	change(next)
	t.certs.Store(&next)
}

// parse returns the certificate of a PEM chain and its PEM key.
func parse(chain, key []byte) (*tls.Certificate, error) {
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "tls: "))
	}
	return &cert, nil // X509KeyPair has parsed the leaf
}
