package tlsrecord_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/motacilla-live/motacilla/internal/tlsrecord"
	"github.com/motacilla-live/motacilla/internal/tlsrecord/recordtest"
)

var suites = []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256}

// Data goes through every suite, in pieces of any size, over changes of the key in both directions.
func TestSuites(t *testing.T) {
	for _, suite := range suites {
		for _, piece := range []int{1, 7, 100, 1 << 16} {
			t.Run(fmt.Sprintf("%s in pieces of %d", tls.CipherSuiteName(suite), piece), func(t *testing.T) {
				client, server := recordtest.Pair(t, suite, 0)
				var sent, wire []byte
				for i := range 40 {
					data := bytes.Repeat([]byte{byte(i)}, 1+i*i)
					sent = append(sent, data...)
					wire = server.Seal(wire, data)
					if i%10 == 9 {
						wire = update(t, server, wire)
					}
				}
				if got := open(t, client, wire, piece); !bytes.Equal(got, sent) {
					t.Errorf("got %d bytes, want %d", len(got), len(sent))
				}
			})
		}
	}
}

func update(t *testing.T, s *tlsrecord.Session, wire []byte) []byte {
	t.Helper()
	wire, err := s.AppendKeyUpdate(wire)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// open gives a session what is on the wire, in memory that is used again, and returns the data.
func open(t *testing.T, s *tlsrecord.Session, wire []byte, piece int) (all []byte) {
	t.Helper()
	memory := make([]byte, piece)
	for len(wire) > 0 {
		n := copy(memory, wire)
		wire = wire[n:]
		s.Feed(memory[:n])
		for {
			data, err := s.Next()
			if err != nil {
				t.Fatal(err)
			}
			if data == nil {
				break
			}
			all = append(all, data...)
		}
		s.Pause()
	}
	return all
}

// A record has the form of RFC 8446, section 5.2.
func TestForm(t *testing.T) {
	for _, suite := range suites {
		_, server := recordtest.Pair(t, suite, 0)
		for _, n := range []int{1, 100, tlsrecord.MaxPlaintext} {
			record := server.Seal([]byte("before"), make([]byte, n))[len("before"):]
			body := n + 1 + 16
			if len(record) != 5+body || record[0] != 23 || record[1] != 3 || record[2] != 3 || int(record[3])<<8|int(record[4]) != body {
				t.Errorf("%d bytes make a record that begins with %x and has %d bytes", n, record[:5], len(record))
			}
			if len(record) > tlsrecord.MaxRecord {
				t.Errorf("a record has %d bytes, more than MaxRecord", len(record))
			}
		}
	}
}

// A key seals at most 2^24 records.
func TestKeysWearOut(t *testing.T) {
	const last = 1<<24 - 1
	client, server := recordtest.Pair(t, suites[0], last)
	if server.NeedsKeyUpdate() {
		t.Error("the key was given up a record early")
	}
	wire := server.Seal(nil, []byte("the last one"))
	if !server.NeedsKeyUpdate() {
		t.Fatal("the key is used for more than 2^24 records")
	}
	wire = update(t, server, wire)
	if server.NeedsKeyUpdate() {
		t.Error("a new key is not enough")
	}
	wire = server.Seal(wire, []byte(" and the first"))
	if got := open(t, client, wire, 100); string(got) != "the last one and the first" {
		t.Errorf("got %q", got)
	}
}

// A record that was taken back leaves its number to the next one.
func TestUnseal(t *testing.T) {
	client, server := recordtest.Pair(t, suites[0], 5)
	server.Seal(nil, []byte("never sent"))
	server.Unseal()
	if got := open(t, client, server.Seal(nil, []byte("sent")), 100); string(got) != "sent" {
		t.Errorf("got %q", got)
	}
}

// The peer's request for a new key is obeyed once before the next record, however often it was made.
func TestAnswersKeyUpdates(t *testing.T) {
	client, server := recordtest.Pair(t, suites[1], 0)
	var wire []byte
	for range 3 {
		wire = recordtest.KeyUpdate(t, client, wire, true)
	}
	wire = client.Seal(wire, []byte("hello"))
	if got := open(t, server, wire, 50); string(got) != "hello" {
		t.Fatalf("got %q", got)
	}
	if !server.NeedsKeyUpdate() {
		t.Fatal("the request for a KeyUpdate was not noted")
	}
	answer := update(t, server, nil)
	if server.NeedsKeyUpdate() {
		t.Error("one KeyUpdate is not enough")
	}
	if got := open(t, client, server.Seal(answer, []byte("good")), 50); string(got) != "good" {
		t.Errorf("got %q", got)
	}
	if client.NeedsKeyUpdate() {
		t.Error("the answer to a KeyUpdate asks for another one")
	}
}

// What a peer may do wrong, and the alert that tells it.
func TestFaults(t *testing.T) {
	const handshake, alert, data = 22, 21, 23
	key := func(b ...byte) []byte { return append([]byte{24, 0, 0, 1}, b...) }
	inner := func(kind byte, b ...byte) func(*testing.T, *tlsrecord.Session) []byte {
		return func(_ *testing.T, c *tlsrecord.Session) []byte { return recordtest.Seal(c, nil, kind, b) }
	}
	several := func(n int, kind byte, b ...byte) func(*testing.T, *tlsrecord.Session) []byte {
		return func(_ *testing.T, c *tlsrecord.Session) (wire []byte) {
			for range n {
				wire = recordtest.Seal(c, wire, kind, b)
			}
			return wire
		}
	}
	raw := func(b ...byte) func(*testing.T, *tlsrecord.Session) []byte {
		return func(*testing.T, *tlsrecord.Session) []byte { return b }
	}
	for name, test := range map[string]struct {
		wire func(*testing.T, *tlsrecord.Session) []byte
		want tlsrecord.Alert
	}{
		"a forged record": {func(_ *testing.T, c *tlsrecord.Session) []byte {
			wire := c.Seal(nil, []byte("hello"))
			wire[8] ^= 1
			return wire
		}, tlsrecord.BadRecordMAC},
		"a forged header": {func(_ *testing.T, c *tlsrecord.Session) []byte {
			wire := c.Seal(nil, []byte("hello"))
			wire[2] ^= 1
			return wire
		}, tlsrecord.BadRecordMAC},
		"a record twice": {func(_ *testing.T, c *tlsrecord.Session) []byte {
			wire := c.Seal(nil, []byte("hello"))
			return append(wire, wire...)
		}, tlsrecord.BadRecordMAC},
		"a record is missing": {func(_ *testing.T, c *tlsrecord.Session) []byte {
			c.Seal(nil, []byte("hello"))
			return c.Seal(nil, []byte("hello"))
		}, tlsrecord.BadRecordMAC},
		"too short to be genuine":       {raw(23, 3, 3, 0, 15, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), tlsrecord.BadRecordMAC},
		"an empty record":               {raw(23, 3, 3, 0, 0), tlsrecord.BadRecordMAC},
		"too long, known by its header": {raw(23, 3, 3, 0x41, 1), tlsrecord.RecordOverflow},
		"carries too much":              {inner(data, make([]byte, tlsrecord.MaxPlaintext+1)...), tlsrecord.RecordOverflow},
		"too much padding": {
			inner(0, append([]byte{1, data}, make([]byte, tlsrecord.MaxPlaintext)...)...), tlsrecord.RecordOverflow,
		},
		"no type":                              {inner(0), tlsrecord.UnexpectedMessage},
		"nothing but padding":                  {inner(0, make([]byte, 50)...), tlsrecord.UnexpectedMessage},
		"an unknown type":                      {inner(99, 1), tlsrecord.UnexpectedMessage},
		"change_cipher_spec":                   {raw(20, 3, 3, 0, 1, 1), tlsrecord.UnexpectedMessage},
		"a protected change_cipher_spec":       {inner(20, 1), tlsrecord.UnexpectedMessage},
		"plain text":                           {raw([]byte("GET / HTTP/1.1\r\n")...), tlsrecord.UnexpectedMessage},
		"an alert that is not protected":       {raw(21, 3, 3, 0, 2, 1, 0), tlsrecord.UnexpectedMessage},
		"a handshake that is not protected":    {raw(22, 3, 3, 0, 5, 24, 0, 0, 1, 0), tlsrecord.UnexpectedMessage},
		"half an alert":                        {inner(alert, 1), tlsrecord.DecodeError},
		"two alerts in a record":               {inner(alert, 1, 90, 1, 0), tlsrecord.DecodeError},
		"an empty alert":                       {inner(alert), tlsrecord.UnexpectedMessage},
		"an empty alert with padding":          {inner(0, alert, 0, 0, 0), tlsrecord.UnexpectedMessage},
		"an empty handshake message":           {inner(handshake), tlsrecord.UnexpectedMessage},
		"a ClientHello":                        {inner(handshake, 1, 0, 0, 1, 0), tlsrecord.UnexpectedMessage},
		"a session ticket":                     {inner(handshake, 4, 0, 0, 1, 0), tlsrecord.UnexpectedMessage},
		"a Finished":                           {inner(handshake, 20), tlsrecord.UnexpectedMessage},
		"a KeyUpdate that is neither":          {inner(handshake, key(2)...), tlsrecord.IllegalParameter},
		"a KeyUpdate that is too long":         {inner(handshake, 24, 0, 0, 2, 0, 0), tlsrecord.DecodeError},
		"an empty KeyUpdate":                   {inner(handshake, 24, 0, 0, 0), tlsrecord.DecodeError},
		"two KeyUpdates in a record":           {inner(handshake, append(key(0), key(0)...)...), tlsrecord.UnexpectedMessage},
		"a KeyUpdate and the begin of another": {inner(handshake, append(key(0), 24)...), tlsrecord.UnexpectedMessage},
		"data inside a KeyUpdate": {func(_ *testing.T, c *tlsrecord.Session) []byte {
			return c.Seal(recordtest.Seal(c, nil, handshake, key()), []byte("hello"))
		}, tlsrecord.UnexpectedMessage},
		"an alert inside a KeyUpdate": {func(_ *testing.T, c *tlsrecord.Session) []byte {
			return recordtest.Seal(c, recordtest.Seal(c, nil, handshake, key()), alert, []byte{1, 0})
		}, tlsrecord.UnexpectedMessage},
		"too many records without data":    {several(33, data), tlsrecord.UnexpectedMessage},
		"too many alerts that say nothing": {several(33, alert, 1, 90), tlsrecord.UnexpectedMessage},
		"too many KeyUpdates": {func(t *testing.T, c *tlsrecord.Session) (wire []byte) {
			for range 33 {
				wire = recordtest.KeyUpdate(t, c, wire, false)
			}
			return wire
		}, tlsrecord.UnexpectedMessage},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := recordtest.Pair(t, suites[0], 0)
			server.Feed(test.wire(t, client))
			var err error
			for data := []byte("?"); err == nil && data != nil; {
				data, err = server.Next()
			}
			if f := (*tlsrecord.Fault)(nil); !errors.As(err, &f) || f.Alert != test.want {
				t.Errorf("got %v, want alert %d", err, test.want)
			}
		})
	}
}

