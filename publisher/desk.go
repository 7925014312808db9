package publisher

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// desk serves the requests of one connection, one after the other, in a goroutine that lives as long as there are some.
type desk struct {
	many    *Many
	request *http.Request // of the connection, for the hook
	permit  Permit
	cancel  context.CancelFunc
	stop    func() bool

	// In seat.do.
	pending []Request
	busy    bool
}

// mostPending is how many requests of a connection may wait.
const mostPending = 16

// newDesk returns a desk that keeps its requests until it is opened.
func newDesk(m *Many, r *http.Request, permit Permit) *desk {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context())) // a connection lives longer than its request
	d := &desk{many: m, request: r.WithContext(ctx), permit: permit, busy: true}
	d.stop = context.AfterFunc(m.streams.feed.work.ctx, cancel)
	d.cancel = func() {
		d.stop()
		cancel()
	}
	return d
}

// open serves what has come so far.
func (d *desk) open() {
	if seat := d.many.seat; seat != nil {
		seat.do(func() {
			d.busy = false
			d.start()
		})
	}
}

// take queues requests. It is called in seat.do.
func (d *desk) take(requests []Request) {
	for _, r := range requests {
		switch {
		case r.Bad != nil:
			d.many.seat.send(d.many.complaint(nil, r.Bad))
		case len(d.pending) >= mostPending:
			d.many.seat.send(d.many.complaint(nil, tooFast()))
		default:
			d.pending = append(d.pending, r)
		}
	}
	d.start()
}

func tooFast() error {
	return &motacilla.RetryError{Err: fmt.Errorf("too many requests wait on this connection: %w", motacilla.ErrTooMany), After: time.Second}
}

// start serves requests in a goroutine, if there are some and none serves already.
func (d *desk) start() {
	if !d.busy && len(d.pending) > 0 {
		d.busy = d.many.streams.feed.work.spawn(d.serve)
	}
}

func (d *desk) serve() {
	for {
		var next Request
		more := false
		d.many.seat.do(func() {
			if more = len(d.pending) > 0; !more {
				d.busy, d.pending = false, nil
				return
			}
			next, d.pending = d.pending[0], d.pending[1:]
		})
		if !more {
			return
		}
		d.answer(next)
	}
}

// answer serves one request. A channel that is followed already begins anew at the cursor that the reader names.
func (d *desk) answer(r Request) {
	m := d.many
	if may := route.Repeats(d.request); may != nil && len(r.Subscribe) > 0 && !may() {
		m.seat.do(func() { m.seat.send(m.complaint(nil, tooFast())) })
		return
	}
	var free int
	m.seat.do(func() {
		for _, ch := range r.Unsubscribe {
			m.drop(m.named(ch), EndLeft)
		}
		for _, c := range r.Subscribe {
			m.drop(m.named(c.Channel), EndLeft)
		}
		if len(r.Unsubscribe) > 0 {
			m.seat.send(m.wire.notice(nil, noticeUnsubscribed, r.Unsubscribe))
		}
		free = MostChannels - len(m.subs)
	})
	if len(r.Subscribe) == 0 {
		return
	}
	want := r.Subscribe[:min(len(r.Subscribe), max(free, 0))]
	opened, refused := m.streams.openAll(d.request, want, m.wire, d.permit)
	charge(d.request, refused)
	for _, c := range r.Subscribe[len(want):] {
		refused = append(refused, refusal{c.Channel, full()})
	}
	welcome := m.welcome(nil, opened, refused) // not in do: it may write to the log
	m.seat.do(func() { m.seat.send(welcome) })
	for _, s := range opened {
		s.index = -1
		if !m.seat.do(func() { m.add(s) }) {
			s.release()
		}
	}
	m.seat.do(m.rearm)
}

func full() error {
	return motacilla.Invalid("subscribe", "a connection follows at most %d channels", MostChannels)
}

// named returns what the connection has of a channel; nil if it has none.
func (m *Many) named(ch motacilla.ChannelID) *subscription {
	for _, s := range m.subs {
		if s.topic.channel.id == ch {
			return s
		}
	}
	return nil
}
