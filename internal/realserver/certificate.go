package realserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificate is a certificate of this process's servers: of localhost, 127.0.0.1 and the host of [FreeAddress].
type Certificate struct {
	Cert, Key string // files, for a program
	Pin       string // of its key, for a browser's --ignore-certificate-errors-spki-list

	pair     tls.Certificate
	roots    *x509.CertPool
	sessions tls.ClientSessionCache
}

// NewCertificate makes a certificate, and writes it into a folder.
func NewCertificate(dir string) (*Certificate, error) {
	cert, key, err := SelfSigned("localhost", "127.0.0.1", loopback())
	if err != nil {
		return nil, err
	}
	c := &Certificate{
		Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"),
		roots: x509.NewCertPool(), sessions: tls.NewLRUClientSessionCache(0),
	}
	if c.pair, err = tls.X509KeyPair(cert, key); err != nil {
		return nil, err
	}
	c.roots.AddCert(c.pair.Leaf)
	pin := sha256.Sum256(c.pair.Leaf.RawSubjectPublicKeyInfo)
	c.Pin = base64.StdEncoding.EncodeToString(pin[:])
	return c, errors.Join(os.WriteFile(c.Cert, cert, 0o600), os.WriteFile(c.Key, key, 0o600))
}

// Server returns the configuration of a server, which speaks the protocols.
func (c *Certificate) Server(protocols ...string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.pair}, NextProtos: protocols, MinVersion: tls.VersionTLS12}
}

// Client returns the configuration of a client that trusts the certificate alone, and resumes sessions. Its handshakes are cheap,
// even with the race detector.
func (c *Certificate) Client() *tls.Config {
	return &tls.Config{
		RootCAs: c.roots, ClientSessionCache: c.sessions, CurvePreferences: []tls.CurveID{tls.CurveP256}, MinVersion: tls.VersionTLS12,
	}
}

// SelfSigned returns a certificate of hosts and addresses that vouches for itself, and its key, both in PEM.
func SelfSigned(hosts ...string) (cert, key []byte, err error) {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: hosts[0]}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		return nil, nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), nil
}