// What is unusual, and allowed.
func TestAllowed(t *testing.T) {
	client, server := recordtest.Pair(t, suites[2], 0)
	wire := recordtest.Seal(client, nil, 0, append([]byte("padded\x17"), make([]byte, 100)...))
	for range 32 {
		wire = client.Seal(wire, nil)
	}
	wire = client.Seal(wire, []byte(", after empty records"))
	wire = recordtest.Seal(client, wire, 21, []byte{2, 90}) // user_canceled
	for _, b := range []byte{24, 0, 0, 1} {                 // a KeyUpdate in pieces
		wire = recordtest.Seal(client, wire, 22, []byte{b})
	}
	wire = recordtest.Renew(t, client, recordtest.Seal(client, wire, 22, []byte{0}))
	wire = client.Seal(wire, bytes.Repeat([]byte{'.'}, tlsrecord.MaxPlaintext))
	want := "padded, after empty records" + string(bytes.Repeat([]byte{'.'}, tlsrecord.MaxPlaintext))
	if got := open(t, server, wire, 1000); string(got) != want {
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
	server.Feed(client.AppendAlert(nil, tlsrecord.CloseNotify))
	if _, err := server.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v after a close_notify, want io.EOF", err)
	}
	client, server = recordtest.Pair(t, suites[2], 0)
	server.Feed(client.AppendAlert(nil, tlsrecord.InternalError))
	if _, err := server.Next(); err == nil || errors.As(err, new(*tlsrecord.Fault)) {
		t.Errorf("got %v after an alert, want an error that needs no alert", err)
	}
}
