package fanout

import (
	"encoding/json"
	"net"
	"testing"
	"time"
)

// handOver hands all readers over, to the same topic, and returns how many had a full socket.
func (r *rig) handOver() (full int) {
	type moved struct {
		state  []byte
		socket net.Conn
		data   any
	}
	var all []moved
	r.topic.Each(1<<30, func() bool { return true }, func(reader *Reader) {
		data := reader.Data
		h, socket, ok := reader.HandOver()
		if !ok {
			return
		}
		if h.Full {
			full++
		}
		state, err := json.Marshal(h)
		if err != nil {
			r.Fatal(err)
		}
		all = append(all, moved{state, socket, data})
	})
	for _, m := range all {
		var h Handed
		if err := json.Unmarshal(m.state, &h); err != nil {
			r.Fatal(err)
		}
		if err := r.topic.Resume(m.socket, &h, m.data); err != nil {
			r.Fatal(err)
		}
	}
	return full
}

// A reader whose socket is full is handed over in the middle of a frame, and gets the rest of it, then what the protocol had to
// say, then what is new.
func TestFullSocketIsHandedOver(t *testing.T) {
	r := newRig(t, Options{Stall: time.Minute, Tick: 5 * time.Millisecond})
	c := r.join(Join{})
	const size = mostOwed // more than a socket takes
	r.move(size)
	r.eventually("the socket is full", func() (full bool) {
		r.topic.Each(1, func() bool { return true }, func(reader *Reader) { full = reader.Full() })
		return full
	})
	r.topic.Each(1, func() bool { return true }, func(reader *Reader) { reader.Send((&story{}).Idle(7)) })
	r.move(10)
	for range 3 {
		if n := r.handOver(); n != 1 {
			t.Fatalf("%d readers with a full socket were handed over, want 1", n)
		}
	}
	r.want(c, 0, 1)
	r.want(c, 7, 7)
	r.want(c, 1, 2)
	r.handOver()
	r.move(10)
	r.want(c, 2, 3)
}

// What a reader is due, and for how long its peer has taken nothing, passes to the other engine.
func TestTimesAreHandedOver(t *testing.T) {
	r := newRig(t, Options{Stall: 2 * time.Second, Tick: 5 * time.Millisecond})
	due := make(chan struct{}, 1)
	r.speech.due = func(*Reader) { due <- struct{}{} }
	stop := make(chan struct{})
	stopped := make(chan struct{})
	c := r.join(Join{Due: time.Now().Add(300 * time.Millisecond)})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				r.handOver()
			}
		}
	}()
	defer func() {
		close(stop)
		<-stopped
	}()
	select {
	case <-due:
	case <-time.After(patience):
		t.Error("Due was not called")
	}
	r.move(mostOwed)
	r.eventually("the stalled reader is closed", func() bool { return r.speech.count(Stalled) == 1 })
	_ = c
}

// Some readers must stay: those that end, those that ask, and those that lack too much.
func TestReadersThatStay(t *testing.T) {
	r := newRig(t, Options{Stall: time.Hour})
	behind := r.join(Join{})
	r.move(2 * mostOwed)
	r.eventually("the socket is full", func() (full bool) {
		r.topic.Each(1, func() bool { return true }, func(reader *Reader) { full = reader.Full() })
		return full
	})
	defer behind.Close()
	r.join(Join{Once: true, Cursor: 1})
	ending := r.join(Join{Cursor: 1})
	r.topic.Each(1, func() bool { return true }, func(reader *Reader) {
		if reader.flags&once == 0 && !reader.Full() {
			reader.End(nil, patience)
		}
	})
	r.topic.Each(1, func() bool { return true }, func(reader *Reader) {
		if _, _, ok := reader.HandOver(); ok {
			t.Error("a reader that must stay was handed over")
		}
	})
	_ = ending.Close()
}
