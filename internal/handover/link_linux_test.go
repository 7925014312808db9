package handover

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// links returns both ends of a pair.
func links(t testing.TB) (a, b *link) {
	t.Helper()
	a, f, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if b, err = newLink(fd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.close()
		b.close()
	})
	return a, b
}

// TestParcels: what is sent comes, whatever its size, with its file.
func TestParcels(t *testing.T) {
	a, b := links(t)
	ours, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	sizes := []int{0, 1, maxPacket - 100, 3 * maxPacket / 4, maxPacket, 1 << 20}
	sent := make(chan error, 1)
	go func() {
		var err error
		for _, n := range sizes {
			err = errors.Join(err, a.send(t.Context(), connection, Of{"sse", bytes.Repeat([]byte{'x'}, n)}, theirs))
		}
		theirs.Close()
		sent <- err
	}()
	for _, n := range sizes {
		p, err := b.receive(t.Context(), connection)
		if err != nil {
			t.Fatal(err)
		}
		var of Of
		if err := p.into(&of); err != nil || of.Publisher != "sse" || len(of.State) != n {
			t.Errorf("got %d bytes of %q, %v, want %d", len(of.State), of.Publisher, err, n)
		}
		if _, err := p.file.WriteString("."); err != nil {
			t.Error(err)
		}
		p.drop()
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if text, err := io.ReadAll(ours); err != nil || len(text) != len(sizes) {
		t.Errorf("got %q by the files, %v", text, err)
	}
	if err := a.send(t.Context(), connection, Of{State: make([]byte, maxParcel)}, nil); err == nil || !strings.Contains(err.Error(), "expected at most") {
		t.Errorf("error is %v", err)
	}
	if err := errors.Join(a.send(t.Context(), last, nil, nil), a.send(t.Context(), last, nil, nil)); err != nil { // the link still works
		t.Error(err)
	}
}

// TestSocketStaysNonblocking: the file of a socket is shared with the other process. If it became blocking for a moment, an accept
// could hang there for ever.
func TestSocketStaysNonblocking(t *testing.T) {
	a, b := links(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := a.send(t.Context(), listener, Place{"x", "y"}, ln.(*net.TCPListener)); err != nil {
		t.Fatal(err)
	}
	p, err := b.receive(t.Context(), listener)
	if err != nil {
		t.Fatal(err)
	}
	s := &Successor{link: b, listeners: map[Place]net.Listener{}, modes: map[Place]fs.FileMode{}, gone: true}
	if err := s.keep(p); err != nil {
		t.Fatal(err)
	}
	raw, err := ln.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var flags int
	if err := raw.Control(func(fd uintptr) { flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0) }); err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("flags are %x, %v", flags, err)
	}
	ln.Close()
	conn, err := net.Dial("tcp", ln.Addr().String()) // the other process has it
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := s.Ready(); err != nil { // nobody has asked for it
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("error is %v", err)
	}
}

// TestReadyWaits: a new process must not accept before the old one has paused.
func TestReadyWaits(t *testing.T) {
	a, b := links(t)
	s := &Successor{link: b, limits: standard()}
	if err := a.send(t.Context(), last, nil, nil); err != nil { // anything else
		t.Fatal(err)
	}
	if err := s.Ready(); err == nil || !strings.Contains(err.Error(), `expected one of ["paused"]`) {
		t.Errorf("error is %v", err)
	}
	if _, err := a.receive(t.Context(), ready); err != nil {
		t.Error(err)
	}
}

