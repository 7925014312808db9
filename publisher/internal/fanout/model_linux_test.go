package fanout

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestModel moves a topic at random, while readers read at their own pace, join and leave, and frames are found later. Readers are
// handed over, as to another process. Each reader goes from frame to frame without a gap. All readers that stay reach the end.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	const operations = 1500
	r := newRig(t, Options{Stall: time.Minute, Tick: 5 * time.Millisecond})
	var end atomic.Int64 // the last cursor, once it is known
	var stay, all sync.WaitGroup
	stop := make(chan struct{})
	end.Store(1 << 62)

	follow := func(c net.Conn, at int64, leaves int, pace *rand.Rand, stays bool) {
		defer all.Done()
		if stays {
			defer stay.Done()
		}
		defer c.Close()
		for frames := 0; at < end.Load(); frames++ {
			if !stays && frames >= leaves {
				return
			}
			from, to, err := readFrame(c)
			if err != nil {
				t.Errorf("a reader at %d: %v", at, err)
				return
			}
			if from == to { // a heartbeat
				if from > at {
					t.Errorf("a heartbeat at %d; the reader is at %d", from, at)
				}
				continue
			}
			if from != at || to <= from {
				t.Errorf("a frame from %d to %d; the reader is at %d", from, to, at)
				return
			}
			at = to
			if pace.IntN(4) == 0 {
				time.Sleep(time.Duration(pace.IntN(20)) * time.Millisecond)
			}
		}
	}
	join := func(stays bool) {
		r.story.mu.Lock()
		at := r.story.head - int64(rng.IntN(int(min(r.story.head+1, 20))))
		r.story.mu.Unlock()
		server, client := r.pair()
		_ = client.SetDeadline(time.Now().Add(3 * patience))
		if err := r.topic.Join(server, Join{Cursor: at}); err != nil {
			t.Error(err)
			return
		}
		all.Add(1)
		if stays {
			stay.Add(1)
		}
		go follow(client, at, rng.IntN(10), rand.New(rand.NewPCG(rng.Uint64(), 0)), stays)
	}
	// gives the frames that After did not know
	all.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			r.story.mu.Lock()
			asked := r.story.asked
			r.story.asked = nil
			frames := map[int64]Frame{}
			for cursor := range asked {
				frames[cursor] = r.story.frame(cursor)
			}
			r.story.mu.Unlock()
			for cursor, frame := range frames {
				r.topic.Give(cursor, frame)
			}
		}
	})
	for range 20 {
		join(true)
	}
	full := 0
	for range operations {
		switch n := rng.IntN(100); {
		case n < 60:
			r.move(rng.IntN(2000))
		case n < 65:
			r.move(rng.IntN(1 << 19))
		case n < 75:
			r.story.mu.Lock()
			r.story.floor = r.story.head - int64(rng.IntN(10))
			r.story.mu.Unlock()
			r.topic.wake()
		case n < 80:
			r.topic.Publish(&r.story, true)
		case n < 82:
			join(true)
		case n < 90:
			join(false)
		case n < 92:
			full += r.handOver()
		default:
			time.Sleep(time.Duration(rng.IntN(1000)) * time.Microsecond)
		}
	}
	r.move(10)
	r.story.mu.Lock()
	end.Store(r.story.head)
	r.story.mu.Unlock()
	stay.Wait()
	close(stop)
	t.Logf("%d readers were handed over whose socket was full", full)
	over := make(chan struct{})
	go func() { defer close(over); all.Wait() }()
	for { // readers that are going to leave may wait for a frame
		r.topic.Publish(&r.story, true)
		select {
		case <-over:
			return
		case <-time.After(time.Millisecond):
		}
	}
}
