package certs

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
)

// hasBlock reports whether PEM text has a block whose type ends with kind.
func hasBlock(text []byte, kind string) bool {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return false
		}
		if strings.HasSuffix(block.Type, kind) && !strings.Contains(block.Type, "ENCRYPTED") {
			return true
		}
	}
}

// Roots returns the certificates of a file, for an authority that the system does not know.
func Roots(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s must have certificates in PEM, -----BEGIN CERTIFICATE-----", path)
	}
	return pool, nil
}
