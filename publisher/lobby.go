package publisher

import (
	"net"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
)

// lobby is the topic without a channel that every connection with several channels joins first. It speaks for the connection:
// input, times, heartbeats, positions, the drain. The channels are topics that the connection follows besides.
type lobby struct {
	*topic
	wire *ManyWire
}

// positionEvery is how often a reader that got something is sent its position. An older position costs a reader that comes back
// some repeats.
const positionEvery = 2 * time.Second

// CanJoin reports whether the epoll engine can write to conn.
func (m *Many) CanJoin(conn net.Conn) bool { return fanout.Bare(conn) && m.streams.HasEngine() }

// Join gives the reader's connection, which was hijacked, to the epoll engine, which writes hello, with [Many.Hello] in it, and
// everything that follows. The caller must not use m or the connection afterwards.
func (m *Many) Join(conn net.Conn, hello []byte) {
	fan, err := m.lobby.engine()
	if err == nil {
		err = fan.Join(conn, fanout.Join{Hello: hello, Due: m.ends, Data: m})
	}
	if err != nil { // the feed is closing
		_ = conn.Close()
		m.Close()
		return
	}
	m.begin()
}

// engine returns the lobby in the epoll engine.
func (l *lobby) engine() (*fanout.Topic, error) {
	if fan := l.fan.Load(); fan != nil {
		return fan, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if fan := l.fan.Load(); fan != nil {
		return fan, nil
	}
	engine := l.streams.feed.engine()
	if engine == nil {
		return nil, fanout.ErrUnsupported
	}
	fan := engine.NewTopic(l, quiet{l.wire.heartbeat()}, &l.streams.stats.Deliveries)
	if !l.streams.feed.work.spawn(func() { l.run(fan) }) {
		return nil, fanout.ErrClosed
	}
	l.fan.Store(fan)
	return fan, nil
}

// quiet is the table of a lobby, which has nothing but heartbeats.
type quiet struct{ beat []byte }

// After is fanout.Table's.
func (quiet) After(int64, bool) (fanout.Frame, fanout.Verdict) { return fanout.Frame{}, fanout.Nothing }

// Wrote is fanout.Table's.
func (quiet) Wrote(int64, int64) {}

// Idle is fanout.Table's.
func (q quiet) Idle(int64) []byte { return q.beat }

func (w *ManyWire) heartbeat() []byte { return w.notice(nil, noticeHeartbeat, true) }

// run sends heartbeats and positions until the last reader has left.
func (l *lobby) run(fan *fanout.Topic) {
	feed, told := l.streams.feed, int64(-1) // how many deliveries there were when all had their position
	beat, position := time.NewTicker(feed.options.Heartbeat), time.NewTicker(positionEvery)
	defer beat.Stop()
	defer position.Stop()
	for {
		select {
		case <-beat.C:
			fan.Publish(quiet{l.wire.heartbeat()}, true)
		case <-position.C:
			if now := l.streams.stats.Deliveries.Load(); now != told && l.wire.Position != nil {
				if told = now; !l.positions(fan) {
					told = -1
				}
			}
		case <-l.over:
			return
		case <-feed.Done():
			return
		}
	}
}

// positions sends each reader that has moved its position. all is false if some could not be sent now.
func (l *lobby) positions(fan *fanout.Topic) (all bool) {
	var position []byte
	all = true
	fan.Each(256, func() bool { return l.streams.feed.work.ctx.Err() == nil }, func(r *fanout.Reader) {
		switch {
		case r.Full():
			all = false
		case r.Moved():
			position = r.Data.(*Many).position(position[:0])
			r.Send(position)
		}
	})
	return all
}

// Joined is fanout.Protocol's.
func (l *lobby) Joined(r *fanout.Reader) {
	r.Data.(*Many).seat = engineSeat{r}
	l.drainLate(r)
}

// Input is fanout.Protocol's.
func (l *lobby) Input(r *fanout.Reader, data []byte) {
	m := r.Data.(*Many)
	if l.wire.Read == nil || r.Ending() || m.seat == nil {
		return
	}
	answer, requests, end := l.wire.Read(m.state, data)
	m.desk.take(requests)
	if end {
		r.End(answer, l.wire.Linger)
		return
	}
	r.Send(answer)
}

// Due is fanout.Protocol's.
func (l *lobby) Due(r *fanout.Reader) { r.Data.(*Many).due() }

func (l *lobby) close(r *fanout.Reader, why End) {
	if !r.Ending() {
		m := r.Data.(*Many)
		r.End(append(m.position(nil), l.wire.closeMessage(why)...), l.wire.Linger)
	}
}

// Closed is fanout.Protocol's.
func (l *lobby) Closed(r *fanout.Reader, why fanout.Reason) {
	if why == fanout.Stalled {
		l.streams.stats.SlowClosed.Add(1)
	}
	r.Data.(*Many).release()
}

// chapter is a channel's topic for connections that follow several.
type chapter struct{ *topic }

// Refused is fanout.Protocol's.
func (c *chapter) Refused(p *fanout.Place) {
	m := p.Reader().Data.(*Many)
	p.Leave()
	m.refuse(m.of(c.topic))
}

// Last is fanout.Protocol's.
func (c *chapter) Last(p *fanout.Place) {
	m := p.Reader().Data.(*Many)
	p.Leave()
	m.drop(m.of(c.topic), EndGone)
	m.settle()
}

// engineSeat is the seat of a reader that the epoll engine has. Its shard's lock guards the Many.
type engineSeat struct{ reader *fanout.Reader }

func (s engineSeat) do(f func()) (done bool) {
	s.reader.Do(func() {
		done = true
		f()
	})
	return done
}

func (s engineSeat) send(b []byte) { s.reader.Send(b) }

func (s engineSeat) follow(sub *subscription) {
	fan, err := sub.topic.engine()
	if err != nil { // the feed is closing
		return
	}
	sub.place = fan.Follow(s.reader, int64(sub.cursor), sub.guarded)
}

func (s engineSeat) leave(sub *subscription) {
	if sub.place != nil {
		sub.place.Leave()
	}
}

func (s engineSeat) cursor(sub *subscription) motacilla.Revision {
	if sub.place == nil {
		return sub.cursor
	}
	return motacilla.Revision(sub.place.Cursor())
}

func (s engineSeat) wake(at time.Time) { s.reader.SetDue(time.Until(at)) }

func (s engineSeat) end(why End) {
	m := s.reader.Data.(*Many)
	m.lobby.close(s.reader, why)
}
