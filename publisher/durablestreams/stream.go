package durablestreams

import (
	"context"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/internal/carry"
	"go.uber.org/zap"
)

// stream answers with server-sent events.
func (p *Publisher) stream(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, q question) {
	now := tick(time.Now()) // before the stream is opened: see appendEvents
	form, ahead := p.formFor(r), q.seen >= now
	if ahead {
		form = p.plain
	}
	stream, err := p.streams.OpenAs(r, ch, q.since, form.wire)
	if err != nil {
		p.polls.Fail(w, r, err)
		return
	}
	p.setHeader(w.Header(), form)
	s := &single{Stream: stream, form: form, ahead: ahead, cursor: later(now, q.seen)}
	if r.ProtoMajor == 1 {
		p.hijack(w, r, s)
		return
	}
	p.answer(w, r, s)
}

func (p *Publisher) setHeader(h http.Header, f *form) {
	protect(h)
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("X-Accel-Buffering", "no") // otherwise nginx would delay events
	if len(p.codings) > 0 {
		h.Add("Vary", "Accept-Encoding")
	}
	if f.coding != compress.Identity {
		h.Set("Content-Encoding", string(f.coding))
	}
}

// formFor returns the form that the reader of a request likes best.
func (p *Publisher) formFor(r *http.Request) *form {
	if f := p.coded[compress.Choose(r.Header["Accept-Encoding"], p.codings)]; f != nil {
		return f
	}
	return p.plain
}

// single is a stream of events.
type single struct {
	*publisher.Stream
	form   *form
	first  []byte // is written in place of the first event; nil until it is needed, and when it is written
	begun  bool
	cursor int64 // of the last control event, if ahead, and of the first
	// ahead: the reader had a cursor that is ahead of the clock. So it can't share control events, and a goroutine writes its own.
	ahead bool
}

func (s *single) hello(dst []byte) { s.first = s.form.hello(dst, s.First, s.cursor) }

// Carry implements carry.Stream.
func (s *single) Carry(ctx context.Context, write func(b []byte) error) publisher.End {
	return s.Run(ctx, func(d *publisher.Delta) error {
		switch {
		case !s.begun:
			s.begun = true
			first := s.first
			s.first = nil
			return write(first)
		case d.Heartbeat():
			return write(d.Encode(s.form.wire.Idle))
		case s.ahead:
			s.cursor = later(tick(time.Now()), s.cursor)
			return write(appendControl(appendData(nil, d.Update), d.Update, s.cursor))
		}
		return write(s.form.wire.Encode(d))
	})
}

// hijack answers on the connection itself.
func (p *Publisher) hijack(w http.ResponseWriter, r *http.Request, s *single) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.answer(w, r, s)
		return
	}
	s.hello(carry.Head(w.Header()))
	if !p.options.Goroutines && !s.ahead && s.CanJoin(conn) {
		s.Join(conn, s.first, nil)
		return
	}
	go carry.Conn(conn, s, p.streams.Stall(), s.form.wire.CloseMessage)
}

// answer writes a stream in the handler's goroutine.
func (p *Publisher) answer(w http.ResponseWriter, r *http.Request, s *single) {
	s.hello(nil)
	if err := carry.Answer(w, r, s, p.streams.Stall(), s.form.wire.CloseMessage); err != nil {
		p.options.Logger.Debug("the end of a stream was not delivered", zap.Error(err))
	}
}
