package fanout

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestTimeoutsUnderOverload has a topic that moves faster than a pass takes, and a quiet topic whose readers ask and wait.
// Readers join at random. Time passes only as fast as the readers that are not stalled read. In the end each peer that took
// nothing is closed, each question was answered when it was due, and no healthy reader was closed.
func TestTimeoutsUnderOverload(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			clock := &clock{}
			o := Options{Shards: 2, Stall: 100 * time.Millisecond, Tick: time.Millisecond}
			m := &overload{rig: newRigAt(t, o, clock.now), clock: clock, join: (*rig).joinSmall}
			if network == "unix" {
				m.listenUnix()
				m.join = func(r *rig) net.Conn { return r.join(Join{Cursor: r.story.at()}) }
			}
			m.run()
		})
	}
}

// overload is one run of TestTimeoutsUnderOverload.
type overload struct {
	*rig
	clock   *clock
	join    func(*rig) net.Conn
	quiet   *Topic
	readers sync.WaitGroup
	healthy []*follower
	asking  []*follower
	stalled int64
	over    atomic.Bool
}

// follower is a reader that reads.
type follower struct {
	at     atomic.Int64 // its cursor
	frames atomic.Int64
}

func (m *overload) run() {
	seed := uint64(time.Now().UnixNano())
	m.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	m.quiet = m.engine.NewTopic(&m.speech, &story{}, &m.delivered)
	m.speech.input = func(rd *Reader, _ []byte) { rd.SetDue(20 * time.Millisecond); rd.Ask(0) }
	m.speech.due = func(rd *Reader) { rd.Answer((&story{}).Idle(rd.Cursor())) }
	m.story.mu.Lock()
	m.story.hook = m.topic.wake // every pass makes another one
	m.story.mu.Unlock()
	for range 3 {
		m.addHealthy()
		m.addAsking()
		m.addStalled()
	}
	for round := 0; round < 50 || !m.done(); round++ {
		if round == 10_000 {
			m.Fatalf("%d of %d peers that took nothing are closed; questions were answered %d times",
				m.speech.count(Stalled), m.stalled, m.answers())
		}
		switch rng.IntN(40) {
		case 0:
			m.addHealthy()
		case 1:
			m.addAsking()
		case 2:
			m.addStalled()
		}
		m.move(4 << 10)
		head := m.story.at()
		m.eventually("every healthy reader has what is new", func() bool {
			for _, f := range m.healthy {
				if f.at.Load() < head {
					return false
				}
			}
			return true
		})
		m.eventually("every reader that asks has taken its answers", func() bool { return m.quiet.unread() == 0 })
		m.clock.advance(5 * time.Millisecond)
	}
	m.over.Store(true)
	m.story.mu.Lock()
	m.story.hook = nil
	m.story.mu.Unlock()
	m.topic.Each(100, func() bool { return true }, (*Reader).Close)
	m.quiet.Each(100, func() bool { return true }, (*Reader).Close)
	m.readers.Wait()
	if n := m.speech.count(Stalled); n != m.stalled {
		m.Errorf("%d readers were closed because they took nothing, want %d", n, m.stalled)
	}
}

// done reports whether all that has to happen has happened.
func (m *overload) done() bool {
	for _, f := range m.asking {
		if f.frames.Load() < 3 {
			return false
		}
	}
	return m.speech.count(Stalled) == m.stalled
}

func (m *overload) answers() (n int64) {
	for _, f := range m.asking {
		n += f.frames.Load()
	}
	return n
}

func (m *overload) addStalled() {
	m.stalled++
	m.join(m.rig)
}

func (m *overload) addHealthy() {
	c, f := m.rig.join(Join{Cursor: m.story.at()}), &follower{}
	m.healthy = append(m.healthy, f)
	m.follow(c, f, nil)
}

func (m *overload) addAsking() {
	server, c := m.pair()
	if err := m.quiet.Join(server, Join{Once: true, Due: m.clock.now().Add(20 * time.Millisecond)}); err != nil {
		m.Fatal(err)
	}
	f := &follower{}
	m.asking = append(m.asking, f)
	m.follow(c, f, []byte("?"))
}

// follow reads frames until the end. After each frame it writes question.
func (m *overload) follow(c net.Conn, f *follower, question []byte) {
	_ = c.SetDeadline(time.Time{}) // the run ends when it has seen enough
	m.readers.Go(func() {
		for {
			_, to, err := readFrame(c)
			if err == nil && question != nil {
				_, err = c.Write(question)
			}
			if err != nil {
				if !m.over.Load() {
					m.Errorf("a healthy reader: %v", err)
				}
				return
			}
			f.at.Store(to)
			f.frames.Add(1)
		}
	})
}
