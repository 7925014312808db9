// Package carry writes streams of server-sent events that the epoll engine does not have: each by a goroutine.
package carry

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
)

// Stream is a stream that a goroutine writes.
type Stream interface {
	// Carry calls write with what is to be written, until the stream ends.
	Carry(ctx context.Context, write func(b []byte) error) publisher.End
	OnCut(f func()) (stop func() bool) // see publisher.Stream
	Close()
}

// Head returns the head of an answer over HTTP/1.1 that has neither a length nor chunks: it ends with the connection (RFC 9112,
// section 6.3).
func Head(h http.Header) []byte {
	dst := append(make([]byte, 0, 1024), "HTTP/1.1 200 OK\r\nDate: "...)
	dst = time.Now().UTC().AppendFormat(dst, http.TimeFormat)
	dst = append(dst, "\r\nConnection: close\r\n"...)
	return append(AppendHeader(dst, h), "\r\n"...)
}

var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// AppendHeader appends h in any order. [http.Header.Write] sorts, for which the handler's stack has to grow: that takes
// longer than all else here.
func AppendHeader(dst []byte, h http.Header) []byte {
	for name, values := range h {
		for _, value := range values {
			dst = append(append(dst, name...), ": "...)
			dst = append(append(dst, oneLine.Replace(value)...), "\r\n"...)
		}
	}
	return dst
}

// Conn writes a stream to a connection that was hijacked, and closes both. It writes to the connection itself, because the
// buffers and chunks of net/http cost more than the write. last returns the close message.
func Conn(conn net.Conn, s Stream, stall time.Duration, last func(publisher.End) []byte) {
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
	deadline := publisher.Deadline{Set: conn.SetWriteDeadline, Stall: stall}
	write := func(b []byte) error {
		deadline.Extend()
		_, err := conn.Write(b)
		return err
	}
	if end := s.Carry(ctx, write); end != publisher.EndLeft {
		_ = write(last(end))
	}
	_ = conn.Close()
	<-gone
}

// Answer writes a stream through net/http, in the handler's goroutine, and closes it. HTTP/2 needs that. last returns the close
// message. The error says that it was not delivered.
func Answer(w http.ResponseWriter, r *http.Request, s Stream, stall time.Duration, last func(publisher.End) []byte) error {
	defer s.Close()
	control := http.NewResponseController(w)
	c := publisher.NewCutter(control.SetWriteDeadline, stall)
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
	end := s.Carry(r.Context(), write)
	if b := last(end); end != publisher.EndLeft && len(b) > 0 {
		return write(b)
	}
	return nil
}
