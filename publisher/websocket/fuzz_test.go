package websocket

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
)

// FuzzInput compares the frame reader of the epoll engine with gorilla, which reads the frames of connections that have a
// goroutine. Both must accept the same input, answer the same and end in the same way.
func FuzzInput(f *testing.F) {
	for _, c := range cases() {
		if len(c.in) < 9000 {
			f.Add(c.in, uint64(len(c.in)))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		if len(in) > 64<<10 {
			return
		}
		for collect := false; ; {
			second := time.Now().Unix()
			ours, theirs := byIncoming(t, in, seed, collect), byGorilla(t, in, collect)
			if second != time.Now().Unix() {
				continue // control frames are counted per second
			}
			if why := differ(ours, theirs); why != "" {
				t.Fatalf("%s: %x:\nours    %+v\ngorilla %+v", why, in, ours, theirs)
			}
			if collect {
				return
			}
			collect = true // as for several channels
		}
	})
}

// heard is the result of an input.
type heard struct {
	pongs  []string
	texts  []string // messages, if they are collected
	code   int      // of the close frame; 0 if there is none
	reason string
	begun  bool // the input ends in a header
}

// byIncoming reads in with the epoll engine's frame reader, in pieces of random sizes.
func byIncoming(t *testing.T, in []byte, seed uint64, collect bool) heard {
	pieces := rand.New(rand.NewPCG(seed, 0))
	most := 1 << pieces.IntN(13)
	var f incoming
	if collect {
		f.collector = &collector{}
	}
	var out []byte
	now := time.Now()
	rest, end := slices.Clone(in), false
	for len(rest) > 0 && !end {
		n := min(1+pieces.IntN(most), len(rest))
		var answer []byte
		answer, end = f.take(rest[:n:n], now)
		if len(answer) > n*130+130 {
			t.Fatalf("got an answer of %d bytes to %d bytes", len(answer), n)
		}
		out = append(out, answer...)
		rest = rest[n:]
		if len(f.control) > mostControl || cap(f.control) > 4*mostControl || len(f.rune) > 3 || cap(f.rune) > 64 {
			t.Fatalf("it keeps %d (%d) and %d (%d) bytes", len(f.control), cap(f.control), len(f.rune), cap(f.rune))
		}
	}
	h := listen(t, out)
	if end != (h.code != 0) {
		t.Fatalf("the end is %t, the close code %d", end, h.code)
	}
	h.begun = f.have > 0 && int(f.have) < f.headerLen()
	if collect {
		for _, text := range f.collector.whole {
			h.texts = append(h.texts, string(text))
		}
		if len(f.collector.part) > mostRequest {
			t.Fatalf("it keeps %d bytes of a message", len(f.collector.part))
		}
	}
	return h
}

