package tlsrecord

import (
	"bytes"
	"sync"
)

// shadow knows the state of a connection's record layer, while crypto/tls has it. It is not told which records are sealed with
// the traffic keys: it tries. A record that opens with the key and the number that is expected leaves no doubt. So it also sees
// if the peer changes its key.
type shadow struct {
	suite   *suite
	in, out half
	keyed   uint8  // secrets that are known: 2 is all
	flight  bool   // the server's first flight has been looked at
	opened  bool   // a record of the client was opened
	part    []byte // of a record that is not whole
}

// mostTickets is how many records at the end of the server's first flight may be sealed with its traffic key.
const mostTickets = 4

// secret takes a traffic secret.
func (s *shadow) secret(to *half, secret []byte) {
	if copy(to.secret[:], secret) == len(secret) {
		s.keyed++
	}
}

func (s *shadow) complete() bool { return s.keyed == 2 && s.flight && s.opened }

// read follows what crypto/tls has read. It returns false if the connection can't be taken over.
func (s *shadow) read(b []byte) bool {
	if len(s.part) > 0 {
		b = append(s.part, b...)
	}
	for {
		record := cut(b)
		if record == nil {
			break
		}
		if !s.received(record) {
			return false
		}
		b = b[len(record):]
	}
	s.part = append([]byte(nil), b...)
	return len(b) <= headerLen+maxCiphertext
}

// cut returns the record that b begins with; nil if it is not whole.
func cut(b []byte) []byte {
	if len(b) < headerLen {
		return nil
	}
	n := headerLen + (int(b[3])<<8 | int(b[4]))
	if len(b) < n {
		return nil
	}
	return b[:n]
}

// openBuffers have memory for what is opened.
var openBuffers = sync.Pool{New: func() any { return new([maxCiphertext]byte) }}

// received looks at a record of the client.
func (s *shadow) received(record []byte) bool {
	if s.keyed < 2 || record[0] != typeData {
		return !s.opened // the handshake; after it, everything is protected
	}
	if s.suite == nil || s.in.init(s.suite) != nil {
		return false
	}
	if len(record) > headerLen+maxCiphertext {
		return false
	}
	buffer := openBuffers.Get().(*[maxCiphertext]byte)
	defer openBuffers.Put(buffer)
	inner, err := s.in.open(buffer[:0], record)
	if err != nil {
		return !s.opened // sealed with the key of the handshake
	}
	defer clear(inner)
	kind, data := unpad(inner)
	first := !s.opened
	s.opened = true
	http2 := first && bytes.HasPrefix(data, []byte("PRI "))
	return kind == typeData && !http2
}

// wrote follows what crypto/tls has written, which is whole records.
func (s *shadow) wrote(b []byte) bool {
	if s.keyed < 2 {
		return true
	}
	var flight [][]byte
	for len(b) > 0 {
		record := cut(b)
		if record == nil {
			return false
		}
		if s.flight {
			s.out.seq++
		} else {
			flight = append(flight, record)
		}
		b = b[len(record):]
	}
	if s.flight {
		return true
	}
	s.flight = true
	return len(flight) > 0 && s.findSuite(flight[0]) && s.countTickets(flight)
}

// findSuite reads the suite out of the ServerHello, which begins the server's first flight.
func (s *shadow) findSuite(record []byte) bool {
	const before = headerLen + 4 + 2 + 32 // of the length of the session ID: headers, version, random
	if record[0] != typeHandshake || record[headerLen] != 2 || len(record) < before+1 {
		return false
	}
	at := before + 1 + int(record[before])
	if len(record) < at+2 {
		return false
	}
	s.suite = suiteOf(uint16(record[at])<<8 | uint16(record[at+1]))
	return s.suite != nil
}

// countTickets finds how many records at the end of the first flight are sealed with the traffic key: session tickets.
func (s *shadow) countTickets(records [][]byte) bool {
	if s.out.init(s.suite) != nil {
		return false
	}
	buffer := openBuffers.Get().(*[maxCiphertext]byte)
	defer openBuffers.Put(buffer)
	for n := min(mostTickets, len(records)-1); n > 0; n-- {
		all := true
		for _, record := range records[len(records)-n:] {
			inner, err := s.out.open(buffer[:0], record)
			clear(inner)
			if all = err == nil; !all {
				break
			}
		}
		if all {
			return true
		}
		s.out.seq = 0
	}
	return true
}
