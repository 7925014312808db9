package fanout

import (
	"net"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/leaktest"
)

// A crowd comes and leaves, twice. The second time takes no more memory than the first.
func TestCrowdThatLeftTakesNoMemory(t *testing.T) {
	const readers, perReader = 1000, 128 // bytes; a reader with its connection takes several times as much
	r := newRig(t, Options{})
	left := int64(0)
	visit := func() (live int64) {
		for range 2 {
			peers := make([]net.Conn, readers)
			for i := range peers {
				var server net.Conn
				server, peers[i] = r.connect()
				if err := r.topic.Join(server, Join{Cursor: r.story.at()}); err != nil {
					t.Fatal(err)
				}
			}
			r.move(100)
			for _, c := range peers {
				r.next(c)
				_ = c.Close()
			}
			left += readers
			r.eventually("all have left", func() bool { return r.speech.count(Left) == left })
		}
		return leaktest.Heap()
	}
	before, after := visit(), visit()
	for late := time.Now().Add(patience); after > before+2*readers*perReader; after = leaktest.Heap() {
		if time.Now().After(late) { // goroutines that end may have to wait for a processor
			t.Fatalf("%d readers that have left take %d bytes", 2*readers, after-before)
		}
	}
	for _, p := range r.topic.parts {
		p.shard.mu.Lock()
		if places := cap(p.places) + cap(p.shard.readers); places > 512 {
			t.Errorf("a shard without readers keeps %d places for them", places)
		}
		p.shard.mu.Unlock()
	}
}
