package certs

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// MinSecret is the least length of a secret that encrypts records, in bytes.
const MinSecret = 16

// sealedPrefix begins a value that is encrypted. Other values are JSON.
const sealedPrefix = "sealed:1:"

var (
	errSealed = errors.New("the record is encrypted: server.tls.acme.secret must be set, as it is on the other nodes")
	errSecret = errors.New("the record was encrypted with another server.tls.acme.secret")
	errShort  = fmt.Errorf("must have at least %d characters", MinSecret)
)

// sealer encrypts values of records with a key that is made of a secret. nil leaves them as they are.
type sealer struct{ aead cipher.AEAD }

// newSealer returns nil if there is no secret.
func newSealer(secret string) (*sealer, error) {
	if secret == "" {
		return nil, nil
	}
	if len(secret) < MinSecret {
		return nil, errShort
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "motacilla certificates 1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead}, nil
}

// seal encrypts the value of a record. It belongs to the record's key: under another one it can't be opened.
func (s *sealer) seal(key string, value []byte) []byte {
	if s == nil {
		return value
	}
	return s.aead.Seal([]byte(sealedPrefix), nil, value, []byte(key)) //nolint:gosec // nil: the AEAD makes a random nonce itself
}

// open returns the value of a record. A value that is not encrypted was stored before there was a secret.
func (s *sealer) open(key string, value []byte) ([]byte, error) {
	sealed, is := bytes.CutPrefix(value, []byte(sealedPrefix))
	switch {
	case !is:
		return value, nil
	case s == nil:
		return nil, errSealed
	}
	plain, err := s.aead.Open(nil, nil, sealed, []byte(key))
	if err != nil {
		return nil, errSecret
	}
	return plain, nil
}

// isPlain reports whether a value should be encrypted, and is not.
func (s *sealer) isPlain(value []byte) bool {
	return s != nil && !bytes.HasPrefix(value, []byte(sealedPrefix))
}
