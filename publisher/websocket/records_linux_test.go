package websocket

import (
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/internal/tlsrecord/rulestest"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// A client that owes nothing to Go keeps and breaks the rules of TLS's record layer, on a WebSocket that the engine has. The engine does
// what RFC 8446 wants.
func TestRecordsOfAnotherClient(t *testing.T) {
	s := open(t, settings{server: publishertest.ServerOptions{TLS: true}})
	want, got := rulestest.Run(t, s.Listener.Addr(), path(match, ""))
	rulestest.Check(t, want, got)
}

// crypto/tls carries a connection that has a goroutine. It mostly does what the engine does. The rest is known.
func TestRecordsOfAnotherClientAgainstCryptoTLS(t *testing.T) {
	s := open(t, settings{goroutines: true, server: publishertest.ServerOptions{TLS: true}})
	want, got := rulestest.Run(t, s.Listener.Addr(), path(match, ""), raced...)
	for name, does := range cryptoTLS {
		if want[name] == does || want[name] == "" {
			t.Errorf("%q is no case in which crypto/tls does something else", name)
		}
		want[name] = does
	}
	for name, want := range want {
		// Unlike the engine, it sends a close_notify after an alert too, before it closes.
		if strings.HasPrefix(want, "alert ") && want != closed {
			got[name] = strings.TrimSuffix(got[name], ", "+closed)
		}
	}
	rulestest.Check(t, want, got)
}

const (
	closed     = "alert 0"
	unexpected = "alert 10"
	notGenuine = "alert 20"
	decode     = "alert 50"
	version    = "alert 70"
	lives      = "pong, " + closed
)

// raced are cases in which crypto/tls sends an alert without the lock of its sending half: a handshake message that is too long, after the
// handshake. The race detector finds this if something is written at the time.
var raced = []string{"KeyUpdate of 2^24-1 bytes", "a message of 2^24-1 bytes"}

// cryptoTLS has what crypto/tls does where the engine does something else.
var cryptoTLS = map[string]string{
	// It allows 16 records in a row without data.
	"no data, 17 times":   unexpected,
	"KeyUpdate, 17 times": unexpected,

	// It looks at the version in the header first, and at the type only if it is not protected.
	"another version in the header":      version,
	"HTTP":                               version,
	"zeros":                              version,
	"an alert that is not protected":     notGenuine,
	"close_notify that is not protected": notGenuine,
	"KeyUpdate that is not protected":    notGenuine,
	"ClientHello that is not protected":  notGenuine,

	// It drops a change_cipher_spec, even a protected one.
	"change_cipher_spec":              lives,
	"change_cipher_spec of two bytes": decode,
	"a protected change_cipher_spec":  lives,

	"half an alert":                unexpected,
	"an alert in pieces":           unexpected,
	"an alert of three bytes":      unexpected,
	"two alerts in a record":       unexpected,
	"a warning":                    closed,
	"an error":                     closed,
	"an alert of an unknown level": closed,
	"an unknown alert":             closed,

	// It answers each KeyUpdate at once.
	"KeyUpdate, requested 3 times": "KeyUpdate, KeyUpdate, KeyUpdate, " + lives,
	"KeyUpdate, then close_notify": "KeyUpdate, " + closed,
	"suite 0x1301":                 "KeyUpdate, KeyUpdate, KeyUpdate, KeyUpdate, " + lives,
	"suite 0x1302":                 "KeyUpdate, KeyUpdate, KeyUpdate, KeyUpdate, " + lives,
	"suite 0x1303":                 "KeyUpdate, KeyUpdate, KeyUpdate, KeyUpdate, " + lives,

	// It has decode_error for whatever does not parse, before it asks whether the message may come.
	"KeyUpdate of 2":    decode,
	"KeyUpdate of 255":  decode,
	"NewSessionTicket":  decode,
	"CertificateVerify": decode,
}
