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

// topic is a channel in one form of a transport. It hands each state of the channel to the epoll engine. Readers that have a goroutine
// wait for states themselves.
type topic struct {
	streams *Streams
	channel *channel
	wire    *Wire
	readers int           // guarded by streams.mu
	over    chan struct{} // closed when the last reader has left
	speaks  protocol
	part    bool  // its readers follow several channels: the lobby has the connection
	bells   bells // of readers that have a goroutine and follow several channels
	tallies *tallies

	mu  sync.Mutex                   // held while fan is made
	fan atomic.Pointer[fanout.Topic] // nil as long as the epoll engine has no reader of the topic
}

// protocol is what the epoll engine's readers are spoken to with.
type protocol interface {
	fanout.Protocol
	close(r *fanout.Reader, why End)
	revoked(r *fanout.Reader) // the permission of a reader of one channel was revoked
	// handOver takes the reader out of the engine; nil if it must stay.
	handOver(r *fanout.Reader) (*handed, net.Conn)
}

// newTopic returns a topic without readers. If speaks is nil, the topic is its own protocol.
func newTopic(s *Streams, c *channel, w *Wire, speaks func(t *topic) protocol) *topic {
	t := &topic{streams: s, channel: c, wire: w, over: make(chan struct{})}
	if c != nil {
		t.tallies = c.tally(s.wire.Name)
	}
	t.speaks = t
	if speaks != nil {
		t.speaks = speaks(t)
	}
	return t
}