// TestEndOfALink: what was sent before the other end closed still comes. An end that waits notices.
func TestEndOfALink(t *testing.T) {
	a, b := links(t)
	if err := errors.Join(a.send(t.Context(), last, nil, nil), b.send(t.Context(), taken, nil, nil)); err != nil {
		t.Fatal(err)
	}
	a.close() // with an unread parcel, which makes an error of its own
	if _, err := b.receive(t.Context(), last); err != nil {
		t.Error(err)
	}
	if _, err := b.receive(t.Context(), last); !errors.Is(err, errGone) {
		t.Errorf("error is %v, want errGone", err)
	}
	if err := b.send(t.Context(), taken, nil, nil); !errors.Is(err, errGone) {
		t.Errorf("error is %v, want errGone", err)
	}
	c, d := links(t)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := c.receive(ctx, last); !errors.Is(err, why) {
		t.Errorf("error is %v", err)
	}
	state := Of{State: make([]byte, 4<<20)} // more than the buffer holds, and nobody reads
	if err := d.send(ctx, connection, state, nil); !errors.Is(err, why) {
		t.Errorf("error is %v", err)
	}
}

// message is a parcel as bytes, whatever its length claims.
func message(length uint64, text string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, length), text...)
}

// TestMalformedParcels: each is an error that says what was expected.
func TestMalformedParcels(t *testing.T) {
	whole := func(text string) [][]byte { return [][]byte{message(uint64(len(text)), text)} }
	for want, packets := range map[string][][]byte{
		"at least 8":                 {[]byte("x")},
		"length is 0":                {message(0, "")},
		"expected 1 to":              {message(1<<63, "{}")},
		"length is 8388609":          {message(maxParcel+1, "{}")},
		"length is 2, but 3":         {message(2, "{}x")},
		"length is 4, but 6":         {message(4, "{}"), []byte("xxxx")},
		"not the JSON":               whole("secret"),
		"kind is missing":            whole("{}"),
		`kind is "last", expected`:   whole(`{"kind":"last"}`),
		"has another form":           whole(`{"kind":"taken","state":7}`),
		"more than 32768 bytes":      {message(1<<20, strings.Repeat("x", maxPacket))},
		"the other process has ende": {message(4, "{}")},
	} {
		a, b := links(t)
		for _, p := range packets {
			if _, err := a.conn.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		a.close()
		p, err := b.receive(t.Context(), taken)
		if err == nil {
			err = p.into(&Count{})
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

// TestUnknownFields: a newer release may send more.
func TestUnknownFields(t *testing.T) {
	a, b := links(t)
	text := `{"kind":"taken","new":{"x":[1]},"state":{"pid":1,"taken":2,"more":3}}`
	if _, err := a.conn.Write(message(uint64(len(text)), text)); err != nil {
		t.Fatal(err)
	}
	p, err := b.receive(t.Context(), taken)
	var c Count
	if err = errors.Join(err, p.into(&c)); err != nil || c.Taken != 2 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestVersions(t *testing.T) {
	for theirs, works := range map[int]bool{-1: false, 0: false, 2: false, 3: true, 4: true, 5: true, 6: false} {
		if err := (hello{Version: theirs}).speaks(4); (err == nil) != works {
			t.Errorf("version %d: %v", theirs, err)
		}
	}
	if err := (hello{}).speaks(1); err == nil {
		t.Error("a greeting without a version is accepted")
	}
}

// TestInheritedIsUnset: what is no handover is an error, and children do not see it.
func TestInheritedIsUnset(t *testing.T) {
	for _, text := range []string{"", "x", "-1", "2", "99999"} {
		t.Setenv(variable, text)
		if s, err := Inherited("test"); err == nil || s != nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%q: got %v, %v", text, s, err)
		}
		if _, ok := os.LookupEnv(variable); ok {
			t.Errorf("%s is still there", variable)
		}
	}
	s, err := Inherited("test")
	if s != nil || err != nil {
		t.Errorf("got %v, %v", s, err)
	}
	ln, ok := s.Listener("x", "y")
	count, takeErr := s.Take(t.Context(), nil)
	if err := errors.Join(s.Ready(), takeErr); ln != nil || ok || err != nil || count.PID != os.Getpid() {
		t.Errorf("a process that was started otherwise has %v, %+v, %v", ln, count, err)
	}
	s.Close()
}
