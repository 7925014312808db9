package tlsrecord

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"testing"
)

// FuzzNext gives a session anything, in pieces. Nothing is genuine, so no data may come out.
func FuzzNext(f *testing.F) {
	f.Add([]byte{23, 3, 3, 0, 17, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}, uint16(3))
	f.Add([]byte{23, 3, 3, 0x41, 0, 1}, uint16(100))
	f.Add([]byte{21, 3, 3, 0, 2, 1, 0}, uint16(1))
	f.Fuzz(func(t *testing.T, wire []byte, piece uint16) {
		s := &Session{suite: suiteOf(tls.TLS_AES_128_GCM_SHA256)}
		for len(wire) > 0 {
			n := min(len(wire), int(piece)+1)
			s.Feed(bytes.Clone(wire[:n]))
			wire = wire[n:]
			data, err := s.Next()
			if data != nil {
				t.Fatalf("%q is taken for data", data)
			}
			if f := (*Fault)(nil); err != nil && !errors.As(err, &f) {
				t.Fatalf("got %v, want a Fault", err)
			}
			if err != nil {
				return
			}
			if s.Pause(); len(s.raw) > headerLen+maxCiphertext {
				t.Fatalf("%d bytes are kept", len(s.raw))
			}
		}
	})
}

// FuzzAgainstCryptoTLS has a client send records of any kind to crypto/tls and to a session. What the session takes, crypto/tls
// takes too, with the same data. The session is stricter: it refuses a handshake message by its first byte, and a
// change_cipher_spec.
func FuzzAgainstCryptoTLS(f *testing.F) {
	certificate, err := selfSigned()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{23, 5, 0, 'h', 'e', 'l', 'l', 'o', 22, 5, 0, 24, 0, 0, 1, 1, 200, 0, 0, 23, 1, 3, 'x', 21, 2, 0, 1, 0})
	f.Add([]byte{22, 2, 0, 24, 0, 22, 3, 0, 0, 1, 0, 200, 0, 0, 23, 2, 9, 'o', 'k'})
	f.Add([]byte{22, 5, 0, 24, 0, 0, 1, 2})
	f.Add([]byte{21, 2, 0, 1, 90, 21, 2, 0, 2, 40})
	f.Add([]byte{23, 0, 0, 22, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		near, far := newPipe()
		theirs := tls.Server(near, &tls.Config{Certificates: []tls.Certificate{certificate}, SessionTicketsDisabled: true})
		var k secrets
		done := make(chan error, 1)
		var client *tls.Conn
		go func() {
			client = tls.Client(far, &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &k})
			done <- client.Handshake()
		}()
		if err := errors.Join(theirs.Handshake(), <-done); err != nil {
			t.Fatal(err)
		}
		suite := suiteOf(client.ConnectionState().CipherSuite)
		from, ours := &Session{suite: suite}, &Session{suite: suite}
		copy(from.out.secret[:], k.client)
		copy(ours.in.secret[:], k.client)
		wire, err := play(from, script)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = far.Write(wire)
		far.out.close() // crypto/tls may still answer a KeyUpdate
		want, theirErr := io.ReadAll(theirs)
		ours.Feed(wire)
		var got []byte
		for data := []byte("?"); err == nil && data != nil; got = append(got, data...) {
			data, err = ours.Next()
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		if err == nil && (theirErr != nil || !bytes.Equal(got, want)) || !bytes.HasPrefix(want, got) {
			t.Errorf("got %q and %v, crypto/tls %q and %v", got, err, want, theirErr)
		}
	})
}

// play seals what a script says: a type, a length, padding, and so many bytes. Type 200 is a change of the key.
func play(s *Session, script []byte) (wire []byte, err error) {
	if err := s.secure(); err != nil {
		return nil, err
	}
	const most = 14 // of records, since crypto/tls allows 16 in a row without data
	for range most {
		if len(script) < 3 {
			return wire, nil
		}
		kind, n, padding := script[0], int(script[1]), int(script[2])
		script = script[3:]
		n = min(n, len(script))
		if kind == 200 {
			if err := s.out.renew(s.suite); err != nil {
				return nil, err
			}
			continue
		}
		data := append(bytes.Clone(script[:n]), kind)
		script = script[n:]
		data = append(data, make([]byte, padding)...)
		wire = s.out.seal(wire, data[len(data)-1], data[:len(data)-1])
	}
	return wire, nil
}
