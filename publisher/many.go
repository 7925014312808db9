package publisher

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// MostChannels is how many channels one connection follows at most.
const MostChannels = 100

// Cursor is a channel with the revision that a reader has reached there; 0 is none.
type Cursor struct {
	Channel motacilla.ChannelID
	After   motacilla.Revision
}

// ManyWire says how connections look that follow several channels. A publisher makes one for each form, once. Its functions are
// called from many goroutines at once, and must not block. Idle and Input of the Wire are not used.
type ManyWire struct {
	Wire
	// Notice appends a message about the connection, not about one channel's posts. data is a JSON object whose first key is name.
	Notice func(dst []byte, name string, data []byte) []byte
	// Position appends what lets a reader resume on all channels. cursors are in the order of OpenMany's want. nil sends none.
	Position func(dst []byte, state any, cursors []motacilla.Revision) []byte
	// Read takes what a reader sent, as Wire.Input does, and also returns the requests in it. nil: readers can't make requests, and a
	// connection ends with its last channel.
	Read func(state any, in []byte) (answer []byte, requests []Request, end bool)
}

// Request is what a reader asks for over its connection. The channels to unsubscribe from come first. Bad says what is wrong with
// a request that can't be understood; then nothing else counts.
type Request struct {
	Subscribe   []Cursor
	Unsubscribe []motacilla.ChannelID
	Bad         error
}

// Permit asks whether the reader of a request may read a channel, as [route.Permit] does. It is called from several goroutines.
type Permit func(r *http.Request, ch motacilla.ChannelID) (*http.Request, error)

// Many is one connection that follows several channels. For each channel it is a reader with a cursor of its own. A channel that
// can't be followed, or no longer, is refused in a notice; the others go on.
//
// What is below the seat may be touched only in the functions that seat.do calls, once there is a seat.
type Many struct {
	streams *Streams
	wire    *ManyWire
	lobby   *lobby
	slot    Slot
	ends    time.Time // zero is never
	state   any       // the transport's
	opened  []*subscription
	hello   []byte // the first notices
	desk    *desk  // nil if the reader can't make requests

	seat    seat
	subs    []*subscription
	cursors []motacilla.Revision // for Position; of a channel that is followed, as it was when the position was sent last
	settled bool                 // the channels of the request are followed, so that the connection ends if none is left
	last    End                  // why the last channel was left
}

// seat is how a Many is connected: in the epoll engine, or with a goroutine of its own. All methods but do may be called only in do.
type seat interface {
	do(f func()) bool // calls f while nothing else touches the Many; false if the connection is over
	send(b []byte)
	follow(s *subscription)
	leave(s *subscription)
	cursor(s *subscription) motacilla.Revision
	wake(at time.Time) // has Many.due called
	end(why End)
}

// OpenMany acquires slots for the reader of a request, and opens the channels that it wants, at most MostChannels, each once. The
// reader is told of those that are refused. If all are refused, OpenMany returns why: the first reason that may pass, such as an
// outage, or else the first. Otherwise the errors are those of [Streams.Open] for the connection. state is passed to the functions of
// w. The connection is for [Many.Join], or for [Many.Begin] and [Many.Run]; without Join, it must be closed.
func (s *Streams) OpenMany(r *http.Request, want []Cursor, w *ManyWire, state any, permit Permit) (*Many, error) {
	if err := checkHead(r); err != nil {
		return nil, err
	}
	slot, err := s.feed.acquireConnection(r)
	if err != nil {
		return nil, err
	}
	m := &Many{streams: s, wire: w, slot: slot, ends: w.end(), state: state}
	if m.lobby, err = s.enterLobby(w); err != nil {
		slot.Release()
		return nil, err
	}
	opened, refused := s.openAll(r, want, w, permit)
	charge(r, refused[min(len(refused), 1):]) // the request itself is counted
	m.opened, m.subs = opened, make([]*subscription, 0, len(opened))
	if err := r.Context().Err(); err != nil {
		m.Close()
		return nil, err
	}
	if len(opened) == 0 && len(refused) > 0 {
		m.Close()
		return nil, whyNone(refused)
	}
	if w.Position != nil {
		m.cursors = make([]motacilla.Revision, len(want))
		for i, c := range want {
			m.cursors[i] = c.After
		}
	}
	if w.Read != nil {
		m.desk = newDesk(m, r, permit)
	}
	m.hello = m.welcome(nil, opened, refused)
	return m, nil
}

