package fanout

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestEveryReaderGetsEveryFrame(t *testing.T) {
	r := newRig(t, Options{})
	var readers []net.Conn
	for range 600 { // more than one batch in a shard
		readers = append(readers, r.join(Join{}))
	}
	for step := range int64(5) {
		r.move(300)
		for _, c := range readers {
			r.want(c, step, step+1)
		}
	}
	if n := r.delivered.Load(); n != 5*600 {
		t.Errorf("%d frames were counted, want %d", n, 5*600)
	}
}

func TestReaderThatJoinsGetsHelloAndWhatIsNew(t *testing.T) {
	r := newRig(t, Options{})
	r.move(10)
	r.move(10)
	c := r.join(Join{Cursor: 1, Hello: []byte("hello")})
	hello := make([]byte, 5)
	if _, err := io.ReadFull(c, hello); err != nil || string(hello) != "hello" {
		t.Fatalf("hello is %q, %v", hello, err)
	}
	r.want(c, 1, 2)
}

// A reader takes nothing while much is written. Then it gets the rest of the frame that was begun, and all that it lacks
// as one frame.
func TestSlowReaderGetsOneFrame(t *testing.T) {
	r := newRig(t, Options{Stall: time.Minute})
	slow, healthy := r.join(Join{}), r.join(Join{})
	const steps = 60
	for step := range int64(steps) {
		r.move(1 << 20)
		r.want(healthy, step, step+1)
	}
	frames := 0
	for at := int64(0); at < steps; frames++ {
		from, to := r.next(slow)
		if from != at || to <= from {
			t.Fatalf("frame %d goes from %d to %d; the reader is at %d", frames, from, to, at)
		}
		at = to
	}
	if frames > steps/2 {
		t.Errorf("a reader that took nothing got %d frames of %d steps", frames, steps)
	}
	r.move(10)
	r.want(slow, steps, steps+1)
}

func TestStalledReaderIsClosed(t *testing.T) {
	r := newRig(t, Options{Stall: 200 * time.Millisecond, Tick: 10 * time.Millisecond})
	stalled := r.join(Join{})
	r.eventually("the socket is full, and closed", func() bool {
		r.move(1 << 20)
		return r.speech.count(Stalled) == 1
	})
	if n := r.topic.Len(); n != 0 {
		t.Errorf("%d readers are left", n)
	}
	_, _ = io.Copy(io.Discard, stalled)
}

func TestReaderGetsAFrameThatIsFoundLater(t *testing.T) {
	r := newRig(t, Options{})
	r.forget()
	late, there := r.join(Join{Cursor: 0}), r.join(Join{Cursor: 2})
	r.topic.wake()
	r.topic.Publish(&r.story, true)
	r.want(there, 2, 2)
	r.want(late, 0, 0) // a heartbeat
	r.story.mu.Lock()
	frame := r.story.frame(0)
	r.story.mu.Unlock()
	r.topic.Give(0, frame)
	r.want(late, 0, 2)
	r.move(10)
	r.want(late, 2, 3)
	r.want(there, 2, 3)
}

func TestReaderIsClosedAfterTheLastFrame(t *testing.T) {
	r := newRig(t, Options{})
	c := r.join(Join{})
	r.story.mu.Lock()
	r.story.last = true
	r.story.mu.Unlock()
	r.move(10)
	r.want(c, 0, 1)
	if got := r.text(c); got != "close" {
		t.Errorf("the close message is %q", got)
	}
	r.eventually("the reader counts as ended", func() bool { return r.speech.count(Ended) == 1 })
}

func TestQuestionsAndAnswers(t *testing.T) {
	r := newRig(t, Options{Tick: 5 * time.Millisecond})
	r.speech.input = func(rd *Reader, data []byte) {
		rd.SetDue(time.Hour)
		rd.Ask(int64(data[0] - '0'))
	}
	r.speech.due = func(rd *Reader) {
		if rd.Asking() {
			rd.Answer(r.story.Idle(rd.Cursor()))
		}
	}
	c := r.join(Join{Once: true})
	r.move(10)
	r.want(c, 0, 1)
	r.move(10) // the reader has not asked
	r.topic.Publish(&r.story, true)
	if _, err := c.Write([]byte("1")); err != nil {
		t.Fatal(err)
	}
	r.want(c, 1, 2)
	if _, err := c.Write([]byte("2")); err != nil {
		t.Fatal(err)
	}
	r.topic.Each(10, func() bool { return true }, func(rd *Reader) { rd.SetDue(time.Millisecond) })
	r.eventually("the question is answered", func() bool {
		r.topic.Each(10, func() bool { return true }, func(rd *Reader) {
			if rd.Asking() {
				rd.SetDue(time.Millisecond)
			}
		})
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		from, to, err := readFrame(c)
		return err == nil && from == 2 && to == 2
	})
}

