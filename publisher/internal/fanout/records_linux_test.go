package fanout

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/tlsrecord"
	"github.com/motacilla-live/motacilla/internal/tlsrecord/recordtest"
)

// keyed is a client whose records the test makes itself.
type keyed struct {
	*rig
	net.Conn
	session *tlsrecord.Session
	read    []byte // opened and not read
}

// keyed has such a client join.
func (r *rig) keyed(j Join) *keyed {
	r.Helper()
	listener := tlsrecord.NewListener(r.listener, serverConfig())
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
		if err != nil {
			r.Error(err)
		}
		accepted <- conn
	}()
	c, err := net.Dial("tcp", r.listener.Addr().String())
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	k := &keyed{rig: r, Conn: c, session: recordtest.Client(r, c, recordtest.Trusting(), "?")}
	if err := r.topic.Join(<-accepted, j); err != nil {
		r.Fatal(err)
	}
	return k
}

// Read returns data of the server. It does not change the client's key, even if the server asks for it.
func (k *keyed) Read(b []byte) (int, error) {
	var buffer [1 << 15]byte
	for len(k.read) == 0 {
		data, err := k.session.Next()
		if err != nil {
			return 0, err
		}
		if k.read = data; data != nil {
			break
		}
		k.session.Pause()
		n, err := k.Conn.Read(buffer[:])
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // there was no close_notify
		}
		if n == 0 {
			return 0, err
		}
		k.session.Feed(bytes.Clone(buffer[:n]))
	}
	n := copy(b, k.read)
	k.read = k.read[n:]
	return n, nil
}

// send writes what is already sealed.
func (k *keyed) send(record []byte) {
	k.Helper()
	if _, err := k.Conn.Write(record); err != nil {
		k.Fatal(err)
	}
}

func (k *keyed) wantFrame(from, to int64) {
	k.Helper()
	if f, n, err := readFrame(k); f != from || n != to || err != nil {
		k.Fatalf("got a frame from %d to %d, %v; want %d to %d", f, n, err, from, to)
	}
}

// alert returns the next alert of the server, as an error; nil is a close_notify.
func (k *keyed) alert() error {
	_, err := io.Copy(io.Discard, k)
	return err
}

// A peer changes its key, and asks for a change, whether the socket is full or not.
func TestKeyUpdates(t *testing.T) {
	r := newRig(t, Options{Stall: time.Minute})
	heard := make(chan string, 10)
	r.speech.input = func(_ *Reader, data []byte) { heard <- string(data) }
	c := r.keyed(Join{})
	at := int64(0)
	for i, request := range []bool{false, true, true, false} {
		c.send(c.session.Seal(recordtest.KeyUpdate(t, c.session, nil, request), []byte{byte('a' + i)}))
		if got := <-heard; got != string(rune('a'+i)) {
			t.Fatalf("the server read %q", got)
		}
		before := recordtest.Received(t, c.session)
		r.move(100)
		c.wantFrame(at, at+1)
		if after := recordtest.Received(t, c.session); (after <= before) != request {
			t.Errorf("asked for a new key: %v; there were %d records with the server's key, then %d", request, before, after)
		}
		at++
	}
	full := func() (is bool) {
		r.topic.Each(10, func() bool { return true }, func(rd *Reader) { is = rd.Full() })
		return is
	}
	for !full() {
		before := r.delivered.Load()
		r.move(1 << 20)
		r.eventually("the frame is written or waits", func() bool { return r.delivered.Load() > before || full() })
	}
	c.send(c.session.Seal(recordtest.KeyUpdate(t, c.session, nil, true), []byte("now")))
	if got := <-heard; got != "now" {
		t.Fatalf("the server read %q", got)
	}
	r.move(10)
	for head := r.story.at(); at < head; {
		from, to, err := readFrame(c)
		if from != at || err != nil {
			t.Fatalf("a frame from %d, %v; the reader is at %d", from, err, at)
		}
		at = to
	}
}

// A Unix socket takes a whole record or nothing. A record of which it took nothing is made anew, with what is newest then.
func TestRecordThatIsNotTaken(t *testing.T) {
	r := newRig(t, Options{Stall: time.Minute})
	r.listenUnix()
	r.secure = true
	c := r.join(Join{})
	full := func() (is bool) {
		r.topic.Each(10, func() bool { return true }, func(rd *Reader) { is = rd.Full() })
		return is
	}
	for at := int64(0); r.story.at() < 2000; {
		for before := r.delivered.Load(); !full(); before = r.delivered.Load() {
			r.move(1000)
			r.eventually("the frame is written or waits", func() bool { return r.delivered.Load() > before || full() })
		}
		r.move(1000)
		for head := r.story.at(); at < head; {
			from, to, err := readFrame(c)
			if from != at || err != nil {
				t.Fatalf("a frame from %d, %v; the reader is at %d", from, err, at)
			}
			at = to
		}
	}
}

