package publisher

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
)

// topic is one channel in one transport: where its readers wait, and where the fan-out gets its frames.
type topic struct {
	streams *Streams
	channel *channel
	readers int // guarded by streams.mu
	speaks  protocol
	fast    atomic.Pointer[fanout.Topic] // nil where nobody has been handed over
	said    atomic.Int64                 // when readers were written to last, or would have been; Unix nanoseconds

	mu      sync.Mutex
	signal  atomic.Pointer[signal] // written under mu
	newest  atomic.Pointer[newest]
	finding map[motacilla.Revision]struct{}
}

// newest is the step that was looked up last, for all in goroutines who are at the same cursor.
type newest struct {
	version uint64 // the channel's
	cursor  motacilla.Revision
	step    *Step
}

// remembered is channel.remembered, without its lock where another reader has just asked the same.
func (t *topic) remembered(cursor motacilla.Revision) *Step {
	version := t.channel.version.Load()
	if n := t.newest.Load(); n != nil && n.version == version && n.cursor == cursor {
		return n.step
	}
	step, _, _ := t.channel.remembered(cursor)
	if step != nil && t.channel.version.Load() == version {
		t.newest.Store(&newest{version, cursor, step})
	}
	return step
}

// signal is what readers in goroutines wait for.
type signal struct {
	wake  chan struct{} // closed when there is something to look at
	beats uint64        // heartbeats so far
}

// protocol is what the readers of a topic on the fast way are spoken to with.
type protocol interface {
	fanout.Protocol
	bye(r *fanout.Reader, why End)
}

func newTopic(s *Streams, c *channel) *topic {
	t := &topic{streams: s, channel: c}
	t.speaks = t
	if s.protocol != nil {
		t.speaks = s.protocol(t)
	}
	t.said.Store(time.Now().UnixNano())
	t.signal.Store(&signal{wake: make(chan struct{})})
	return t
}

// hand gives a connection to the fan-out.
func (t *topic) hand(conn net.Conn, j fanout.Join) error {
	fast := t.fast.Load()
	if fast == nil {
		engine := t.streams.feed.fanOut()
		if engine == nil {
			return fanout.ErrUnsupported
		}
		t.mu.Lock()
		if fast = t.fast.Load(); fast == nil {
			fast = engine.NewTopic(t, t.speaks, &t.streams.stats.Deliveries)
			t.fast.Store(fast)
		}
		t.mu.Unlock()
	}
	err := fast.Join(conn, j)
	if err == nil && t.streams.draining.Load() { // the drain may have gone by
		t.drain(context.Background(), 1, 0)
	}
	return err
}

// moved lets the readers know that the channel has moved. It does not block.
func (t *topic) moved() {
	t.said.Store(time.Now().UnixNano())
	t.tell(false)
}

// beat has readers given a heartbeat where they have had nothing for long.
func (t *topic) beat(silence time.Duration) {
	now := time.Now().UnixNano()
	if now-t.said.Load() < int64(silence) {
		return
	}
	t.said.Store(now)
	t.tell(true)
}

