//go:build linux

package load

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// secure is the record layer of a connection with TLS 1.3 and AES-128-GCM after its handshake (RFC 8446, section 5). A tls.Conn
// would cost each reader more memory, and a goroutine.
type secure struct{ in, out direction }

// direction is one direction of a connection: its keys and the number of its next record.
type direction struct {
	aead cipher.AEAD
	iv   [12]byte
	seq  uint64
}

// The content types of records, and the length of a record's header.
const (
	typeAlert       = 21
	typeHandshake   = 22
	typeApplication = 23
	recordHeader    = 5
	newTicket       = 4 // the only handshake message that a server is expected to send later
)

func newDirection(secret []byte) (d direction, err error) {
	key, err := expand(secret, "key", 16)
	if err != nil {
		return d, err
	}
	iv, err := expand(secret, "iv", len(d.iv))
	if err != nil {
		return d, err
	}
	copy(d.iv[:], iv)
	block, err := aes.NewCipher(key)
	if err != nil {
		return d, err
	}
	d.aead, err = cipher.NewGCM(block)
	return d, err
}

// expand is HKDF-Expand-Label without a context (RFC 8446, section 7.1).
func expand(secret []byte, label string, length int) ([]byte, error) {
	label = "tls13 " + label
	info := append([]byte{byte(length >> 8), byte(length), byte(len(label))}, label...)
	return hkdf.Expand(sha256.New, secret, string(append(info, 0)), length)
}

func (d *direction) nonce() (nonce [12]byte) {
	nonce = d.iv
	binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^d.seq)
	d.seq++
	return nonce
}

// open appends the content of a whole record to dst.
func (d *direction) open(dst, record []byte) (_ []byte, content byte, err error) {
	if record[0] != typeApplication {
		return dst, 0, fmt.Errorf("a record of type %d after the handshake", record[0])
	}
	kept, nonce := len(dst), d.nonce()
	dst, err = d.aead.Open(dst, nonce[:], record[recordHeader:], record[:recordHeader])
	if err != nil {
		return dst, 0, fmt.Errorf("a record that cannot be decrypted: %w", err)
	}
	end := len(dst) - 1
	for end > kept && dst[end] == 0 { // padding
		end--
	}
	if end < kept {
		return dst, 0, errors.New("an empty record")
	}
	return dst[:end], dst[end], nil
}

// seal appends a record with content to dst.
func (d *direction) seal(dst, content []byte) []byte {
	size := len(content) + 1 + d.aead.Overhead()
	header := [recordHeader]byte{typeApplication, 3, 3, byte(size >> 8), byte(size)}
	nonce := d.nonce()
	inner := append(append(make([]byte, 0, size), content...), typeApplication)
	return d.aead.Seal(append(dst, header[:]...), nonce[:], inner, header[:])
}

// split cuts the first record off data. It returns nil if the record is not complete.
func split(data []byte) (record, rest []byte) {
	if len(data) < recordHeader {
		return nil, data
	}
	size := recordHeader + int(data[3])<<8 + int(data[4])
	if len(data) < size {
		return nil, data
	}
	return data[:size], data[size:]
}

// link is what a connection over TLS has, and one over HTTP/2.
type link struct {
	secure  secure
	raw     []byte // the beginning of an incomplete record
	plain   []byte // the beginning of an incomplete frame
	streams int    // readers that share the connection over HTTP/2; 0 is HTTP/1.1
}

// unwrap decrypts the records in data, which begins with l.raw, and takes what is in them.
func (c *Client) unwrap(co *conn, i int, data []byte, at int64) error {
	l := co.link
	kept := len(l.plain)
	c.plain = append(c.plain[:0], l.plain...)
	var over error
	for over == nil {
		var record []byte
		if record, data = split(data); record == nil {
			break
		}
		before := len(c.plain)
		plain, content, err := l.secure.in.open(c.plain, record)
		if err != nil {
			return err
		}
		c.plain = plain
		if content != typeApplication {
			over, c.plain = control(content, plain[before:]), plain[:before]
		}
	}
	l.raw = append(l.raw[:0], data...)
	var left []byte
	var err error
	if l.streams > 0 {
		left, err = c.multiplexed(i, c.plain, at)
	} else {
		left, err = c.parse(co, i, c.plain, kept, at)
	}
	if err != nil {
		return err
	}
	l.plain = append(l.plain[:0], left...)
	return over
}

// control returns an error if a record that has no data ends the connection.
func control(content byte, message []byte) error {
	switch {
	case content == typeAlert && len(message) == 2 && message[1] == 0:
		return errors.New("the server ended the connection")
	case content == typeAlert:
		return fmt.Errorf("the server sent the alert %v", message)
	case content == typeHandshake && len(message) > 0 && message[0] == newTicket:
		return nil
	}
	return fmt.Errorf("a record of type %d that begins with %.4x", content, message)
}