func TestInputComesInOrderUntilTheEnd(t *testing.T) {
	r := newRig(t, Options{})
	var mu sync.Mutex
	var heard bytes.Buffer
	r.speech.input = func(_ *Reader, data []byte) {
		mu.Lock()
		defer mu.Unlock()
		heard.Write(data)
	}
	c := r.join(Join{})
	said := make([]byte, 1<<20)
	for i := range said {
		said[i] = byte(i * i >> 8)
	}
	if _, err := c.Write(said); err != nil {
		t.Fatal(err)
	}
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil { // data and end in one event
		t.Fatal(err)
	}
	r.eventually("the end is noticed", func() bool { return r.speech.count(Left) == 1 })
	mu.Lock()
	defer mu.Unlock()
	if !bytes.Equal(heard.Bytes(), said) {
		t.Errorf("Input got %d bytes of %d", heard.Len(), len(said))
	}
}

// The protocol sends bytes of its own while the socket is full. They come between frames. If they are too many, the reader
// is closed.
func TestProtocolSendsBetweenFrames(t *testing.T) {
	r := newRig(t, Options{Stall: time.Minute})
	c := r.join(Join{})
	full := func() (is bool) {
		r.topic.Each(10, func() bool { return true }, func(rd *Reader) { is = rd.Full() })
		return is
	}
	steps := int64(0)
	for ; !full(); steps++ {
		r.move(1 << 20)
		r.eventually("the frame is written or waits", func() bool { return r.delivered.Load() > steps || full() })
	}
	say := func(b []byte) {
		r.topic.Each(10, func() bool { return true }, func(rd *Reader) { rd.Send(b) })
	}
	say(r.story.Idle(77))
	r.move(10)
	seen := false
	for at := int64(0); at <= steps; {
		from, to := r.next(c)
		switch {
		case from == 77 && to == 77:
			seen = true
		case from != at:
			t.Fatalf("a frame from %d; the reader is at %d", from, at)
		default:
			at = to
		}
	}
	if !seen {
		t.Error("what the protocol sent is lost")
	}
	for before := r.delivered.Load(); !full(); before = r.delivered.Load() {
		r.move(1 << 20)
		r.eventually("the frame is written or waits", func() bool { return r.delivered.Load() > before || full() })
	}
	r.eventually("the reader is closed", func() bool { // the kernel may take some more of the frame
		say(make([]byte, mostControl/2+1))
		return r.speech.count(Stalled) == 1
	})
}

func TestCloseMessageWaitsForThePeer(t *testing.T) {
	r, clock := newStoppedRig(t)
	var heard atomic.Int64
	r.speech.input = func(_ *Reader, data []byte) { heard.Add(int64(len(data))) }
	polite, rude := r.join(Join{}), r.join(Join{})
	r.topic.Each(1, func() bool { return true }, func(rd *Reader) { rd.End([]byte("close"), time.Second/2) })
	r.move(10) // for no reader
	if got := r.text(polite); got != "close" {
		t.Errorf("the close message is %q", got)
	}
	if _, err := polite.Write([]byte("close")); err != nil {
		t.Fatal(err)
	}
	_ = polite.Close()
	r.eventually("the polite one has left", func() bool { return r.speech.count(Left) == 1 })
	r.checkTimes()
	if n := r.speech.count(Ended); n != 0 {
		t.Error("the rude one was closed before its time was up")
	}
	clock.advance(time.Second)
	r.checkTimes()
	if n := r.speech.count(Ended); n != 1 {
		t.Error("the rude one was not closed when its time was up")
	}
	if heard.Load() != int64(len("close")) {
		t.Errorf("after the close message Input got %d bytes, want 5", heard.Load())
	}
	_ = r.text(rude)
}

func TestDetach(t *testing.T) {
	r := newRig(t, Options{})
	back := make(chan net.Conn, 1)
	r.speech.input = func(rd *Reader, _ []byte) { back <- rd.Detach() }
	c := r.join(Join{})
	if _, err := c.Write([]byte("?")); err != nil {
		t.Fatal(err)
	}
	server := <-back
	defer server.Close()
	r.move(10) // for no reader
	go func() { _, _ = io.Copy(server, server) }()
	if _, err := c.Write([]byte("echo")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "echo" {
		t.Errorf("the connection returns %q, %v", b, err)
	}
	if r.speech.count(Detached) != 1 || r.topic.Len() != 0 {
		t.Error("the reader is still in the topic")
	}
}
