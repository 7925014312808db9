package fanout

import (
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a clock that stands still unless a test moves it.
type clock struct{ passed atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_700_000_000, c.passed.Load()) }
func (c *clock) advance(d time.Duration) { c.passed.Add(int64(d)) }

// newStoppedRig returns a rig whose times are checked only by checkTimes.
func newStoppedRig(t *testing.T) (*rig, *clock) {
	t.Helper()
	c := &clock{}
	return newRigAt(t, Options{Tick: time.Hour}, c.now), c
}

func (r *rig) checkTimes() {
	for _, s := range r.engine.shards {
		s.checkTimes()
	}
}

// unread returns how much the kernel holds that peers have not taken.
func (r *rig) unread() int { return r.topic.unread() }

func (t *Topic) unread() (n int) {
	t.Each(100, func() bool { return true }, func(r *Reader) {
		left, _ := r.queued()
		n += int(left)
	})
	return n
}

func (r *rig) wantStalled(n int64) {
	r.Helper()
	if got := r.speech.count(Stalled); got != n {
		r.Fatalf("%d readers were closed because they took nothing, want %d", got, n)
	}
}

// latePeers are kinds of connections whose peers leave something in the server's kernel until they read.
var latePeers = map[string]func(r *rig) net.Conn{
	"TCP": (*rig).joinSmall,
	"Unix": func(r *rig) net.Conn {
		r.listenUnix()
		return r.join(Join{})
	},
}

func (r *rig) listenUnix() {
	r.Helper()
	ln, err := net.Listen("unix", filepath.Join(r.TempDir(), "s"))
	if err != nil {
		r.Fatal(err)
	}
	_ = r.listener.Close()
	r.listener = ln
	r.Cleanup(func() { _ = ln.Close() })
}

// moveUnread moves the topic, and waits until a peer has something to take.
func (r *rig) moveUnread() {
	r.Helper()
	r.move(100 << 10)
	r.eventually("a peer has something to take", func() bool { return r.unread() > 0 })
}

// A reader joins an engine that is older than any timeout, and its peer has not read yet when times are checked.
func TestNewReaderIsNotStalled(t *testing.T) {
	for name, join := range latePeers {
		t.Run(name, func(t *testing.T) {
			r, clock := newStoppedRig(t)
			clock.advance(time.Hour)
			c := join(r)
			r.moveUnread()
			r.checkTimes()
			r.wantStalled(0)
			r.want(c, 0, 1)
		})
	}
}

// A reader has had nothing to take for an hour, in which times were not checked. Then it gets a frame.
func TestQuietReaderIsNotStalled(t *testing.T) {
	for name, join := range latePeers {
		t.Run(name, func(t *testing.T) {
			r, clock := newStoppedRig(t)
			c := join(r)
			r.move(10)
			r.want(c, 0, 1)
			r.eventually("the peer has taken everything", func() bool { return r.unread() == 0 })
			r.checkTimes()
			clock.advance(time.Hour)
			r.moveUnread()
			r.checkTimes()
			r.wantStalled(0)
			r.want(c, 1, 2)
		})
	}
}

func TestStalledReaderHasItsTime(t *testing.T) {
	r, clock := newStoppedRig(t)
	r.listenUnix()
	clock.advance(time.Minute)
	stall := r.engine.options.Stall
	r.join(Join{})
	r.moveUnread()
	r.checkTimes()
	clock.advance(stall)
	r.checkTimes()
	r.wantStalled(0)
	clock.advance(time.Millisecond)
	r.checkTimes()
	r.wantStalled(1)
}

// A peer that reads one frame of four is slow, and is not closed. For a Unix socket the kernel says how much memory is
// taken, and that grows faster than what is written.
func TestPeerThatFallsBehindIsNotStalled(t *testing.T) {
	r, clock := newStoppedRig(t)
	r.listenUnix()
	c := r.join(Join{})
	written := int64(0)
	move := func() {
		r.move(10)
		written++
		r.eventually("the frame is written", func() bool {
			return r.delivered.Load() == written || r.speech.count(Stalled) > 0
		})
		r.wantStalled(0)
	}
	move()
	for step := range int64(20) {
		r.checkTimes()
		for range 4 {
			move()
		}
		r.want(c, step, step+1)
		clock.advance(r.engine.options.Stall / 4)
	}
	r.checkTimes()
	r.wantStalled(0)
	clock.advance(2 * r.engine.options.Stall)
	r.checkTimes()
	r.wantStalled(1)
}

// Readers far away get their first frames while times are checked all the time. While a frame is on its way the kernel knows
// that it has not been acknowledged.
func TestReadersFarAwayAreNotStalled(t *testing.T) {
	r, clock := newStoppedRig(t)
	clock.advance(time.Hour)
	hold, release := func() {}, func() {}
	network, err := newTunnel(t)
	if err != nil {
		t.Logf("There is no TUN device (%v). A Unix socket whose peer reads late takes its place.", err)
		r.listenUnix()
	} else {
		_ = r.listener.Close()
		r.listener = network.listen()
		r.dial = network.dial
		hold, release = network.road.Lock, network.road.Unlock
	}
	const readers = 10
	var peers []net.Conn
	for range readers {
		peers = append(peers, r.join(Join{}))
	}
	for step := range int64(3) {
		func() {
			hold()
			defer release()
			r.move(100)
			r.eventually("the frames are written", func() bool { return r.delivered.Load() == readers*(step+1) })
			if r.unread() == 0 {
				t.Error("The kernel sees no latency.")
			}
			r.checkTimes()
		}()
		r.wantStalled(0)
		for _, c := range peers {
			r.want(c, step, step+1)
			r.checkTimes()
		}
		r.wantStalled(0)
		r.eventually("everything is acknowledged", func() bool { return r.unread() == 0 })
		clock.advance(time.Hour)
	}
}
