package fanout

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/tlsrecord"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const patience = time.Minute

// story is the source of frames for tests: a head that moves. A frame consists of its length, the cursors before and after
// it, and size bytes.
type story struct {
	mu     sync.Mutex
	head   int64
	size   int
	floor  int64 // After answers Later for cursors below
	shut   bool  // guarded readers are refused
	last   bool  // the next frame is the last one
	asked  map[int64]int
	hook   func() // called whenever After is, if not nil
	frames map[int64][]byte
	wrote  [][2]int64 // what Wrote was called with
}

func (s *story) Wrote(from, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrote = append(s.wrote, [2]int64{from, to})
}

func (s *story) move(size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head++
	s.size = size
	s.frames = nil
}

func (s *story) at() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head
}

func (s *story) After(cursor int64, guarded bool) (Frame, Verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hook != nil {
		s.hook()
	}
	switch {
	case guarded && s.shut:
		return Frame{}, Refused
	case cursor == s.head:
		return Frame{}, Nothing
	case cursor < s.floor:
		if s.asked == nil {
			s.asked = map[int64]int{}
		}
		s.asked[cursor]++
		return Frame{}, Later
	}
	return s.frame(cursor), Ready
}

func (s *story) frame(cursor int64) Frame {
	b := s.frames[cursor]
	if b == nil {
		b = binary.BigEndian.AppendUint32(nil, uint32(16+s.size))
		b = binary.BigEndian.AppendUint64(b, uint64(cursor))
		b = binary.BigEndian.AppendUint64(b, uint64(s.head))
		b = append(b, bytes.Repeat([]byte{'x'}, s.size)...)
		if s.frames == nil {
			s.frames = map[int64][]byte{}
		}
		s.frames[cursor] = b
	}
	return Frame{Bytes: b, Next: s.head, Last: s.last}
}

func (s *story) Idle(cursor int64) []byte {
	b := binary.BigEndian.AppendUint32(nil, 16)
	b = binary.BigEndian.AppendUint64(b, uint64(cursor))
	return binary.BigEndian.AppendUint64(b, uint64(cursor))
}

// speech is a protocol that calls functions of a test, writes "no" to readers that are refused and "close" after the last
// frame, and counts readers that are closed.
type speech struct {
	input  func(r *Reader, data []byte)
	due    func(r *Reader)
	closed [4]atomic.Int64
}

func (p *speech) Input(r *Reader, data []byte) {
	if p.input != nil {
		p.input(r, data)
	}
}

func (p *speech) Due(r *Reader) {
	if p.due != nil {
		p.due(r)
	}
}
func (p *speech) Joined(*Reader)                 {}
func (*speech) Refused(p *Place)                 { p.Reader().End([]byte("no"), 0) }
func (*speech) Last(p *Place)                    { p.Reader().End([]byte("close"), 0) }
func (p *speech) Closed(_ *Reader, why Reason)   { p.closed[why].Add(1) }
func (p *speech) count(why Reason) (count int64) { return p.closed[why].Load() }

type rig struct {
	*testing.T
	engine    *Engine
	story     story
	speech    speech
	topic     *Topic
	delivered atomic.Int64
	listener  net.Listener
	dial      func(net.Addr) (net.Conn, error)
	secure    bool // connections have TLS
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	return newRigAt(t, o, time.Now)
}

func newRigAt(t *testing.T, o Options, clock func() time.Time) *rig {
	t.Helper()
	engine, err := start(&o, clock)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dial := func(addr net.Addr) (net.Conn, error) { return net.Dial(addr.Network(), addr.String()) }
	r := &rig{T: t, engine: engine, listener: ln, dial: dial}
	r.secure = strings.HasPrefix(t.Name(), "TestTLS/")
	r.topic = engine.NewTopic(&r.speech, &r.story, &r.delivered)
	t.Cleanup(func() {
		_ = ln.Close()
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
		if n := r.topic.Len(); n != 0 {
			t.Errorf("%d readers are left in a closed engine", n)
		}
	})
	return r
}

// pair returns both ends of a connection, which the test's end closes.
func (r *rig) pair() (server, client net.Conn) {
	r.Helper()
	server, client = r.connect()
	r.Cleanup(func() { _ = client.Close() })
	return server, client
}

// connect returns both ends of a connection.
func (r *rig) connect() (server, client net.Conn) {
	r.Helper()
	dialled := make(chan net.Conn, 1)
	go func() {
		c, err := r.dial(r.listener.Addr())
		if err == nil && r.secure {
			c, err = secureClient(c)
		}
		if err != nil {
			r.Error(err)
		}
		dialled <- c
	}()
	listener := r.listener
	if r.secure {
		listener = tlsrecord.NewListener(listener, serverConfig())
	}
	server, err := listener.Accept()
	if err == nil && r.secure {
		_, err = server.Read(make([]byte, 1)) // the first request
	}
	if err != nil {
		r.Fatal(err)
	}
	client = <-dialled
	_ = client.SetDeadline(time.Now().Add(patience))
	return server, client
}

func (r *rig) join(j Join) net.Conn {
	r.Helper()
	server, client := r.pair()
	if err := r.topic.Join(server, j); err != nil {
		r.Fatal(err)
	}
	return client
}

func (r *rig) move(size int) {
	r.story.move(size)
	r.topic.wake()
}

// next reads a frame.
func (r *rig) next(c net.Conn) (from, to int64) {
	r.Helper()
	from, to, err := readFrame(c)
	if err != nil {
		r.Fatal(err)
	}
	return from, to
}

func readFrame(c io.Reader) (from, to int64, err error) {
	var head [20]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return 0, 0, err
	}
	size := int64(binary.BigEndian.Uint32(head[:])) - 16
	if n, err := io.Copy(io.Discard, io.LimitReader(c, size)); err != nil || n != size {
		return 0, 0, errors.Join(err, io.ErrUnexpectedEOF)
	}
	return int64(binary.BigEndian.Uint64(head[4:])), int64(binary.BigEndian.Uint64(head[12:])), nil
}

func (r *rig) want(c net.Conn, from, to int64) {
	r.Helper()
	if f, n := r.next(c); f != from || n != to {
		r.Fatalf("got a frame from %d to %d, want %d to %d", f, n, from, to)
	}
}

// text reads until the end.
func (r *rig) text(c net.Conn) string {
	r.Helper()
	b, err := io.ReadAll(c)
	if err != nil {
		r.Errorf("read until the end: %v", err)
	}
	return string(b)
}

func (r *rig) eventually(what string, cond func() bool) {
	r.Helper()
	for began := time.Now(); !cond(); time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			r.Fatalf("this did not happen in time: %s", what)
		}
	}
}

// wake has every reader look into the table, which a story changes in place.
func (t *Topic) wake() { t.Publish(*t.table.Load(), false) }
