package tlsrecord

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
)

// stateVersion is the first byte of a session's binary form.
const stateVersion = 1

// errState means that bytes are not a session's.
var errState = errors.New("not the state of a TLS session")

const (
	flagOwes = 1 << iota
	flagState
	flagProtocol
	flagResumed
	flagRetried
)

// MarshalBinary returns everything that another process needs to carry the connection on. It contains the connection's keys: it
// must not be logged or stored. Once it is used, this session must not seal or open anything. It is an error if the client has
// shown a certificate and Forget was not called: the certificate is not part of it, and neither is the key for exported keying
// material.
func (s *Session) MarshalBinary() ([]byte, error) {
	b := []byte{stateVersion, 0}
	b = binary.BigEndian.AppendUint16(b, s.suite.id)
	for _, h := range []*half{&s.in, &s.out} {
		b = append(b, h.secret[:s.suite.size]...)
		b = binary.BigEndian.AppendUint64(b, h.seq)
	}
	b = append(b, s.useless)
	b = appendBytes(b, s.raw)
	b = appendBytes(b, s.message)
	var flags byte
	if s.owes.Load() {
		flags |= flagOwes
	}
	if state := s.state; state != nil {
		if len(state.PeerCertificates) > 0 {
			return nil, fmt.Errorf("marshal a TLS session: the client has shown a certificate: %w", errors.ErrUnsupported)
		}
		flags |= flagState
		for flag, set := range map[byte]bool{
			flagProtocol: state.NegotiatedProtocol != "", flagResumed: state.DidResume, flagRetried: state.HelloRetryRequest,
		} {
			if set {
				flags |= flag
			}
		}
		b = binary.BigEndian.AppendUint16(b, uint16(state.CurveID))
		b = appendBytes(b, []byte(state.ServerName))
	}
	b[1] = flags
	return b, nil
}

// appendBytes appends a length of three bytes, and p.
func appendBytes(b, p []byte) []byte {
	return append(append(b, byte(len(p)>>16), byte(len(p)>>8), byte(len(p))), p...)
}

// UnmarshalBinary makes s the session that MarshalBinary described. s must be new.
func (s *Session) UnmarshalBinary(b []byte) error {
	r := reader{b: b}
	if version := r.take(1); r.bad || version[0] != stateVersion {
		return fmt.Errorf("unmarshal: %w of version %d", errState, stateVersion)
	}
	flags := r.uint(1)
	if s.suite = suiteOf(uint16(r.uint(2))); s.suite == nil {
		return fmt.Errorf("unmarshal: %w: an unknown suite", errState)
	}
	for _, h := range []*half{&s.in, &s.out} {
		copy(h.secret[:], r.take(s.suite.size))
		h.seq = r.uint(8)
	}
	s.useless = uint8(r.uint(1))
	s.raw, s.own = append([]byte(nil), r.bytes()...), true
	s.message = append([]byte(nil), r.bytes()...)
	s.owes.Store(flags&flagOwes != 0)
	if flags&flagState != 0 {
		s.state = &tls.ConnectionState{
			Version: tls.VersionTLS13, HandshakeComplete: true, CipherSuite: s.suite.id,
			CurveID: tls.CurveID(r.uint(2)), ServerName: string(r.bytes()),
			DidResume: flags&flagResumed != 0, HelloRetryRequest: flags&flagRetried != 0,
		}
		if flags&flagProtocol != 0 {
			s.state.NegotiatedProtocol = protocol
		}
	}
	if r.bad || len(r.b) > 0 || len(s.message) >= keyUpdateLen {
		return fmt.Errorf("unmarshal: %w: its length is wrong", errState)
	}
	return s.secure()
}

// reader reads from the begin of b. bad is set once b is too short.
type reader struct {
	b   []byte
	bad bool
}

// take returns n bytes, which are 0 if b is too short.
func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.bad, r.b = true, nil
		return make([]byte, min(n, maxSecret))
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) uint(n int) (v uint64) {
	for _, c := range r.take(n) {
		v = v<<8 | uint64(c)
	}
	return v
}

func (r *reader) bytes() []byte { return r.take(int(r.uint(3))) }
