package fanout

import (
	"math"
	"runtime"
	"time"
)

// batch is how many readers of a part are written to in a row. Between batches the lock is free for joins and input,
// other topics have their turn, and times are looked at.
const batch = 256

// part is a topic's places in one shard.
type part struct {
	topic  *Topic
	shard  *shard
	places []*Place // guarded by shard.mu

	state  state  // guarded by shard.queueMu
	orders orders // of the next pass; guarded by shard.queueMu

	// Of the pass under way. They belong to the goroutine that writes.
	current orders
	left    int // places[:left] have not been written to
}

// state says what a part has to do with its shard's queue.
type state uint8

const (
	noPass    state = iota
	inQueue         // waits for a pass
	inPass          // a pass is under way
	passAgain       // a pass is under way, and another one has to follow
)

// orders are what a pass does beyond writing what is new.
type orders struct {
	beat  bool
	given []given
}

// given is a frame of Topic.Give.
type given struct {
	cursor int64
	frame  Frame
}

// enqueue has a pass over p follow. It takes no lock that is held while sockets are written to.
func (s *shard) enqueue(p *part, o orders) {
	s.queueMu.Lock()
	p.orders.beat = p.orders.beat || o.beat
	p.orders.given = append(p.orders.given, o.given...)
	switch p.state {
	case noPass:
		p.state = inQueue
		s.queue = append(s.queue, p)
	case inPass:
		p.state = passAgain
	}
	s.queueMu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// takeQueue begins a pass over every part in the queue, and appends these parts to active.
func (s *shard) takeQueue(active []*part) []*part {
	s.queueMu.Lock()
	defer s.queueMu.Unlock()
	for i, p := range s.queue {
		p.state, p.current, p.orders, p.left = inPass, p.orders, orders{}, math.MaxInt
		active = append(active, p)
		s.queue[i] = nil
	}
	s.queue = s.queue[:0]
	return active
}

// finish ends a pass over p.
func (s *shard) finish(p *part) {
	p.current = orders{}
	s.queueMu.Lock()
	defer s.queueMu.Unlock()
	if p.state == passAgain {
		p.state = inQueue
		s.queue = append(s.queue, p)
		return
	}
	p.state = noPass
}

// writeLoop makes the passes. Parts with a pass under way take turns, a batch each, so that a small topic need not wait
// for a large one. Times are looked at between batches: a topic may move faster than a pass takes.
func (s *shard) writeLoop() {
	tick := time.NewTicker(s.engine.options.Tick)
	defer tick.Stop()
	var active []*part // with a pass under way
	for {
		active = s.takeQueue(active)
		if len(active) == 0 {
			select {
			case <-s.wake:
			case <-tick.C:
				s.checkTimes()
			case <-s.engine.stop:
				return
			}
			continue
		}
		unfinished := active[:0]
		for _, p := range active {
			if p.writeBatch() {
				s.finish(p)
			} else {
				unfinished = append(unfinished, p)
			}
			select {
			case <-tick.C:
				s.checkTimes()
			case <-s.engine.stop:
				return
			default:
			}
		}
		clear(active[len(unfinished):])
		active = unfinished
	}
}

// writeBatch writes to the next readers of p, and reports whether the pass is over. It goes from the last reader to the
// first. A reader that leaves is replaced by the last one, which has been written to already. A reader that joins comes
// last, and was written to when it joined.
func (p *part) writeBatch() (over bool) {
	s := p.shard
	s.mu.Lock()
	at := look{orders: &p.current}
	for range batch {
		if p.left = min(p.left, len(p.places)) - 1; p.left < 0 {
			break
		}
		p.places[p.left].advance(&at)
	}
	over = p.left <= 0
	table, moved := at.moved(p.topic)
	at.flush(p.topic)
	s.mu.Unlock()
	if moved {
		table.Wrote(at.from, at.to)
	}
	if at.gave {
		s.enqueue(p, orders{}) // a given frame may end before the head
	}
	if !over {
		runtime.Gosched()
	}
	return over
}

// look is what a batch has learnt of its topic, so that readers at the same cursor need not ask again.
type look struct {
	orders  *orders // nil outside a pass
	known   bool
	cursor  int64
	guarded bool
	frame   Frame
	verdict Verdict
	idle    []byte // the heartbeat, if one is due and nothing is new
	written int64  // frames
	from    int64  // the lowest cursor that a frame was written to
	to      int64  // the highest cursor after a frame
	given   bool   // frame is from orders
	gave    bool   // such a frame was written
}

// moved returns the table, and whether it has to be told of what was written. The last frame of a topic has no time.
func (l *look) moved(t *Topic) (Table, bool) {
	return *t.table.Load(), l.to > l.from
}

// wrote notes that frame was written to a reader at cursor.
func (l *look) wrote(cursor int64, frame *Frame) {
	l.written++
	l.gave = l.gave || l.given
	if frame.Last {
		return
	}
	if l.to == 0 || cursor < l.from {
		l.from = cursor
	}
	l.to = max(l.to, frame.Next)
}

func (l *look) flush(t *Topic) {
	if l.written > 0 {
		t.Delivered.Add(l.written)
		l.written = 0
	}
}

func (l *look) at(t *Topic, cursor int64, guarded bool) {
	if l.known && l.cursor == cursor && l.guarded == guarded {
		return
	}
	l.known, l.cursor, l.guarded, l.idle, l.given = true, cursor, guarded, nil, false
	table := *t.table.Load()
	l.frame, l.verdict = table.After(cursor, guarded)
	if l.orders != nil && l.verdict == Later {
		l.take(cursor, guarded)
	}
	if l.verdict == Later {
		t.miss(cursor)
	}
	if l.orders != nil && l.orders.beat && (l.verdict == Nothing || l.verdict == Later) {
		l.idle = table.Idle(cursor)
	}
}

// take looks for a frame that was given for cursor.
func (l *look) take(cursor int64, guarded bool) {
	for _, g := range l.orders.given {
		if g.cursor != cursor {
			continue
		}
		l.frame, l.verdict, l.given = g.frame, Ready, true
		if guarded && g.frame.Private {
			l.verdict = Refused
		}
	}
}

// advance writes to the reader what it lacks of the topic. at may be nil: then advance asks for p alone.
func (p *Place) advance(at *look) {
	r, t := p.reader, p.part.topic
	if r.backlog != nil || r.flags&(ending|closed) != 0 || r.flags&(once|asking) == once {
		return
	}
	if at == nil {
		at = &look{}
		defer at.flush(t)
	}
	at.at(t, p.cursor, p.guarded)
	frame := &at.frame
	switch at.verdict {
	case Nothing, Later:
		if at.idle != nil && r.flags&once == 0 {
			r.send(at.idle)
		}
		return
	case Refused:
		t.protocol.Refused(p)
		return
	}
	n, full, err := r.put(frame.Bytes)
	switch {
	case err != nil:
		r.close(Left)
		return
	case n == 0: // The socket took nothing. When it has room, r gets what is newest then.
		r.block(nil, nil)
		p.filled(n)
		return
	}
	at.wrote(p.cursor, frame)
	p.cursor = frame.Next
	r.flags = r.flags&^asking | moved
	if full {
		r.block(frame.Bytes[n:], nil)
		p.filled(n)
	}
	if frame.Last {
		t.protocol.Last(p)
	}
}