func (t *topic) tell(beat bool) {
	if fast := t.fast.Load(); fast != nil {
		if beat {
			fast.Beat()
		} else {
			fast.Wake()
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.signal.Load()
	next := &signal{make(chan struct{}), before.beats}
	if beat {
		next.beats++
	}
	t.signal.Store(next)
	close(before.wake)
}

// watch returns what is closed when there is something to look at, and how many heartbeats there have been.
func (t *topic) watch() (wake <-chan struct{}, beats uint64) {
	s := t.signal.Load()
	return s.wake, s.beats
}

// After is fanout.Frames'.
func (t *topic) After(cursor int64, guarded bool) (fanout.Frame, fanout.Verdict) {
	step, _, _ := t.channel.remembered(motacilla.Revision(cursor))
	switch {
	case step == nil:
		if guarded && t.channel.isPrivate() {
			return fanout.Frame{}, fanout.Refused
		}
		t.find(motacilla.Revision(cursor))
		return fanout.Frame{}, fanout.Later
	case guarded && step.private:
		return fanout.Frame{}, fanout.Refused
	case step.Heartbeat():
		return fanout.Frame{}, fanout.Nothing
	}
	return t.frame(step), fanout.Ready
}

func (t *topic) frame(step *Step) fanout.Frame {
	return fanout.Frame{
		Bytes: step.Encode(t.streams.wire.Format), Next: int64(step.Revision), Last: step.Gone, Private: step.private,
	}
}

// Idle is fanout.Frames'.
func (t *topic) Idle(cursor int64) []byte {
	return t.idle(motacilla.Revision(cursor)).Encode(t.streams.wire.idle())
}

func (t *topic) idle(cursor motacilla.Revision) *Step {
	if step := t.channel.idle(cursor); step != nil {
		return step
	}
	return t.channel.heartbeat(cursor)
}

// mostFinding is how many cursors are asked of the store at once for one topic's readers.
const mostFinding = 32

// find reads from the store what follows a cursor that memory does not reach back to, and has it given to the readers
// that are there.
func (t *topic) find(cursor motacilla.Revision) {
	f := t.streams.feed
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, under := t.finding[cursor]; under || len(t.finding) >= mostFinding {
		return
	}
	if t.finding == nil {
		t.finding = make(map[motacilla.Revision]struct{})
	}
	t.finding[cursor] = struct{}{}
	f.spawn(func() {
		defer func() {
			t.mu.Lock()
			delete(t.finding, cursor)
			t.mu.Unlock()
			t.fast.Load().Wake() // there may be others that were put off
		}()
		for t.fast.Load().Len() > 0 {
			step, _, err := t.channel.step(f.ctx, cursor)
			if errors.Is(err, motacilla.ErrNotFound) {
				step, err = t.channel.farewell(cursor), nil
			}
			if err == nil {
				if !step.Heartbeat() {
					t.fast.Load().Give(int64(cursor), t.frame(step))
				}
				return
			}
			select {
			case <-time.After(f.options.Repair):
			case <-f.ctx.Done():
				return
			}
		}
	})
}

// seated is what is kept of a reader on the fast way.
type seated struct {
	seat    Seat
	state   any
	expires bool // it is the permission that ends when the reader's time is up
}

// Input is fanout.Protocol's.
func (t *topic) Input(r *fanout.Reader, data []byte) {
	input := t.streams.wire.Input
	if input == nil || r.Ending() {
		return
	}
	answer, end := input(r.Data.(*seated).state, data)
	if end {
		r.End(answer, t.streams.wire.Linger)
		return
	}
	r.Send(answer)
}

// Due is fanout.Protocol's.
func (t *topic) Due(r *fanout.Reader) {
	if r.Data.(*seated).expires {
		t.bye(r, EndForbidden)
		return
	}
	t.bye(r, EndLifetime)
}

// Refused is fanout.Protocol's.
func (t *topic) Refused(r *fanout.Reader) { t.bye(r, EndForbidden) }

// Last is fanout.Protocol's.
func (t *topic) Last(r *fanout.Reader) { t.bye(r, EndGone) }

func (t *topic) bye(r *fanout.Reader, why End) {
	r.End(t.streams.wire.farewell(why), t.streams.wire.Linger)
}

// Closed is fanout.Protocol's.
func (t *topic) Closed(r *fanout.Reader, why fanout.Reason) {
	if why == fanout.Stalled {
		t.streams.stats.SlowClosed.Add(1)
	}
	r.Data.(*seated).seat.Release()
	t.streams.leave(t)
}

// drain sends the readers their farewell. readers is how many there are on all topics, who share the time.
func (t *topic) drain(ctx context.Context, readers int, spread time.Duration) {
	t.tell(false) // those who wait in a goroutine see to it themselves
	fast := t.fast.Load()
	if fast == nil {
		return
	}
	const batch = 50
	pause := spread * batch / time.Duration(max(readers, 1))
	fast.Each(batch, func() bool {
		if pause <= 0 {
			return ctx.Err() == nil
		}
		select {
		case <-time.After(pause):
			return true
		case <-ctx.Done():
			return false
		}
	}, func(r *fanout.Reader) { t.speaks.bye(r, EndDrain) })
}

// cut closes what the farewell did not.
func (t *topic) cut() {
	t.tell(false)
	if fast := t.fast.Load(); fast != nil {
		fast.Each(1<<30, func() bool { return true }, func(r *fanout.Reader) { r.Close() })
	}
}
