package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/leaktest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// authorityOfTest is a certificate authority without a network. life is how long its certificates are valid.
type authorityOfTest struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	life time.Duration
	ocsp []string

	mu       sync.Mutex
	down     bool
	window   Window
	attempts []time.Time
	issues   int
}

var errDown = errors.New("the directory does not answer")

func newAuthorityOfTest(t *testing.T, life time.Duration) *authorityOfTest {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now(), NotAfter: time.Now().Add(10 * 365 * 24 * time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authorityOfTest{cert: cert, key: key, life: life}
}

// Issue implements Issuer.
func (a *authorityOfTest) Issue(ctx context.Context, host string, _ *x509.Certificate) (chain, key []byte, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attempts = append(a.attempts, time.Now())
	if a.down {
		return nil, nil, errDown
	}
	a.issues++
	chain, key = a.make(host)
	return chain, key, ctx.Err()
}

// Window implements Issuer.
func (a *authorityOfTest) Window(context.Context, *x509.Certificate) (Window, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.window.Chosen.IsZero() {
		return Window{}, errDown
	}
	return a.window, nil
}

func (a *authorityOfTest) make(host string) (chain, key []byte) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err)
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: time.Now(), NotAfter: time.Now().Add(a.life), DNSNames: []string{host}, OCSPServer: a.ocsp,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, signer.Public(), a.key)
	if err != nil {
		panic(err)
	}
	key, err = encodeKey(signer)
	if err != nil {
		panic(err)
	}
	for _, part := range [][]byte{der, a.cert.Raw} {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: part})...)
	}
	return chain, key
}

func (a *authorityOfTest) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

// since returns how many attempts began after t.
func (a *authorityOfTest) since(t time.Time) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, at := range a.attempts {
		if at.After(t) {
			n++
		}
	}
	return n
}

// logs returns a logger, and what it logs from a level on.
func logs(level zapcore.Level) (*zap.Logger, *observer.ObservedLogs) {
	core, seen := observer.New(level)
	return zap.New(core), seen
}

// served returns the certificate that a client gets.
func served(t *testing.T, k *Keeper, host string) *tls.Certificate {
	t.Helper()
	cert, err := k.GetCertificate(&tls.ClientHelloInfo{ServerName: host})
	if err != nil {
		t.Fatalf("%s: %v", host, err)
	}
	return cert
}

// count returns how many certificates were issued.
func (a *authorityOfTest) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.issues
}
