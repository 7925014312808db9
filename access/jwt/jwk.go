package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// keyName is by what a token names a key of a set.
type keyName struct{ id, algorithm string }

// jwk is a JSON Web Key (RFC 7517, section 4; RFC 7518, section 6; RFC 8037, section 2).
type jwk struct {
	Type       string   `json:"kty"`
	Use        string   `json:"use"`
	Operations []string `json:"key_ops"`
	Algorithm  string   `json:"alg"`
	ID         string   `json:"kid"`
	Curve      string   `json:"crv"`
	N          string   `json:"n"`
	E          string   `json:"e"`
	X          string   `json:"x"`
	Y          string   `json:"y"`
	D          string   `json:"d"`
}

const (
	mostInSet = 100
	mostKeyID = 200 // bytes
)

// parseSet returns the keys of a set (RFC 7517, section 5) that tokens may be signed with, and what was wrong with others. The
// first of two keys with the same name counts.
func parseSet(body []byte) (keys map[keyName]any, others []error, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, nil, errors.New("the answer is no set of keys (RFC 7517)")
	}
	if len(set.Keys) > mostInSet {
		return nil, nil, fmt.Errorf("the set has %d keys, and may have %d", len(set.Keys), mostInSet)
	}
	keys = make(map[keyName]any)
	for i, raw := range set.Keys {
		var j jwk
		err := json.Unmarshal(raw, &j)
		var k key
		if err == nil {
			k, err = j.public()
		}
		if err != nil {
			others = append(others, fmt.Errorf("key %d: %w", i, err))
			continue
		}
		name := keyName{j.ID, k.algorithm}
		if keys[name] == nil {
			keys[name] = k.value
		}
	}
	return keys, others, nil
}

// public returns the key if it is public, and for signatures of an algorithm that is taken.
func (j *jwk) public() (key, error) {
	switch {
	case j.D != "":
		return key{}, errors.New("it is private")
	case j.Use != "" && j.Use != "sig", j.Operations != nil && !slices.Contains(j.Operations, "verify"):
		return key{}, errors.New("it is not for signatures")
	case len(j.ID) > mostKeyID:
		return key{}, errors.New("its kid is too long")
	}
	value, err := j.value()
	if err != nil {
		return key{}, err
	}
	k, err := public(value)
	// RFC 9864 calls EdDSA with this curve Ed25519, too. Tokens are not signed under that name yet.
	named := j.Algorithm == k.algorithm || j.Algorithm == "" || j.Algorithm == "Ed25519" && k.algorithm == eddsa
	if err == nil && !named {
		err = fmt.Errorf("its algorithm is %.20q, not %s", j.Algorithm, k.algorithm)
	}
	return k, err
}

func (j *jwk) value() (any, error) {
	switch {
	case j.Type == "RSA":
		n, err := number(j.N)
		if err != nil {
			return nil, err
		}
		e, err := number(j.E)
		if err != nil || e.BitLen() > 31 {
			return nil, errors.New("its exponent is wrong")
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
	case j.Type == "EC" && j.Curve == "P-256":
		x, wrongX := octets(j.X)
		y, wrongY := octets(j.Y)
		if wrongX != nil || wrongY != nil || len(x) != 32 || len(y) != 32 {
			return nil, errors.New("its point is wrong")
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	case j.Type == "OKP" && j.Curve == "Ed25519":
		x, err := octets(j.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, errors.New("its point is wrong")
		}
		return ed25519.PublicKey(x), nil
	}
	return nil, fmt.Errorf("its type is %.20q %.20q", j.Type, j.Curve) // a secret (oct) has no place in a public set
}

func number(s string) (*big.Int, error) {
	b, err := octets(s)
	if err != nil || len(b) == 0 || len(b) > mostRSA/8+1 {
		return nil, errors.New("its numbers are wrong")
	}
	return new(big.Int).SetBytes(b), nil
}

// octets decodes base64url. Some issuers pad it.
func octets(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}