// The server ends with a close_notify, after its close message. So a reader knows that nothing is missing.
func TestEndsWithCloseNotify(t *testing.T) {
	for name, wait := range map[string]time.Duration{"at once": 0, "and waits for the peer": time.Minute} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Options{})
			c := r.keyed(Join{})
			r.topic.Each(1, func() bool { return true }, func(rd *Reader) { rd.End([]byte("close"), wait) })
			message := make([]byte, 5)
			if _, err := io.ReadFull(c, message); err != nil || string(message) != "close" {
				t.Errorf("the close message is %q, %v", message, err)
			}
			if _, err := c.Read(message); !errors.Is(err, io.EOF) {
				t.Errorf("got %v, want a close_notify", err)
			}
			if _, err := c.Conn.Read(message); !errors.Is(err, io.EOF) {
				t.Errorf("after the close_notify comes more: %v", err)
			}
		})
	}
}

// The peer's close_notify is its end, even if its socket stays open. It is answered.
func TestCloseNotifyIsTheEnd(t *testing.T) {
	r := newRig(t, Options{})
	c := r.keyed(Join{})
	c.send(c.session.AppendAlert(nil, tlsrecord.CloseNotify))
	if err := c.alert(); err != nil {
		t.Errorf("got %v, want a close_notify", err)
	}
	r.eventually("the reader has left", func() bool { return r.speech.count(Left) == 1 })
}

// A peer that breaks a rule is told so, and closed. Another one notices nothing.
func TestFaultsOfPeers(t *testing.T) {
	r := newRig(t, Options{})
	healthy := r.keyed(Join{})
	for name, record := range map[string]func(c *keyed) []byte{
		"a forged record": func(c *keyed) []byte {
			record := c.session.Seal(nil, []byte("hello"))
			record[10] ^= 1
			return record
		},
		"plain text":    func(*keyed) []byte { return []byte("GET / HTTP/1.1\r\n\r\n") },
		"a ClientHello": func(c *keyed) []byte { return recordtest.Seal(c.session, nil, 22, []byte{1, 0, 0, 0}) },
	} {
		t.Run(name, func(t *testing.T) {
			before := r.speech.count(Left)
			c := r.keyed(Join{Cursor: r.story.at()})
			c.send(record(c))
			if err := c.alert(); err == nil || !strings.Contains(err.Error(), "alert") {
				t.Errorf("got %v, want an alert", err)
			}
			r.eventually("the reader has left", func() bool { return r.speech.count(Left) == before+1 })
		})
	}
	at := r.story.at()
	r.move(10)
	healthy.wantFrame(at, at+1)
}

// What comes after the data that a protocol detaches at is not lost: it is opened by the connection that goes on.
func TestDetachInTheMiddleOfRecords(t *testing.T) {
	r := newRig(t, Options{Shards: 1})
	back, heard := make(chan net.Conn, 1), make(chan []byte, 1)
	r.speech.input = func(rd *Reader, data []byte) {
		if rd.Asking() {
			back <- rd.Detach()
			return
		}
		heard <- data
	}
	other := r.keyed(Join{Cursor: r.story.at()})
	c := r.keyed(Join{Once: true, Cursor: r.story.at()})
	wire := c.session.Seal(c.session.Seal(nil, []byte("first")), []byte("second"))
	third := c.session.Seal(nil, []byte(" third"))
	c.send(append(wire, third[:7]...))
	server := <-back
	defer server.Close()
	_ = server.SetDeadline(time.Now().Add(patience))
	other.send(other.session.Seal(nil, make([]byte, 5000))) // into the same memory
	<-heard
	c.send(third[7:])
	got := make([]byte, len("second third"))
	if _, err := io.ReadFull(server, got); err != nil || string(got) != "second third" {
		t.Errorf("got %q, %v", got, err)
	}
	if state := server.(*tlsrecord.Conn).ConnectionState(); state.ServerName != "example.com" {
		t.Errorf("the connection has the state %+v", state)
	}
	go func() { _, _ = server.Write([]byte("answer")) }()
	answer := make([]byte, len("answer"))
	if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "answer" {
		t.Errorf("got %q, %v", answer, err)
	}
	if err := r.topic.Join(server, Join{Cursor: r.story.at()}); err != nil { // and back
		t.Fatal(err)
	}
	at := r.story.at()
	r.move(10)
	c.wantFrame(at, at+1)
}

// What a peer sends before it joins is not lost.
func TestEarlyInput(t *testing.T) {
	r := newRig(t, Options{})
	heard := make(chan string, 10)
	r.speech.input = func(_ *Reader, data []byte) { heard <- string(data) }
	r.secure = true
	server, client := r.pair()
	if _, err := client.Write([]byte("early")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := server.Read(b); err != nil || b[0] != 'e' {
		t.Fatal(err)
	}
	if err := r.topic.Join(server, Join{}); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != "arly" {
		t.Errorf("the server read %q", got)
	}
}

// A connection that can't be taken over is refused.
func TestTLSThatIsNotOurs(t *testing.T) {
	r := newRig(t, Options{})
	server, _ := r.pair()
	if secure := tlsServer(server); Bare(secure) || !errors.Is(r.topic.Join(secure, Join{}), ErrUnsupported) {
		t.Error("a connection of crypto/tls is taken for one of ours")
	}
}
