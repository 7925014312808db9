package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// The algorithms of signatures (RFC 7518, section 3.1; RFC 8037, section 3.1).
const (
	hs256 = "HS256"
	rs256 = "RS256"
	es256 = "ES256"
	eddsa = "EdDSA"
)

var algorithms = []string{hs256, rs256, es256, eddsa}

// key checks signatures of one algorithm.
type key struct {
	algorithm string
	value     any // []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

const (
	leastRSA = 2048 // bits
	mostRSA  = 8192 // bits: a check takes longer with each
	mostKeys = 10   // of public_keys
)

// public returns the key for a public key of package crypto.
func public(value any) (key, error) {
	switch k := value.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < leastRSA || n > mostRSA {
			return key{}, fmt.Errorf("an RSA key must have %d to %d bits, not %d", leastRSA, mostRSA, n)
		}
		if k.E < 3 || k.E%2 == 0 {
			return key{}, errors.New("the exponent of an RSA key must be odd, and 3 or more")
		}
		return key{rs256, k}, nil
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return key{}, fmt.Errorf("the curve must be P-256, not %s", k.Params().Name)
		}
		return key{es256, k}, nil
	case ed25519.PublicKey:
		return key{eddsa, k}, nil
	}
	return key{}, errors.New("the key must be of RSA, P-256 or Ed25519")
}

// ownKeys returns the keys that the options themselves have. The error is a motacilla.ErrInvalid.
func ownKeys(o *Options) ([]key, error) {
	var all []key
	for _, secret := range []string{o.Secret, o.OldSecret} {
		if secret != "" {
			all = append(all, key{hs256, []byte(secret)})
		}
	}
	for _, text := range o.PublicKeys {
		some, err := readPEM(text)
		if err != nil {
			return nil, motacilla.Invalid("public_keys", "%v", err)
		}
		all = append(all, some...)
	}
	if len(all) > mostKeys {
		return nil, motacilla.Invalid("public_keys", "must be at most %d", mostKeys)
	}
	for _, k := range all {
		if len(o.Algorithms) > 0 && !slices.Contains(o.Algorithms, k.algorithm) {
			return nil, motacilla.Invalid("algorithms", "must have %s, which a key is for", k.algorithm)
		}
	}
	for _, a := range o.Algorithms {
		of := slices.ContainsFunc(all, func(k key) bool { return k.algorithm == a })
		if !of && (o.JWKS == "" || a == hs256) {
			return nil, motacilla.Invalid("algorithms", "must not have %s, for which there is no key", a)
		}
	}
	return all, nil
}

// readPEM returns the keys of a PEM file, or of a text that is one.
func readPEM(text string) ([]key, error) {
	rest, where := []byte(text), "a text"
	if !strings.Contains(text, "-----BEGIN") {
		data, err := os.ReadFile(text)
		if err != nil {
			return nil, err
		}
		rest, where = data, text
	}
	var all []key
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		k, err := fromBlock(block)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		all = append(all, k)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: there is no key in PEM", where)
	}
	return all, nil
}

func fromBlock(b *pem.Block) (key, error) {
	var value any
	var err error
	switch b.Type {
	case "PUBLIC KEY":
		value, err = x509.ParsePKIXPublicKey(b.Bytes)
	case "RSA PUBLIC KEY":
		value, err = x509.ParsePKCS1PublicKey(b.Bytes)
	case "CERTIFICATE":
		return key{}, errors.New("it is a certificate: get the public key of it by openssl x509 -noout -pubkey")
	default:
		return key{}, fmt.Errorf("it must be a PUBLIC KEY, not a %s: get one of a private key by openssl pkey -pubout", b.Type)
	}
	if err != nil {
		return key{}, err
	}
	return public(value)
}
