package publisher

import (
	"bytes"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
	"github.com/motacilla-live/motacilla/publisher/internal/repeat"
)

const (
	headWithin = 10 * time.Second // for the head of a request
	mostHead   = 16 << 10         // bytes; a request with a longer head is unparked
)

// pollConn is a connection whose requests are parked.
type pollConn struct {
	server    *http.Server
	mayRepeat func() bool // asked before each further request; nil allows all
	first     uint64      // repeat.Of the first request; 0 once same is known
	same      uint64      // repeat.Cut of that request
	round     int64       // of the request that is parked, or NoRound
	hold      time.Duration
	until     time.Time // The next request after it is unparked, and none is held longer. Not after the permission's end, however it ends.
	idle      bool      // there is no request to answer, and the next one has to come in FeedOptions.Stall
	head      []byte    // of the next request, as far as it has come
}

// wait returns how long a request may be held now.
func (c *pollConn) wait() time.Duration { return min(c.hold, time.Until(c.until)) }

// repeats reports whether head is that of the first request again and may be parked, and returns its numbers.
func (c *pollConn) repeats(head []byte) (cursor motacilla.Revision, round int64, ok bool) {
	hash, numbers, ok := repeat.Cut(head)
	if !ok {
		return 0, NoRound, false
	}
	if c.same == 0 {
		if repeat.Parse(head) != c.first {
			return 0, NoRound, false
		}
		c.same, c.first = hash, 0
	}
	cursor, err := motacilla.ParseRevision(numbers.Since)
	if round = NoRound; err == nil && numbers.Round != "" {
		round, err = ParseRound(numbers.Round)
	}
	return cursor, round, err == nil && hash == c.same && time.Now().Before(c.until) && (c.mayRepeat == nil || c.mayRepeat())
}

// pollProtocol is the protocol of parked requests.
type pollProtocol struct {
	*topic
	polls *Polls
}

func connOf(r *fanout.Reader) *pollConn { return r.Data.(*member).state.(*pollConn) }

// Input implements fanout.Protocol.
func (t *pollProtocol) Input(r *fanout.Reader, data []byte) {
	c := connOf(r)
	if r.Asking() || r.Ending() { // a client that sends a request before the answer to the last one has to connect again
		r.Close()
		return
	}
	if len(c.head) > 0 {
		data = append(c.head, data...)
	}
	end := bytes.Index(data, []byte("\r\n\r\n")) + 4
	if end < 4 && len(data) < mostHead {
		if len(c.head) == 0 {
			r.SetDue(headWithin)
		}
		c.head, c.idle = append([]byte(nil), data...), true
		return
	}
	cursor, round, ok := motacilla.Revision(0), NoRound, false
	if end == len(data) {
		cursor, round, ok = c.repeats(data)
	}
	if !ok {
		c.unpark(r, data)
		return
	}
	c.head, c.idle, c.round = nil, false, round
	r.SetDue(c.wait())
	r.Ask(int64(cursor))
	if r.Asking() && t.polls.wire.Past(cursor, round) {
		t.Due(r)
	}
}

// Due implements fanout.Protocol.
func (t *pollProtocol) Due(r *fanout.Reader) {
	if c := connOf(r); !r.Asking() && c.idle {
		r.Close()
		return
	}
	t.over(r, EndLifetime)
}

// over answers a request whose time is up. The next one has to come soon.
func (t *pollProtocol) over(r *fanout.Reader, why End) {
	if r.Asking() {
		t.answer(r, why)
	}
	r.SetDue(t.polls.streams.Stall())
	connOf(r).idle = true
}

// revoked implements protocol. The reader's next request is unparked, and the handlers refuse it.
func (t *pollProtocol) revoked(r *fanout.Reader) {
	connOf(r).until = time.Time{}
	if r.Asking() {
		t.over(r, EndForbidden)
	}
}

// Refused implements fanout.Protocol. The reader gets a heartbeat. Its next request is unparked, and the handlers refuse it.
func (t *pollProtocol) Refused(p *fanout.Place) {
	r := p.Reader()
	connOf(r).until = time.Time{}
	t.answer(r, EndForbidden)
}

// answer writes an answer without news.
func (t *pollProtocol) answer(r *fanout.Reader, why End) {
	u := t.channel.heartbeat(motacilla.Revision(r.Cursor())).Update
	r.Answer(t.polls.wire.Idle(u, connOf(r).round, why))
}

// Last implements fanout.Protocol. The reader's next request is unparked.
func (t *pollProtocol) Last(p *fanout.Place) { connOf(p.Reader()).until = time.Time{} }

func (t *pollProtocol) close(r *fanout.Reader, _ End) {
	if r.Asking() {
		t.answer(r, EndDrain)
	}
	r.End(nil, 0)
}
