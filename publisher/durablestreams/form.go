package durablestreams

import (
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
)

// form is how a stream of events looks in one coding.
type form struct {
	wire   *publisher.Wire
	data   *publisher.Wire // has the formats of data events alone; no stream is opened with it
	coding compress.Coding
	head   string                         // is sent first
	own    func(dst, plain []byte) []byte // appends what is not shared
}

// formPlain is the name of the form without compression.
const formPlain = "plain"

// newForm returns the form of s; nil is the form without compression.
func newForm(s *compress.Stream, lifetime time.Duration) *form {
	f := &form{own: func(dst, plain []byte) []byte { return append(dst, plain...) }}
	called, shorten := formPlain, f.own
	if s != nil {
		called, shorten = string(s.Coding), s.Append
		f.coding, f.head, f.own = s.Coding, s.Head, s.Plain
	}
	wire := func(what string, plain func(dst []byte, u *motacilla.Update) []byte) *publisher.Wire {
		format := func(kind string, put func(dst, plain []byte) []byte) *publisher.Format {
			return &publisher.Format{Name: name + " " + what + " " + kind, Append: func(dst []byte, u *motacilla.Update) []byte {
				return put(dst, plain(nil, u))
			}}
		}
		w := &publisher.Wire{Name: name, Form: called, Format: format(called, shorten)}
		if s != nil {
			w.Private = format(called+", stored", f.own)
		}
		return w
	}
	f.data, f.wire = wire("data", appendData), wire("events", appendEvents)
	f.wire.Lifetime = lifetime
	f.wire.Idle = &publisher.Format{Name: name + " heartbeat " + called, Append: func(dst []byte, _ *motacilla.Update) []byte {
		return f.own(dst, []byte(":\n\n"))
	}}
	f.wire.CloseMessage = func(publisher.End) []byte { return nil }
	return f
}

// appendData appends a data event. The JSON has neither CR nor LF, so that none of its fields can end the event or begin
// another one.
func appendData(dst []byte, u *motacilla.Update) []byte {
	dst = append(dst, "event: data\ndata:"...)
	dst = appendMessages(dst, u)
	return append(dst, "\n\n"...)
}

// appendEvents appends what an update is in a stream. Its cursor is the time at which it is encoded, which is after the reader's
// first control event, because the update follows that.
func appendEvents(dst []byte, u *motacilla.Update) []byte {
	return appendControl(appendData(dst, u), u, tick(time.Now()))
}

// appendControl appends a control event, which says where the reader is after u.
func appendControl(dst []byte, u *motacilla.Update, cursor int64) []byte {
	dst = append(dst, `event: control`+"\n"+`data:{"streamNextOffset":"`...)
	dst = appendOffset(dst, u.Revision)
	dst = append(dst, `","streamCursor":"`...)
	dst = strconv.AppendInt(dst, cursor, 10)
	dst = append(dst, `","upToDate":true`...)
	if u.Gone {
		dst = append(dst, `,"streamClosed":true`...)
	}
	return append(dst, "}\n\n"...)
}

// hello appends what comes first. Its control event is the reader's own, because its cursor must be more than what the reader had.
func (f *form) hello(dst []byte, first *publisher.Delta, cursor int64) []byte {
	dst = append(dst, f.head...)
	if !first.Heartbeat() {
		dst = append(dst, f.data.Encode(first)...)
	}
	return f.own(dst, appendControl(nil, first.Update, cursor))
}
