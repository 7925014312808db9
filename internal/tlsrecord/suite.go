package tlsrecord

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

// suite is a cipher suite of TLS 1.3.
type suite struct {
	id     uint16
	hash   func() hash.Hash
	size   int // of a secret, which is that of the hash
	keyLen int
	aead   func(key []byte) (cipher.AEAD, error)
}

func suiteOf(id uint16) *suite {
	switch id {
	case tls.TLS_AES_128_GCM_SHA256:
		return &suite{id, sha256.New, sha256.Size, 16, newGCM}
	case tls.TLS_AES_256_GCM_SHA384:
		return &suite{id, sha512.New384, sha512.Size384, 32, newGCM}
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		return &suite{id, sha256.New, sha256.Size, chacha20poly1305.KeySize, chacha20poly1305.New}
	}
	return nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// expand is HKDF-Expand-Label without a context (RFC 8446, section 7.1).
func (s *suite) expand(secret []byte, label string, size int) ([]byte, error) {
	const prefix = "tls13 "
	info := binary.BigEndian.AppendUint16(make([]byte, 0, 2+1+len(prefix)+len(label)+1), uint16(size))
	info = append(info, byte(len(prefix)+len(label)))
	info = append(append(info, prefix...), label...)
	out, err := hkdf.Expand(s.hash, secret, string(append(info, 0)), size)
	if err != nil {
		return nil, fmt.Errorf("derive a TLS key: %w", err)
	}
	return out, nil
}

// maxSecret is the size of the largest secret.
const maxSecret = sha512.Size384