// byGorilla reads in with gorilla.
func byGorilla(t *testing.T, in []byte, collect bool) heard {
	client := &tape{in: bytes.NewReader(in)}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, line := range upgrading {
		key, value, _ := strings.Cut(line, ": ")
		r.Header.Set(key, value)
	}
	taken := &hijacker{ResponseWriter: client, stall: time.Minute}
	conn, err := new(gorilla.Upgrader).Upgrade(taken, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	taken.conn.head = nil
	taken.conn.open()
	most, take, texts := int64(mostMessage), (func([]byte))(nil), []string(nil)
	if collect {
		most, take = mostRequest, func(text []byte) { texts = append(texts, string(text)) }
	}
	read(conn, most, take)
	h := listen(t, client.out.Bytes())
	h.texts = texts
	return h
}

// listen reads what a server answered. It must be well-formed.
func listen(t *testing.T, out []byte) (h heard) {
	in := bytes.NewReader(out)
	for {
		opcode, payload, err := nextFrame(in)
		switch {
		case errors.Is(err, io.EOF) && in.Len() == 0:
			return h
		case err != nil || h.code != 0:
			t.Fatalf("the answer %x: %v, close code %d", out, err, h.code)
		case opcode == gorilla.PongMessage:
			h.pongs = append(h.pongs, string(payload))
		case opcode == gorilla.CloseMessage:
			h.code, h.reason = codeOf(payload)
			if h.code < 0 {
				t.Fatalf("the answer %x: half a close code", out)
			}
		default:
			t.Fatalf("the answer %x: opcode %d", out, opcode)
		}
	}
}

// differ returns how the two results differ, or "" if they agree or differ in a known way.
func differ(ours, theirs heard) string {
	const open = 0
	codes := [2]int{ours.code, theirs.code}
	switch {
	case ours.code == gorilla.CloseInvalidFramePayloadData && ours.reason == notUTF8:
		// Gorilla validates text when the message is complete. Another error may come before that.
		if len(theirs.pongs) < len(ours.pongs) || !slices.Equal(ours.pongs, theirs.pongs[:len(ours.pongs)]) {
			return "pongs before what is not UTF-8"
		}
		return ""
	case ours.begun && codes == [2]int{open, gorilla.CloseProtocolError}:
		// Gorilla does not wait for the whole header.
	case codes == [2]int{gorilla.ClosePolicyViolation, open}:
		// We do not wait for the payload of the frame that is one too many.
	case codes == [2]int{gorilla.CloseProtocolError, gorilla.CloseNoStatusReceived} && ours.reason == halfCode:
	case codes == [2]int{gorilla.CloseInvalidFramePayloadData, gorilla.CloseProtocolError} && ours.reason == reasonNotUTF8:
	case codes == [2]int{1014, gorilla.CloseProtocolError}: // registered after gorilla was made
	case codes == [2]int{gorilla.CloseMessageTooBig, gorilla.CloseProtocolError} && theirs.reason == outOfRange:
		// The sum of a message's fragments is out of range, not a length.
	case ours.code != theirs.code:
		return fmt.Sprintf("the codes %v", codes)
	}
	if !slices.Equal(ours.pongs, theirs.pongs) {
		return "the pongs"
	}
	if !slices.Equal(ours.texts, theirs.texts) {
		return "the messages"
	}
	return ""
}

// tape is a connection with recorded input. It keeps what is written.
type tape struct {
	http.ResponseWriter
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (m *tape) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return m, bufio.NewReadWriter(bufio.NewReaderSize(strings.NewReader(""), 16), bufio.NewWriterSize(m, 256)), nil
}

func (m *tape) Read(b []byte) (int, error)  { return m.in.Read(b) }
func (m *tape) Write(b []byte) (int, error) { return m.out.Write(b) }
func (m *tape) Close() error                { return nil }

func (m *tape) SetDeadline(time.Time) error      { return nil }
func (m *tape) SetReadDeadline(time.Time) error  { return nil }
func (m *tape) SetWriteDeadline(time.Time) error { return nil }

// FuzzRestore reads frames with any state that another process may have saved.
func FuzzRestore(f *testing.F) {
	for _, s := range []*incoming{
		{}, {deflate: true}, {collector: &collector{part: []byte("{")}, open: gorilla.TextMessage, size: 1},
		{have: 6, header: [14]byte{0x81, 0x85}, opcode: 1, open: 1, left: 5, packed: new([]byte)},
	} {
		f.Add(save(s), []byte{0x81, 0x85, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	}
	f.Fuzz(func(t *testing.T, state, in []byte) {
		s, err := restore(state)
		if err != nil {
			return
		}
		again, err := restore(save(s))
		if err != nil {
			t.Fatalf("%s: saved again: %v", state, err)
		}
		now := time.Now()
		answer, end := s.(*incoming).take(bytes.Clone(in), now)
		other, ended := again.(*incoming).take(bytes.Clone(in), now)
		if end != ended || !bytes.Equal(answer, other) {
			t.Fatalf("%s: %x %t, and %x %t after it was saved again", state, answer, end, other, ended)
		}
	})
}