// whyNone returns why none of the channels was opened. A reader that is told that there is no such channel does not come back, so
// a reason that may pass counts more.
func whyNone(refused []refusal) error {
	for _, r := range refused {
		if !errors.Is(r.err, motacilla.ErrNotFound) && !errors.Is(r.err, motacilla.ErrForbidden) {
			return r.err
		}
	}
	return refused[0].err
}

// enterLobby counts a connection.
func (s *Streams) enterLobby(w *ManyWire) (*lobby, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.follow(nil, &w.Wire, func(t *topic) protocol { return &lobby{topic: t, wire: w} })
	if err != nil {
		return nil, err
	}
	s.count()
	return t.speaks.(*lobby), nil
}

// Hello appends what the reader gets first: which channels it follows, and which were refused. It is called once.
func (m *Many) Hello(dst []byte) []byte {
	dst, m.hello = append(dst, m.hello...), nil
	return dst
}

// Close ends a connection that the epoll engine does not have.
func (m *Many) Close() {
	if g, begun := m.seat.(*runner); begun {
		g.close()
		return
	}
	for _, s := range m.opened {
		s.release()
	}
	m.opened = nil
	m.release()
}

// begin follows the channels that were opened. The seat is free in between, so that a crowd of channels delays nobody.
func (m *Many) begin() {
	for _, s := range m.opened {
		if m.seat == nil || !m.seat.do(func() { m.add(s) }) {
			s.release()
		}
	}
	m.opened = nil
	if m.seat != nil {
		m.seat.do(func() {
			m.settled = true
			m.settle()
			m.rearm()
		})
	}
	if m.desk != nil {
		m.desk.open()
	}
}

// add follows a channel.
func (m *Many) add(s *subscription) {
	m.subs = append(m.subs, s)
	m.seat.follow(s)
	m.watch(s)
}

// of returns what the connection has of a topic; nil if it has none.
func (m *Many) of(t *topic) *subscription {
	for _, s := range m.subs {
		if s.topic == t {
			return s
		}
	}
	return nil
}

// drop stops following a channel.
func (m *Many) drop(s *subscription, why End) {
	if s == nil || s.over {
		return
	}
	m.note(s)
	for i := range m.subs {
		if m.subs[i] == s {
			m.subs = append(m.subs[:i], m.subs[i+1:]...)
			break
		}
	}
	m.seat.leave(s)
	m.last = why
	s.release()
}

// refuse stops following a channel that the reader may read no more.
func (m *Many) refuse(s *subscription) {
	if s == nil || s.over {
		return
	}
	ch := s.topic.channel.id
	m.seat.send(m.refusal(nil, refusal{ch, mayNoMore(ch)}))
	m.drop(s, EndForbidden)
	m.settle()
}

// mayNoMore is the error for a reader whose permission has ended.
func mayNoMore(ch motacilla.ChannelID) error {
	return fmt.Errorf("channel %q: %w any more", ch, motacilla.ErrForbidden)
}

// settle ends a connection that nothing can come over any more.
func (m *Many) settle() {
	if m.settled && len(m.subs) == 0 && m.desk == nil {
		m.seat.end(m.last)
	}
}

// due ends what is over by now.
func (m *Many) due() {
	now := time.Now()
	if !m.ends.IsZero() && !now.Before(m.ends) {
		m.seat.end(EndLifetime)
		return
	}
	for _, s := range append([]*subscription(nil), m.subs...) {
		if expires := s.ends(); !expires.IsZero() && !now.Before(expires) {
			m.refuse(s)
		}
	}
	m.rearm()
}

// rearm has due called when it has something to do.
func (m *Many) rearm() {
	at := m.ends
	for _, s := range m.subs {
		at = earlier(at, s.ends())
	}
	if !at.IsZero() {
		m.seat.wake(at)
	}
}

// note keeps the cursor of a channel for the position.
func (m *Many) note(s *subscription) {
	if s.index >= 0 && int(s.index) < len(m.cursors) {
		m.cursors[s.index] = m.seat.cursor(s)
	}
}

// position appends what lets the reader resume.
func (m *Many) position(dst []byte) []byte {
	if m.wire.Position == nil {
		return dst
	}
	for _, s := range m.subs {
		m.note(s)
	}
	return m.wire.Position(dst, m.state, m.cursors)
}

// release gives back everything, when the connection is over.
func (m *Many) release() {
	if m.desk != nil {
		m.desk.cancel()
	}
	for _, s := range m.subs {
		s.release()
	}
	m.subs = nil
	m.slot.Release()
	m.streams.leave(m.lobby.topic)
}

// OnCut is that of [Stream].
func (m *Many) OnCut(f func()) (stop func() bool) { return context.AfterFunc(m.streams.patient, f) }

var _ Permit = route.Permit
