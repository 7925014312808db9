package sse

import (
	"context"
	"net"
	"net/http"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/internal/carry"
	"go.uber.org/zap"
)

// hijack answers on the connection itself.
func (p *Publisher) hijack(w http.ResponseWriter, r *http.Request, s *publisher.Stream, f *form) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.answer(w, r, &single{s, f, f.hello(nil, s)}, f)
		return
	}
	first := f.hello(carry.Head(w.Header()), s)
	if !p.options.Goroutines && s.CanJoin(conn) {
		s.Join(conn, first, nil)
		return
	}
	go p.carry(conn, &single{s, f, first}, f) // a new goroutine has a smaller stack than net/http's, and no buffers
}

// single is a stream of one channel. first is written in place of its first event.
type single struct {
	*publisher.Stream
	form  *form
	first []byte
}

// Carry implements carry.Stream.
func (s *single) Carry(ctx context.Context, write func(b []byte) error) publisher.End {
	return s.Run(ctx, func(d *publisher.Delta) error {
		if b := s.first; b != nil {
			s.first = nil
			return write(b)
		}
		return write(s.form.wire.Encode(d))
	})
}

// carry writes an HTTP/1 stream in its goroutine.
func (p *Publisher) carry(conn net.Conn, s carry.Stream, f *form) {
	carry.Conn(conn, s, p.streams.Stall(), f.wire.CloseMessage)
}

// answer writes a stream in the handler's goroutine.
func (p *Publisher) answer(w http.ResponseWriter, r *http.Request, s carry.Stream, f *form) {
	if err := carry.Answer(w, r, s, p.streams.Stall(), f.wire.CloseMessage); err != nil {
		p.options.Logger.Debug("the close message was not delivered", zap.Error(err))
	}
}
