package certs

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"go.uber.org/zap"
)

// lookEvery is how often Files looks whether its files have changed. They are small, and a look needs no support of the file
// system: so it works with links that are replaced, as Kubernetes does, and with network drives.
const lookEvery = 5 * time.Second

// Files is a certificate and its key in files that another program renews.
type Files struct {
	cert, key string
	table     *Table
	log       *zap.Logger
	failed    func()

	mu     sync.Mutex        // held during a look
	seen   [sha256.Size]byte // of the files when they were last looked at
	unread string            // why they could not be read then
}

// NewFiles reads a certificate with its intermediates, and its key, into table. Both files are PEM. An error begins with the key
// of the configuration that is wrong, which is certKey or keyKey. failed, if it is not nil, is called for each change that could
// not be used.
func NewFiles(certFile, keyFile string, table *Table, log *zap.Logger, failed func()) (*Files, error) {
	f := &Files{cert: certFile, key: keyFile, table: table, log: log, failed: failed}
	chain, key, err := f.read()
	if err != nil {
		return nil, err
	}
	f.seen = sum(chain, key)
	cert, err := f.parse(chain, key)
	if err != nil {
		return nil, err
	}
	f.use(cert)
	f.warn()
	return f, nil
}

// The keys of the configuration that name the files.
const (
	certKey = "server.tls.cert"
	keyKey  = "server.tls.key"
)

func (f *Files) read() (chain, key []byte, err error) {
	chain, err = os.ReadFile(f.cert)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", certKey, err)
	}
	key, err = os.ReadFile(f.key)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", keyKey, err)
	}
	return chain, key, nil
}

func (f *Files) parse(chain, key []byte) (*tls.Certificate, error) {
	if !hasBlock(chain, "CERTIFICATE") {
		return nil, fmt.Errorf("%s: %s must have a certificate in PEM, -----BEGIN CERTIFICATE-----", certKey, f.cert)
	}
	if !hasBlock(key, "PRIVATE KEY") {
		return nil, fmt.Errorf("%s: %s must have a private key in PEM without a password, -----BEGIN PRIVATE KEY-----", keyKey, f.key)
	}
	cert, err := parse(chain, key)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %s and %s do not fit together: %w", certKey, keyKey, f.cert, f.key, err)
	}
	return cert, nil
}

func (f *Files) use(cert *tls.Certificate) {
	f.table.Set(anyHost, cert)
	log := f.log.With(zap.Strings("hosts", cert.Leaf.DNSNames), zap.Time("not_after", cert.Leaf.NotAfter))
	if time.Now().After(cert.Leaf.NotAfter) {
		log.Warn("the certificate has expired", zap.String("file", f.cert))
		return
	}
	log.Info("the certificate is read", zap.String("file", f.cert))
}

// warn logs that others may read the key.
func (f *Files) warn() {
	info, err := os.Stat(f.key)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0 {
		f.log.Warn("everybody on this machine may read the private key", zap.String("file", f.key),
			zap.String("mode", info.Mode().Perm().String()))
	}
}

// Look reads the files again if they have changed. Files that can't be used change nothing, and are logged once.
func (f *Files) Look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	chain, key, err := f.read()
	if err != nil {
		if err.Error() != f.unread { // once for each reason
			f.refuse(err)
		}
		f.unread = err.Error()
		return
	}
	f.unread = ""
	now := sum(chain, key)
	if now == f.seen {
		return
	}
	f.seen = now
	cert, err := f.parse(chain, key)
	if err != nil {
		f.refuse(err)
		return
	}
	f.use(cert)
	f.warn()
}

func (f *Files) refuse(err error) {
	f.log.Warn("the new certificate can't be used; the old one stays", zap.Error(err))
	if f.failed != nil {
		f.failed()
	}
}

// Run looks at the files until ctx ends.
func (f *Files) Run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.Look()
		case <-ctx.Done():
			return
		}
	}
}

func sum(chain, key []byte) [sha256.Size]byte {
	h := sha256.New()
	for _, part := range [][]byte{chain, key} {
		s := sha256.Sum256(part)
		h.Write(s[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}
