package sse

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
	"go.uber.org/zap"
)

// hijack answers on the connection itself. The answer has neither a length nor chunks: it ends with the connection (RFC 9112,
// section 6.3).
func (p *Publisher) hijack(w http.ResponseWriter, r *http.Request, s *publisher.Stream, f *form) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.answer(w, r, &single{s, f, f.hello(nil, s)}, f)
		return
	}
	first := f.hello(head(w.Header()), s)
	if !p.options.Goroutines && s.CanJoin(conn) {
		s.Join(conn, first, nil)
		return
	}
	go p.carry(conn, &single{s, f, first}, f) // a new goroutine has a smaller stack than net/http's, and no buffers
}

// head returns the head of an answer.
func head(h http.Header) []byte {
	dst := append(make([]byte, 0, 1024), "HTTP/1.1 200 OK\r\nDate: "...)
	dst = time.Now().UTC().AppendFormat(dst, http.TimeFormat)
	dst = append(dst, "\r\nConnection: close\r\n"...)
	return append(appendHeader(dst, h), "\r\n"...)
}

// written is a stream that a goroutine writes.
type written interface {
	run(ctx context.Context, write func(b []byte) error) publisher.End
	OnCut(f func()) (stop func() bool)
	Close()
}

// single is a stream of one channel. first is written in place of its first event.
type single struct {
	*publisher.Stream
	form  *form
	first []byte
}

func (s *single) run(ctx context.Context, write func(b []byte) error) publisher.End {
	return s.Run(ctx, func(d *publisher.Delta) error {
		if b := s.first; b != nil {
			s.first = nil
			return write(b)
		}
		return write(s.form.wire.Encode(d))
	})
}

var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// appendHeader appends h in any order. [http.Header.Write] sorts, for which the handler's stack has to grow: that takes
// longer than all else here.
func appendHeader(dst []byte, h http.Header) []byte {
	for name, values := range h {
		for _, value := range values {
			dst = append(append(dst, name...), ": "...)
			dst = append(append(dst, oneLine.Replace(value)...), "\r\n"...)
		}
	}
	return dst
}

// carry writes an HTTP/1 stream in its goroutine. It writes to the connection itself, because the buffers and chunks of
// net/http cost more than the write.
func (p *Publisher) carry(conn net.Conn, s written, f *form) {
	defer s.Close()
	defer s.OnCut(func() { _ = conn.Close() })()
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer cancel()
		var ignored [64]byte // what a reader sends has no meaning
		for err := error(nil); err == nil; {
			_, err = conn.Read(ignored[:])
		}
	}()
	deadline := publisher.Deadline{Set: conn.SetWriteDeadline, Stall: p.streams.Stall()}
	write := func(b []byte) error {
		deadline.Extend()
		_, err := conn.Write(b)
		return err
	}
	end := s.run(ctx, write)
	if end != publisher.EndLeft {
		_ = write(f.wire.CloseMessage(end))
	}
	_ = conn.Close()
	<-gone
}

// answer writes a stream through net/http, in the handler's goroutine. HTTP/2 needs that.
func (p *Publisher) answer(w http.ResponseWriter, r *http.Request, s written, f *form) {
	defer s.Close()
	control := http.NewResponseController(w)
	c := publisher.NewCutter(control.SetWriteDeadline, p.streams.Stall())
	defer c.Retire()
	defer s.OnCut(c.Cut)()
	write := func(b []byte) error {
		c.Begin()
		defer c.End()
		if _, err := w.Write(b); err != nil {
			return err
		}
		return control.Flush()
	}
	end := s.run(r.Context(), write)
	if last := f.wire.CloseMessage(end); end != publisher.EndLeft && len(last) > 0 {
		if err := write(last); err != nil {
			p.options.Logger.Debug("the close message was not delivered", zap.Error(err))
		}
	}
}
