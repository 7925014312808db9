// Package tlsrecord carries a TLS 1.3 connection on after its handshake, without crypto/tls.Conn and without a goroutine.
//
// crypto/tls does the handshake and carries the first request. A connection of [NewListener] is watched meanwhile: its traffic
// secrets are kept, and its records are counted. [Take] then makes a [Session] of it: the keys and sequence numbers of both
// directions. A session seals and opens records (RFC 8446, section 5), and does no input or output. [Conn] does that, for a
// connection that goes back to a server with goroutines.
//
// TLS 1.2, HTTP/2, and whatever else Take does not know stay with crypto/tls. docs/decisions/0026 says what this means for
// security.
package tlsrecord

import "errors"

// ErrNotTaken means that Take can't take the connection over: it is not one of NewListener's, or it does not speak HTTP/1.1 over
// TLS 1.3, or its peer has changed its keys.
var ErrNotTaken = errors.New("the TLS connection can't be taken over")

const (
	headerLen = 5
	tagLen    = 16 // of every suite of TLS 1.3
	ivLen     = 12

	// MaxPlaintext is how many bytes a record may carry.
	MaxPlaintext = 1 << 14
	// MaxRecord is how many bytes a record that carries MaxPlaintext takes, if this package seals it.
	MaxRecord = headerLen + MaxPlaintext + 1 + tagLen

	maxCiphertext = MaxPlaintext + 256 // of a peer's record, without its header
)

// Types of records.
const (
	typeChangeCipherSpec = 20
	typeAlert            = 21
	typeHandshake        = 22
	typeData             = 23
)
