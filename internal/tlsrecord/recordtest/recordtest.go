// Package recordtest has a client of TLS 1.3 for tests that can do what crypto/tls's client can't: change keys, and break
// rules.
package recordtest

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"testing"

	"github.com/motacilla-live/motacilla/internal/tlsrecord"
)

// keys keeps the traffic secrets of one handshake.
type keys struct{ client, server []byte }

// Write takes a line of the key log.
func (k *keys) Write(line []byte) (int, error) {
	fields := bytes.Fields(line)
	secret, err := hex.DecodeString(string(fields[len(fields)-1]))
	switch string(fields[0]) {
	case "CLIENT_TRAFFIC_SECRET_0":
		k.client = secret
	case "SERVER_TRAFFIC_SECRET_0":
		k.server = secret
	}
	return len(line), err
}

// Client has the client's side of the handshake on conn done by crypto/tls, which then sends request. It returns the client's
// side as a session. The server must not issue session tickets, and must not answer before.
func Client(t testing.TB, conn net.Conn, config *tls.Config, request string) *tlsrecord.Session {
	t.Helper()
	k := new(keys)
	config = config.Clone()
	config.KeyLogWriter = k
	c := tls.Client(conn, config)
	if _, err := c.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	s, err := restore(c.ConnectionState().CipherSuite, k.server, 0, k.client, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Pair returns both sides of a connection without a handshake, at the sequence number seq. c is the client's.
func Pair(t testing.TB, suite uint16, seq uint64) (c, s *tlsrecord.Session) {
	t.Helper()
	size := secretSize(suite)
	client, server := bytes.Repeat([]byte{1}, size), bytes.Repeat([]byte{2}, size)
	c, err := restore(suite, server, seq, client, seq)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = restore(suite, client, seq, server, seq); err != nil {
		t.Fatal(err)
	}
	return c, s
}

// restore writes the form of Session.MarshalBinary.
func restore(suite uint16, in []byte, received uint64, out []byte, sent uint64) (*tlsrecord.Session, error) {
	b := binary.BigEndian.AppendUint16([]byte{1, 0}, suite)
	b = binary.BigEndian.AppendUint64(append(b, in...), received)
	b = binary.BigEndian.AppendUint64(append(b, out...), sent)
	s := new(tlsrecord.Session)
	if err := s.UnmarshalBinary(append(b, make([]byte, 1+3+3)...)); err != nil {
		return nil, fmt.Errorf("a session of suite %#x: %w", suite, err)
	}
	return s, nil
}

// Seal appends a record of any type.
func Seal(s *tlsrecord.Session, dst []byte, kind byte, data []byte) []byte {
	return s.SealAs(dst, kind, data)
}

// KeyUpdate appends a KeyUpdate and goes over to the next key. If request is true, the peer has to do the same.
func KeyUpdate(t testing.TB, s *tlsrecord.Session, dst []byte, request bool) []byte {
	t.Helper()
	message := []byte{24, 0, 0, 1, 0}
	if request {
		message[4] = 1
	}
	return Renew(t, s, s.SealAs(dst, 22, message))
}

// Renew has the session go over to the next key, and returns dst.
func Renew(t testing.TB, s *tlsrecord.Session, dst []byte) []byte {
	t.Helper()
	if err := s.Renew(); err != nil {
		t.Fatal(err)
	}
	return dst
}

// Received returns how many records the session has opened with its key.
func Received(t testing.TB, s *tlsrecord.Session) uint64 {
	t.Helper()
	b, err := s.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return binary.BigEndian.Uint64(b[2+2+secretSize(binary.BigEndian.Uint16(b[2:])):])
}

func secretSize(suite uint16) int {
	if suite == tls.TLS_AES_256_GCM_SHA384 {
		return 48
	}
	return 32
}
