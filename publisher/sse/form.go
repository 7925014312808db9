package sse

import (
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
)

// form is how a stream looks in one coding.
type form struct {
	wire   *publisher.Wire
	many   *publisher.ManyWire // of connections with several channels
	coding compress.Coding
	head   string                         // is sent first
	own    func(dst, plain []byte) []byte // appends what is between events
}

// formPlain is the name of the form without compression.
const formPlain = "plain"

// newForm returns the form of s; nil is the form without compression.
func newForm(s *compress.Stream, lifetime time.Duration) *form {
	f := &form{own: func(dst, plain []byte) []byte { return append(dst, plain...) }}
	f.wire = &publisher.Wire{Name: name, Form: formPlain, Format: event, Lifetime: lifetime, CloseMessage: closeMessage}
	if s != nil {
		f.wire.Form = string(s.Coding)
	}
	several := *f.wire
	several.Format = plainEvent
	several.Save = func(state any) []byte { return []byte(state.(string)) }
	several.Restore = func(saved []byte) (any, error) { return string(saved), nil }
	if s != nil {
		f.coding, f.head, f.own = s.Coding, s.Head, s.Plain
		f.code(f.wire, s)
		f.code(&several, s)
	}
	f.many = &publisher.ManyWire{
		Wire: several,
		Notice: func(dst []byte, name string, data []byte) []byte {
			return f.own(dst, notice(nil, name, data))
		},
		Position: func(dst []byte, state any, cursors []motacilla.Revision) []byte {
			return f.own(dst, position(nil, state, cursors))
		},
	}
	return f
}

// code has a wire write in the coding of s.
func (f *form) code(w *publisher.Wire, s *compress.Stream) {
	plain := w.Format
	piece := func(kind string, put func(dst, plain []byte) []byte) *publisher.Format {
		return &publisher.Format{Name: plain.Name + " " + kind, Append: func(dst []byte, u *motacilla.Update) []byte {
			return put(dst, plain.Append(nil, u))
		}}
	}
	w.Format, w.Private = piece(string(s.Coding), s.Append), piece(string(s.Coding)+", stored", s.Plain)
	w.CloseMessage = func(why publisher.End) []byte {
		if last := closeMessage(why); last != nil {
			return s.Plain(nil, last)
		}
		return nil
	}
}

// formFor returns the form that the reader of a request likes best.
func (p *Publisher) formFor(r *http.Request) *form {
	if f := p.coded[compress.Choose(r.Header["Accept-Encoding"], p.codings)]; f != nil {
		return f
	}
	return p.plain
}

// hello appends the first event.
func (f *form) hello(dst []byte, s *publisher.Stream) []byte {
	var space [32]byte
	dst = f.own(append(dst, f.head...), retry(space[:0], time.Second, 4*time.Second))
	return append(dst, f.wire.Encode(s.First)...)
}