// engine returns the topic in the epoll engine, where it begins with the first reader.
func (t *topic) engine() (*fanout.Topic, error) {
	if fan := t.fan.Load(); fan != nil {
		return fan, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if fan := t.fan.Load(); fan != nil {
		return fan, nil
	}
	engine := t.streams.feed.engine()
	if engine == nil {
		return nil, fanout.ErrUnsupported
	}
	s := t.channel.state()
	fan := engine.NewTopic(t.speaks, table{s, t}, &t.streams.stats.Deliveries)
	if !t.streams.feed.work.spawn(func() { t.follow(fan, s) }) {
		return nil, fanout.ErrClosed
	}
	t.fan.Store(fan)
	return fan, nil
}

// mostFinding is how many cursors are looked up at a time for one topic.
const mostFinding = 32

// found is what was looked up for the readers at a cursor; no delta if the feed was closed.
type found struct {
	cursor motacilla.Revision
	delta  *Delta
}

// follow gives the epoll engine each state that comes after s, and what its readers miss in them.
func (t *topic) follow(fan *fanout.Topic, s *state) {
	finding := make(map[motacilla.Revision]bool)
	results := make(chan found, mostFinding)
	for {
		select {
		case <-s.moved:
			s = t.publish(fan, s)
		case missed := <-fan.Missed():
			cursor := motacilla.Revision(missed)
			if len(finding) < mostFinding && !finding[cursor] {
				finding[cursor] = t.streams.feed.work.spawn(func() {
					results <- found{cursor, t.find(t.streams.feed.work.ctx, cursor)}
				})
			}
		case r := <-results:
			delete(finding, r.cursor)
			if r.delta != nil && !r.delta.Heartbeat() {
				fan.Give(int64(r.cursor), t.frame(r.delta))
			}
			// The lookup may have made the log reach back to other cursors that are missed. Those that did not fit into
			// finding are missed again.
			s = t.publish(fan, s)
		case <-t.over:
			return
		case <-t.streams.feed.Done():
			return
		}
	}
}

// publish gives the epoll engine the newest state, and returns it. s is the state that the engine has.
func (t *topic) publish(fan *fanout.Topic, s *state) *state {
	next := t.channel.state()
	fan.Publish(table{next, t}, next.beats != s.beats)
	return next
}

// find returns the delta from a cursor that a state does not reach. It tries until the store answers, or nobody waits, or ctx
// ends.
func (t *topic) find(ctx context.Context, cursor motacilla.Revision) *Delta {
	f := t.streams.feed
	for {
		d, err := t.channel.delta(ctx, cursor)
		switch {
		case err == nil:
			return d
		case errors.Is(err, motacilla.ErrNotFound):
			return t.channel.gone(cursor)
		}
		select {
		case <-time.After(f.options.Repair):
		case <-t.over:
			return nil
		case <-ctx.Done():
			return nil
		case <-f.Done():
			return nil
		}
	}
}

// table is a state as the epoll engine reads it: frames in the format of the topic's transport.
type table struct {
	state *state
	topic *topic
}

// After is fanout.Table's.
func (t table) After(cursor int64, guarded bool) (fanout.Frame, fanout.Verdict) {
	d, look := t.state.delta(motacilla.Revision(cursor))
	if s := t.state.snapshot; d == nil && !look && s != nil && s.Revision >= t.state.head() {
		d = s.from(motacilla.Revision(cursor))
	}
	switch {
	case guarded && (d == nil && t.state.private() || d != nil && d.private):
		return fanout.Frame{}, fanout.Refused
	case d == nil:
		return fanout.Frame{}, fanout.Later
	case d.Heartbeat():
		return fanout.Frame{}, fanout.Nothing
	}
	return t.topic.frame(d), fanout.Ready
}

// Wrote is fanout.Table's.
func (t table) Wrote(from, to int64) {
	t.topic.tallies.wrote(motacilla.Revision(from), motacilla.Revision(to))
}

// Idle is fanout.Table's. A reader of several channels has heartbeats from its lobby.
func (t table) Idle(cursor int64) []byte {
	if t.topic.part {
		return nil
	}
	return t.topic.idle(cursor)
}

func (t *topic) frame(d *Delta) fanout.Frame {
	return fanout.Frame{
		Bytes: t.wire.Encode(d), Next: int64(d.Revision), Last: d.Gone, Private: d.private,
	}
}

// idle returns a heartbeat.
func (t *topic) idle(cursor int64) []byte {
	return t.channel.heartbeat(motacilla.Revision(cursor)).Encode(t.wire.idle())
}

// member is what is kept of a reader that the epoll engine has.
type member struct {
	slot    Slot
	state   any
	expires bool   // the reader's time is its permission's
	watch   *watch // nil if the permission can't be revoked
}

// Joined is fanout.Protocol's.
func (t *topic) Joined(r *fanout.Reader) {
	t.drainLate(r)
	w := r.Data.(*member).watch
	switch {
	case w == nil || r.Ending():
	case w.holder.Revoked():
		t.speaks.revoked(r)
	default:
		w.begin(func() { r.Do(func() { t.speaks.revoked(r) }) })
	}
}

// drainLate ends a reader that a drain may have passed already when it joined.
func (t *topic) drainLate(r *fanout.Reader) {
	if t.streams.draining.Load() {
		t.speaks.close(r, EndDrain)
	}
}

func (t *topic) revoked(r *fanout.Reader) { t.close(r, EndForbidden) }

// Input is fanout.Protocol's.
func (t *topic) Input(r *fanout.Reader, data []byte) {
	input := t.wire.Input
	if input == nil || r.Ending() {
		return
	}
	answer, end := input(r.Data.(*member).state, data)
	if end {
		r.End(answer, t.wire.Linger)
		return
	}
	r.Send(answer)
}

// Due is fanout.Protocol's.
func (t *topic) Due(r *fanout.Reader) {
	if r.Data.(*member).expires {
		t.close(r, EndForbidden)
		return
	}
	t.close(r, EndLifetime)
}

// Refused is fanout.Protocol's.
func (t *topic) Refused(p *fanout.Place) { t.close(p.Reader(), EndForbidden) }

// Last is fanout.Protocol's.
func (t *topic) Last(p *fanout.Place) { t.close(p.Reader(), EndGone) }

func (t *topic) close(r *fanout.Reader, why End) {
	r.End(t.wire.closeMessage(why), t.wire.Linger)
}

// Closed is fanout.Protocol's.
func (t *topic) Closed(r *fanout.Reader, why fanout.Reason) {
	if why == fanout.Stalled {
		t.streams.stats.SlowClosed.Add(1)
	}
	m := r.Data.(*member)
	m.watch.end()
	m.slot.Release()
	t.streams.leave(t)
}

// drain sends the epoll engine's readers their close message. readers is how many there are on all topics, which share the time
// of spread.
func (t *topic) drain(ctx context.Context, readers int, spread time.Duration) {
	fan := t.fan.Load()
	if fan == nil {
		return
	}
	const batch = 50
	pause := spread * batch / time.Duration(max(readers, 1))
	fan.Each(batch, func() bool {
		if pause <= 0 {
			return ctx.Err() == nil
		}
		select {
		case <-time.After(pause):
			return true
		case <-ctx.Done():
			return false
		}
	}, func(r *fanout.Reader) { t.speaks.close(r, EndDrain) })
}

// cut closes the readers that the drain has left.
func (t *topic) cut() {
	if fan := t.fan.Load(); fan != nil {
		fan.Each(1<<30, func() bool { return true }, func(r *fanout.Reader) { r.Close() })
	}
}
