package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// A push service takes 4096 bytes of a message (RFC 8291, section 4): the header, the text, a delimiter and the tag of the cipher.
const (
	recordSize = 4096
	saltSize   = 16
	authSize   = 16
	pointSize  = 65 // of P-256, uncompressed
	headerSize = saltSize + 4 + 1 + pointSize
	tagSize    = 16

	// MaxPayload is the most that a message may have, in bytes.
	MaxPayload = recordSize - headerSize - 1 - tagSize
)

// errTooLong says that a message does not fit into one record, which is all that a push service takes.
var errTooLong = errors.New("the message has more bytes than a push service takes")

// encrypt returns payload for a subscription, as RFC 8291 says, in the coding aes128gcm (RFC 8188). Each message has a key and a
// salt of its own.
func encrypt(to *Subscription, payload []byte) ([]byte, error) {
	own, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	var salt [saltSize]byte
	_, _ = rand.Read(salt[:]) // never fails (crypto/rand)
	return seal(to, payload, own, salt)
}

// seal encrypts with a given key and salt, neither of which must be used twice.
func seal(to *Subscription, payload []byte, own *ecdh.PrivateKey, salt [saltSize]byte) ([]byte, error) {
	if len(payload) > MaxPayload {
		return nil, errTooLong
	}
	shared, err := own.ECDH(to.key)
	if err != nil {
		return nil, err
	}
	public := own.PublicKey().Bytes()
	info := "WebPush: info\x00" + string(to.key.Bytes()) + string(public)
	secret, err := hkdf.Key(sha256.New, shared, to.auth, info, sha256.Size)
	if err != nil {
		return nil, err
	}
	pseudorandom, err := hkdf.Extract(sha256.New, secret, salt[:])
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Expand(sha256.New, pseudorandom, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Expand(sha256.New, pseudorandom, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	message := make([]byte, 0, headerSize+len(payload)+1+tagSize)
	message = append(message, salt[:]...)
	message = binary.BigEndian.AppendUint32(message, recordSize)
	message = append(message, pointSize)
	message = append(message, public...)
	const last = 2 // the delimiter of the last record
	record := append(append(make([]byte, 0, len(payload)+1), payload...), last)
	return gcm.Seal(message, nonce, record, nil), nil
}
