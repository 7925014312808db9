package publisher

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
)

// runner is the seat of a reader that has a goroutine. The goroutine sleeps until a bell rings that hangs at all its topics.
type runner struct {
	many *Many
	bell chan struct{}
	ctx  context.Context // of lookups
	stop context.CancelFunc
	rung atomic.Bool // the alarm

	mu     sync.Mutex // guards the Many, and what follows
	notice []byte     // to be written before all else
	over   bool
	ended  bool
	why    End
	unset  func() // ends the alarm, see seat.wake; nil if there was none
}

// mostNotices is how many bytes of notices may wait for a reader that takes nothing. If there are more, it is closed.
const mostNotices = 64 << 10

// Begin prepares for [Many.Run], which writes hello, with [Many.Hello] in it, first.
func (m *Many) Begin(hello []byte) {
	g := &runner{many: m, bell: make(chan struct{}, 1), notice: hello}
	g.ctx, g.stop = context.WithCancel(m.streams.feed.work.ctx)
	m.seat = g
	m.begin()
}

// Take takes the requests of a reader that has a goroutine. Begin must have returned.
func (m *Many) Take(requests ...Request) {
	m.seat.do(func() { m.desk.take(requests) })
}

// Run writes what comes, in the caller's goroutine, until the connection ends. It returns why. write must return within
// FeedOptions.Stall. If it fails with a deadline's error, the reader counts as stalled. After EndLeft, no close message can be sent.
// The caller must close the connection, and then m.
func (m *Many) Run(ctx context.Context, write func(b []byte) error) End {
	g := m.seat.(*runner)
	defer g.stop()
	l := &loop{runner: g, write: write}
	end := l.run(ctx)
	if end != EndLeft && l.moved {
		g.mu.Lock()
		last := m.position(nil)
		g.mu.Unlock()
		if len(last) > 0 && l.put(last) != nil {
			return EndLeft
		}
	}
	return end
}

func (g *runner) close() {
	g.stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	if g.unset != nil {
		g.unset()
	}
	for _, s := range g.many.subs {
		s.topic.unhang(g.bell)
	}
	g.many.release()
}

func (g *runner) do(f func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return false
	}
	f()
	return true
}

func (g *runner) send(b []byte) {
	if len(g.notice) > 0 && len(g.notice)+len(b) > mostNotices {
		g.many.streams.stats.SlowClosed.Add(1)
		g.end(EndLeft)
	} else {
		g.notice = append(g.notice, b...)
	}
	ring(g.bell)
}

func (g *runner) follow(s *subscription) {
	s.topic.hang(g.bell)
	ring(g.bell)
}

func (g *runner) leave(s *subscription) { s.topic.unhang(g.bell) }

func (g *runner) cursor(s *subscription) motacilla.Revision { return s.cursor }

func (g *runner) wake(at time.Time) {
	if g.unset != nil {
		g.unset()
	}
	g.unset = g.many.streams.feed.alarms.set(at, func() {
		g.rung.Store(true)
		ring(g.bell)
	})
}

func (g *runner) end(why End) {
	if !g.ended {
		g.ended, g.why = true, why
	}
	ring(g.bell)
}

// look returns what follows a subscription's cursor, as the epoll engine would find it.
func (g *runner) look(s *subscription) (fanout.Frame, fanout.Verdict) {
	if s.over {
		return fanout.Frame{}, fanout.Nothing
	}
	frame, verdict := table{s.topic.channel.state(), s.topic}.After(int64(s.cursor), s.guarded)
	if verdict != fanout.Later {
		s.search = nil
		return frame, verdict
	}
	d := g.found(s)
	switch {
	case d == nil:
		return fanout.Frame{}, fanout.Later
	case s.guarded && d.private:
		return fanout.Frame{}, fanout.Refused
	}
	return s.topic.frame(d), fanout.Ready
}

// found returns what a lookup has found after a subscription's cursor. If there is nothing, it starts a lookup.
func (g *runner) found(s *subscription) *Delta {
	if s.search == nil {
		s.search = &search{}
	}
	at, cursor := s.search, s.cursor
	if d := at.found; d != nil {
		at.found = nil // if it is of no use, the next lookup finds something else
		if d.From == cursor && !d.Heartbeat() {
			return d
		}
	}
	if !at.running {
		at.running = g.many.streams.feed.work.spawn(func() {
			d := s.topic.find(g.ctx, cursor)
			g.mu.Lock()
			defer g.mu.Unlock()
			at.found, at.running = d, false
			ring(g.bell)
		})
	}
	return nil
}

// loop is what a runner's goroutine does.
type loop struct {
	*runner
	write func(b []byte) error
	idle  *time.Timer
	moved bool // has written something that the position does not have
}

// put writes b.
func (l *loop) put(b []byte) error {
	err := l.write(b)
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		l.many.streams.stats.SlowClosed.Add(1)
	}
	if l.idle != nil {
		l.idle.Reset(l.many.streams.feed.options.Heartbeat)
	}
	return err
}

func (l *loop) run(ctx context.Context) End {
	m := l.many
	l.idle = time.NewTimer(m.streams.feed.options.Heartbeat)
	position := time.NewTicker(positionEvery)
	defer l.idle.Stop()
	defer position.Stop()
	for {
		if l.rung.Swap(false) {
			l.mu.Lock()
			m.due()
			l.mu.Unlock()
		}
		if end, over := l.round(ctx); over {
			return end
		}
		var err error
		select {
		case <-l.bell:
		case <-l.idle.C:
			err = l.put(m.wire.heartbeat())
		case <-position.C:
			err = l.position()
		case <-m.streams.drain:
		case <-m.streams.feed.Done():
			return EndDrain
		case <-ctx.Done():
		}
		if err != nil {
			return EndLeft
		}
	}
}

// position sends the position if it has moved.
func (l *loop) position() error {
	if !l.moved {
		return nil
	}
	l.moved = false
	l.mu.Lock()
	b := l.many.position(nil)
	l.mu.Unlock()
	if len(b) == 0 {
		return nil
	}
	return l.put(b)
}

// round writes the notices, and of each channel what is new, once.
func (l *loop) round(ctx context.Context) (end End, over bool) {
	m := l.many
	l.mu.Lock()
	ended, why, notice, subs := l.ended, l.why, l.notice, slices.Clone(m.subs)
	l.notice = nil
	l.mu.Unlock()
	if len(notice) > 0 && l.put(notice) != nil {
		return EndLeft, true
	}
	if ended {
		return why, true
	}
	for _, s := range subs {
		if ctx.Err() != nil {
			return EndLeft, true
		}
		if end, over := m.streams.drained(ctx); over {
			return end, true
		}
		if !l.advance(s) {
			return EndLeft, true
		}
	}
	if ctx.Err() != nil {
		return EndLeft, true
	}
	return m.streams.drained(ctx)
}

// advance writes what follows on one channel. It returns false if the reader is gone.
func (l *loop) advance(s *subscription) bool {
	m := l.many
	l.mu.Lock()
	frame, verdict := l.look(s)
	if verdict == fanout.Refused {
		m.refuse(s)
	}
	l.mu.Unlock()
	if verdict != fanout.Ready {
		return true
	}
	if l.put(frame.Bytes) != nil {
		return false
	}
	m.streams.stats.Deliveries.Add(1)
	l.moved = true
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.over {
		return true
	}
	s.topic.tallies.wrote(s.cursor, motacilla.Revision(frame.Next))
	s.cursor = motacilla.Revision(frame.Next)
	if frame.Last {
		m.drop(s, EndGone)
		m.settle()
	} else {
		ring(l.bell) // a lookup may end before the head
	}
	return true
}
