package fanout

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// second is one more topic of a rig. Its cursors begin at 1000.
type second struct {
	story     story
	delivered atomic.Int64
	topic     *Topic
}

func newSecond(r *rig) *second {
	s := &second{story: story{head: 1000}}
	s.topic = r.engine.NewTopic(&r.speech, &s.story, &s.delivered)
	return s
}

func (s *second) move(size int) {
	s.story.move(size)
	s.topic.wake()
}

// reader returns the only reader of the first topic.
func (r *rig) reader() (found *Reader) {
	r.topic.Each(1, func() bool { return true }, func(reader *Reader) { found = reader })
	return found
}

func (s *second) follow(r *rig, cursor int64) (p *Place) {
	reader := r.reader()
	reader.Do(func() { p = s.topic.Follow(reader, cursor, false) })
	return p
}

func TestReaderFollowsTwoTopics(t *testing.T) {
	r := newRig(t, Options{})
	s := newSecond(r)
	client := r.join(Join{})
	place := s.follow(r, 1000)
	s.move(10)
	r.want(client, 1000, 1001)
	r.move(10)
	r.want(client, 0, 1)
	if n := s.topic.Len(); n != 1 {
		t.Errorf("the second topic has %d places", n)
	}
	place.Reader().Do(place.Leave)
	place.Reader().Do(place.Leave) // does nothing
	s.move(10)
	r.move(10)
	r.want(client, 1, 2)
	if n := s.topic.Len(); n != 0 {
		t.Errorf("the second topic has %d places", n)
	}
	if s.follow(r, 1000); r.speech.count(Left) != 0 {
		t.Error("the reader was closed")
	}
	r.want(client, 1000, 1002)
	_ = client.Close()
	r.eventually("the reader is closed once", func() bool { return r.speech.count(Left) == 1 && s.topic.Len() == 0 })
}

func TestReaderLeavesWhatItJoinedFirst(t *testing.T) {
	r := newRig(t, Options{})
	s := newSecond(r)
	client := r.join(Join{})
	place := s.follow(r, 1000)
	place.Reader().Do(func() { place.Reader().first.Leave() })
	r.move(10)
	s.move(10)
	r.want(client, 1000, 1001)
	_ = client.Close()
	r.eventually("the reader is closed", func() bool { return r.speech.count(Left) == 1 && s.topic.Len() == 0 })
	place.Reader().Do(func() { t.Error("a closed reader was called") })
}

func TestFullSocketGetsTheNewestOfEachTopic(t *testing.T) {
	const much = 8 << 20
	r := newRig(t, Options{})
	s := newSecond(r)
	client := r.join(Join{})
	s.follow(r, 1000)
	r.move(much) // does not fit into the socket
	r.eventually("the socket is full", r.full)
	for range 5 {
		r.move(10)
		s.move(10)
	}
	r.want(client, 0, 1)
	got := map[int64]int64{}
	for range 2 {
		from, to := r.next(client)
		got[from] = to
	}
	if got[1] != 6 || got[1000] != 1005 {
		t.Errorf("after the pause came frames %v, want one from 1 to 6 and one from 1000 to 1005", got)
	}
	_ = client.Close()
	_, _ = io.Copy(io.Discard, client)
}

// A reader whose socket is always full has a turn of each topic after the other, though both move all the time.
func TestFullSocketTakesTurns(t *testing.T) {
	const much = 8 << 20
	r := newRig(t, Options{})
	a, b := newSecond(r), newSecond(r)
	b.story.head = 1 << 20
	client := r.join(Join{})
	if err := client.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil { // the kernel would let it grow beyond a frame
		t.Fatal(err)
	}
	a.follow(r, 1000)
	b.follow(r, 1<<20)
	a.move(much)
	last := false // the last frame was one of b
	for i := range 8 {
		b.move(much)
		a.move(much)
		r.eventually("the socket is full", r.full)
		from, _ := r.next(client)
		ofB := from >= 1<<20
		if i > 0 && ofB == last {
			t.Fatalf("frame %d is of the same topic as the one before", i)
		}
		last = ofB
	}
	_ = client.Close()
	r.eventually("the reader is closed", func() bool { return r.speech.count(Left) == 1 })
}

func TestMovedTellsOfFrames(t *testing.T) {
	r := newRig(t, Options{})
	s := newSecond(r)
	client := r.join(Join{})
	s.follow(r, 1000)
	moved := func() (yes bool) {
		reader := r.reader()
		reader.Do(func() { yes = reader.Moved() })
		return yes
	}
	if moved() {
		t.Error("a reader without frames has moved")
	}
	for _, move := range []func(int){r.move, s.move} {
		move(10)
		r.next(client)
		if !moved() || moved() {
			t.Error("a frame must count once")
		}
	}
	r.topic.Publish(&r.story, true) // a heartbeat is none
	r.next(client)
	if moved() {
		t.Error("a heartbeat counts as a frame")
	}
}
