package fanout

import (
	"net"
	"testing"
	"time"
)

// A topic moves faster than a pass takes. What is due is told nevertheless, and a peer that takes nothing is closed.
func TestTimesAreCheckedUnderOverload(t *testing.T) {
	clock := &clock{}
	r := newRigAt(t, Options{Shards: 1, Stall: 200 * time.Millisecond, Tick: 5 * time.Millisecond}, clock.now)
	r.speech.due = func(rd *Reader) { rd.Answer(r.story.Idle(rd.Cursor())) }
	stalled := r.joinSmall()
	r.eventually("a socket is full", func() (full bool) {
		r.move(64 << 10)
		r.topic.Each(1, func() bool { return true }, func(rd *Reader) { full = rd.Full() })
		return full
	})
	r.story.mu.Lock()
	head := r.story.head
	r.story.hook = r.topic.wake // every pass makes another one
	r.story.mu.Unlock()
	healthy := r.join(Join{Cursor: head})
	held := r.join(Join{Cursor: head, Once: true, Due: clock.now().Add(50 * time.Millisecond)})
	clock.advance(50 * time.Millisecond)
	r.want(held, head, head)
	r.eventually("the peer that takes nothing is closed", func() bool {
		clock.advance(10 * time.Millisecond)
		return r.speech.count(Stalled) == 1
	})
	r.move(10)
	r.want(healthy, head, head+1)
	_ = stalled.Close()
}

// A topic with many readers and one with a single reader share a shard. The single reader does not wait for a whole pass
// over the others.
func TestLongPassDoesNotDelayOtherTopics(t *testing.T) {
	const readers = 4 * batch
	r := newRig(t, Options{Shards: 1})
	var crowd []net.Conn
	for range readers {
		crowd = append(crowd, r.join(Join{}))
	}
	small := &story{}
	topic := r.engine.NewTopic(&r.speech, small, &r.delivered)
	server, client := r.pair()
	if err := topic.Join(server, Join{}); err != nil {
		t.Fatal(err)
	}
	looks, before := 0, 0 // of the large topic, all of them and those before the small one's; in the shard's goroutine
	seen := make(chan struct{})
	small.mu.Lock()
	small.hook = func() {
		if before == 0 {
			before = looks
			close(seen)
		}
	}
	small.head = 1
	small.mu.Unlock()
	r.story.mu.Lock()
	r.story.hook = func() {
		if looks++; looks == 1 {
			topic.wake()
		}
	}
	r.story.mu.Unlock()
	r.move(10)
	for _, c := range crowd {
		r.want(c, 0, 1)
	}
	r.want(client, 0, 1)
	<-seen
	if before > 2 {
		t.Errorf("The small topic had its turn after %d batches of the large one.", before)
	}
}
