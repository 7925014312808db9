package publisher

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
)

// handedMany is what a connection with several channels has beside what every connection has.
type handedMany struct {
	Ends     time.Time            `json:"ends,omitzero"`
	Channels []handedChannel      `json:"channels"`
	Cursors  []motacilla.Revision `json:"cursors,omitempty"` // Many.cursors
	Request  *handedRequest       `json:"request,omitempty"` // for the hook; nil if the reader makes no requests
}

// handedChannel is a subscription.
type handedChannel struct {
	Channel motacilla.ChannelID `json:"channel"`
	Cursor  motacilla.Revision  `json:"cursor"`
	Expires int64               `json:"expires,omitempty"`
	Holder  string              `json:"holder,omitempty"` // see watch
	Index   int32               `json:"index"`
	Guarded bool                `json:"guarded,omitempty"`
}

// handedRequest is the request that a connection began with.
type handedRequest struct {
	URI    string      `json:"uri"`
	Host   string      `json:"host"`
	From   string      `json:"from"`
	Secure bool        `json:"secure,omitempty"`
	Header http.Header `json:"header"`
}

// handOver leaves a reader alone that begins, or whose request is being served.
func (l *lobby) handOver(r *fanout.Reader) (*handed, net.Conn) {
	m := r.Data.(*Many)
	if m.seat == nil || !m.settled || m.desk != nil && (m.desk.busy || len(m.desk.pending) > 0) {
		return nil, nil
	}
	h := &handed{Form: l.wire.Form, Address: m.slot.address, Many: &handedMany{Ends: m.ends, Cursors: m.cursors}}
	if l.wire.Save != nil {
		h.State = l.wire.Save(m.state)
	}
	for _, s := range m.subs {
		if !l.streams.feed.canMove(s.watch) {
			return nil, nil
		}
		h.Many.Channels = append(h.Many.Channels, handedChannel{
			Channel: s.topic.channel.id, Cursor: m.seat.cursor(s), Expires: s.expires, Holder: s.watch.id(), Index: s.index,
			Guarded: s.guarded,
		})
	}
	if m.desk != nil {
		r := m.desk.request
		h.Many.Request = &handedRequest{r.URL.RequestURI(), r.Host, r.RemoteAddr, r.TLS != nil, r.Header}
	}
	return h.take(r)
}

// request returns the request for the handlers of another process.
func (h *handedRequest) request(ctx context.Context) (*http.Request, error) {
	at, err := url.ParseRequestURI(h.URI)
	if err != nil {
		return nil, errState
	}
	r := (&http.Request{
		Method: http.MethodGet, URL: at, RequestURI: h.URI, Host: h.Host, RemoteAddr: h.From, Header: h.Header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}).WithContext(ctx)
	if h.Secure {
		r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true}
	}
	return r, nil
}

// resumption is a connection that a handler is to carry on. Its request passes through the site, so that the handler gets what the
// site's guard gives to every request.
type resumption struct {
	socket net.Conn
	from   *handed
	wire   *ManyWire
	done   bool
	err    error
}

type resumptionKey struct{}

// Resumes reports whether a request is that of a connection which is taken over. Its handler must call [Streams.Resume], and must not
// answer.
func Resumes(r *http.Request) bool { return r.Context().Value(resumptionKey{}) != nil }

// Resume carries on the connection of a request that Resumes. permit is that of OpenMany.
func (s *Streams) Resume(r *http.Request, permit Permit) {
	at, ok := r.Context().Value(resumptionKey{}).(*resumption)
	if !ok || at.done {
		return
	}
	socket, from := at.socket, at.from
	at.done, at.socket, at.from = true, nil, nil // the desk keeps the request
	at.err = s.resumeMany(r.Context(), socket, from, at.wire, func(m *Many) *desk { return newDesk(m, r, permit) })
}

func (s *Streams) takeOverMany(ctx context.Context, socket net.Conn, from *handed, w *ManyWire, site http.Handler) error {
	asked := from.Many.Request
	if (asked == nil) != (w.Read == nil) {
		return fmt.Errorf("take over: %w", errState)
	}
	if asked == nil {
		return s.resumeMany(ctx, socket, from, w, func(*Many) *desk { return nil })
	}
	at := &resumption{socket: socket, from: from, wire: w}
	r, err := asked.request(context.WithValue(ctx, resumptionKey{}, at))
	if err != nil {
		return fmt.Errorf("take over: %w", err)
	}
	site.ServeHTTP(nobody{http.Header{}}, r)
	if !at.done {
		return errors.New("take over: nothing serves the request of the connection")
	}
	return at.err
}

// nobody gets the answer to a request that has been answered in another process.
type nobody struct{ header http.Header }

func (n nobody) Header() http.Header         { return n.header }
func (n nobody) Write(b []byte) (int, error) { return len(b), nil }
func (n nobody) WriteHeader(int)             {}

// resumeMany carries on a connection with several channels. The reader is told of those that are gone.
func (s *Streams) resumeMany(ctx context.Context, socket net.Conn, from *handed, w *ManyWire, open func(m *Many) *desk) error {
	state, err := w.restored(from.State)
	if err != nil {
		return fmt.Errorf("take over: %w", err)
	}
	m := &Many{
		streams: s, wire: w, ends: from.Many.Ends, state: state, cursors: from.Many.Cursors,
		subs: make([]*subscription, 0, len(from.Many.Channels)),
	}
	if m.lobby, err = s.enterLobby(w); err != nil {
		return err
	}
	m.slot = s.feed.keep("", from.Address)
	var gone []refusal
	for _, c := range from.Many.Channels {
		sub, err := s.reopen(ctx, c, w)
		if err != nil {
			gone = append(gone, refusal{c.Channel, err})
			continue
		}
		m.opened = append(m.opened, sub)
	}
	m.desk = open(m)
	fan, err := m.lobby.engine()
	if err == nil {
		err = fan.Resume(socket, &from.Reader, m)
	}
	if err != nil {
		m.Close()
		return err
	}
	for _, r := range gone {
		refusal := m.refusal(nil, r) // not in do: it may write to the log
		if m.seat != nil {
			m.seat.do(func() {
				m.seat.send(refusal)
				m.last = r.end()
			})
		}
	}
	m.begin()
	return nil
}

// end returns why a connection ends whose last channel is refused.
func (r refusal) end() End {
	switch {
	case errors.Is(r.err, motacilla.ErrForbidden):
		return EndForbidden
	case errors.Is(r.err, motacilla.ErrNotFound):
		return EndGone
	}
	return EndDrain // it may come back
}

// reopen opens a channel that the connection followed in another process.
func (s *Streams) reopen(ctx context.Context, from handedChannel, w *ManyWire) (*subscription, error) {
	watch, err := s.feed.permitted(ctx, from.Holder, from.Channel)
	if err != nil {
		return nil, err
	}
	if watch != nil && watch.holder.Revoked() {
		return nil, mayNoMore(from.Channel)
	}
	c, err := s.feed.reopen(ctx, from.Channel)
	if err != nil {
		return nil, err
	}
	defer c.release()
	t, err := s.followPart(c, w)
	if err != nil {
		return nil, err
	}
	return &subscription{
		topic: t, slot: s.feed.keepChannel(from.Channel), cursor: from.Cursor, expires: from.Expires, watch: watch,
		index: from.Index, guarded: from.Guarded,
	}, nil
}
