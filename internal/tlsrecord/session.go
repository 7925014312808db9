package tlsrecord

import (
	"crypto/tls"
	"sync/atomic"
)

// Session is the server's side of a TLS 1.3 connection after its handshake. The methods that send may be called beside those that
// receive; otherwise only one may be called at a time.
type Session struct {
	suite   *suite
	in, out half
	raw     []byte               // what came and has not been opened
	message []byte               // the begin of a handshake message
	state   *tls.ConnectionState // nil if it is not needed any more
	owes    atomic.Bool          // the peer asked for a KeyUpdate
	own     bool                 // raw is the session's own memory
	useless uint8                // records in a row that carried no data
}

// mostSealed is how many records one key seals. RFC 8446, section 5.5, allows AES-GCM 2^24.5.
const mostSealed = 1 << 24

// NeedsKeyUpdate reports whether AppendKeyUpdate has to be called before the next Seal: the key has sealed enough, or the
// peer has asked for a new one.
func (s *Session) NeedsKeyUpdate() bool { return s.out.seq >= mostSealed || s.owes.Load() }

// AppendKeyUpdate appends a record that announces the next key, and goes over to that key. The record must be sent.
func (s *Session) AppendKeyUpdate(dst []byte) ([]byte, error) {
	dst = s.out.seal(dst, typeHandshake, []byte{messageKeyUpdate, 0, 0, 1, 0})
	s.owes.Store(false)
	return dst, s.out.renew(s.suite)
}

// Seal appends a record that carries data, which must be of MaxPlaintext at most and not empty.
func (s *Session) Seal(dst, data []byte) []byte { return s.out.seal(dst, typeData, data) }

// Unseal takes the last record of Seal back, so that other data can be sent in its place. It must be called only if not one
// byte of the record has left the process. Otherwise two records would have the same nonce.
func (s *Session) Unseal() { s.out.seq-- }

// AppendAlert appends a record with an alert.
func (s *Session) AppendAlert(dst []byte, a Alert) []byte {
	return s.out.seal(dst, typeAlert, []byte{a.level(), byte(a)})
}

// Forget drops what only ConnectionState needs.
func (s *Session) Forget() { s.state = nil }

// ConnectionState returns what the handshake agreed on. It knows the version and the suite only after Forget.
func (s *Session) ConnectionState() tls.ConnectionState {
	if s.state != nil {
		return *s.state
	}
	return tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, CipherSuite: s.suite.id}
}

// secure has the session ready to seal. The opening half is made ready when something comes.
func (s *Session) secure() error { return s.out.init(s.suite) }
