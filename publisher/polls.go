package publisher

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
	"github.com/motacilla-live/motacilla/publisher/internal/repeat"
	"github.com/motacilla-live/motacilla/route"
)

// PollWire is how the answers of [Polls] look: each format makes a whole HTTP/1.1 answer, head and body.
type PollWire struct {
	Name   string  // the publisher's, in metrics
	Format *Format // an update
	Idle   *Format // a heartbeat: nothing came in time
	Drain  *Format // a heartbeat, since the server stops; it has Connection: close
}

// Polls holds requests that ask for what comes after ?since, and wait where nothing is new, on the bare sockets of
// their connections: what waits is a cursor, and no goroutine. When the answer is written, the connection's next request
// is looked at here as well. Where it is the same one but for its cursor, it is held again; any other is given back to
// the http.Server, and so is everything from time to time, so that permissions do not outlive their being asked for.
type Polls struct {
	streams *Streams
	wire    *PollWire
	covered atomic.Bool // connections of this server are no bare sockets
}

// NewPolls returns the held requests of one publisher.
func NewPolls(feed *Feed, w *PollWire) *Polls {
	p := &Polls{wire: w}
	p.streams = NewStreams(feed, &Wire{Name: w.Name, Format: w.Format, Idle: w.Idle})
	p.streams.protocol = func(t *topic) protocol { return &polled{t, p} }
	return p
}

const (
	// again is how long requests are held for a connection until one is given back to the http.Server, and up to a
	// quarter longer.
	again = 5 * time.Minute
	// headWithin is how long a request's head may take, and mostHead its bytes; longer ones are the http.Server's to refuse.
	headWithin = 10 * time.Second
	mostHead   = 16 << 10
)

// Shutdown answers what is held and closes the connections.
func (p *Polls) Shutdown(ctx context.Context) error { return p.streams.Shutdown(ctx) }

// May reports whether the request can be held here. It has a body, a connection that ends with it, or no bare socket
// otherwise.
func (p *Polls) May(r *http.Request) bool {
	return serverOf(r) != nil && r.TLS == nil && r.ProtoMajor == 1 && r.ProtoMinor == 1 && !r.Close &&
		r.Method == http.MethodGet && repeat.Of(r) != 0 &&
		!p.covered.Load() && !p.streams.draining.Load() && p.streams.Fast()
}

func serverOf(r *http.Request) *http.Server {
	srv, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	return srv
}

// Hold takes the connection of a request that [Polls.May] be held, and answers it when there is something after cursor,
// or after hold. A step that it returns, where there is something already, and an error, which is one of
// [Streams.Open]'s, are the caller's to answer with; where both are nil nothing is.
func (p *Polls) Hold(
	w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision, hold time.Duration,
) (*Step, error) {
	st, err := p.streams.Open(r, ch, cursor)
	if err != nil {
		return nil, err
	}
	if !st.First.Heartbeat() {
		st.Close()
		return st.First, nil
	}
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		st.Close()
		p.covered.Store(true)
		return st.First, nil
	}
	if back, ok := conn.(*returned); ok {
		conn = back.Conn // what it had read is used up: the request was read from it
	}
	if !st.Bare(conn) || buf.Reader.Buffered() > 0 {
		p.covered.Store(p.covered.Load() || !st.Bare(conn))
		defer st.Close()
		_ = conn.SetWriteDeadline(time.Now().Add(p.streams.Stall()))
		_, _ = conn.Write(st.First.Encode(p.wire.Drain))
		_ = conn.Close()
		return nil, nil
	}
	until := time.Now().Add(again + rand.N(again/4))
	if expires := st.grant.Expires; !expires.IsZero() && expires.Before(until) {
		until = expires
	}
	a := &asker{
		server: serverOf(r), may: route.Repeats(r), first: repeat.Of(r), hold: hold, until: until.UnixNano(),
	}
	err = st.topic.hand(conn, fanout.Join{
		Cursor: int64(cursor), Once: true, Guarded: st.grant.WhilePublic, Due: time.Now().Add(hold),
		Data: &seated{seat: st.seat, state: a},
	})
	if err != nil { // the feed is closing
		_ = conn.Close()
		st.Close()
	}
	return nil, nil
}

// asker is what is kept of a connection whose requests are held.
type asker struct {
	server *http.Server
	may    func() bool // asked before each request, where not nil
	first  uint64      // of the request that began; 0 once same is known
	same   uint64      // what the head of the same request is like, but for the cursor
	hold   time.Duration
	until  int64  // when the next request is given back; Unix nanoseconds
	idle   bool   // waits for its next request, for which it has FeedOptions.Stall
	head   []byte // of the next request, as far as it has come
}

// matches reports whether head is of the request that began the holding, and returns its cursor.
func (a *asker) matches(head []byte) (cursor motacilla.Revision, ok bool) {
	hash, since, ok := repeat.Cut(head)
	if !ok {
		return 0, false
	}
	if a.same == 0 {
		if repeat.Parse(head) != a.first {
			return 0, false
		}
		a.same, a.first = hash, 0
	}
	cursor, err := motacilla.ParseRevision(since)
	return cursor, err == nil && hash == a.same && time.Now().UnixNano() < a.until && (a.may == nil || a.may())
}

// polled is the protocol of held requests.
type polled struct {
	*topic
	polls *Polls
}

func (t *polled) of(r *fanout.Reader) *asker { return r.Data.(*seated).state.(*asker) }

// Input is fanout.Protocol's.
func (t *polled) Input(r *fanout.Reader, data []byte) {
	a := t.of(r)
	if r.Asking() || r.Ending() { // nobody asks before the answer is there; who does, asks again
		r.Close()
		return
	}
	if len(a.head) > 0 {
		data = append(a.head, data...)
	}
	end := bytes.Index(data, []byte("\r\n\r\n")) + 4
	if end < 4 && len(data) < mostHead {
		if len(a.head) == 0 {
			r.SetDue(headWithin)
		}
		a.head, a.idle = append([]byte(nil), data...), true
		return
	}
	cursor, ok := motacilla.Revision(0), false
	if end == len(data) {
		cursor, ok = a.matches(data)
	}
	if !ok {
		t.giveBack(r, a, data)
		return
	}
	a.head, a.idle = nil, false
	r.SetDue(a.hold)
	r.Ask(int64(cursor))
}

// giveBack has the http.Server serve the connection, from the bytes that were read on.
func (t *polled) giveBack(r *fanout.Reader, a *asker, read []byte) {
	conn := r.Detach()
	if conn == nil {
		r.Close()
		return
	}
	l := &single{&returned{Conn: conn, read: append([]byte(nil), read...)}, conn.LocalAddr()}
	go func() {
		_ = a.server.Serve(l) // it serves the one connection in a goroutine of its own, and returns
		l.close()
	}()
}

// Due is fanout.Protocol's.
func (t *polled) Due(r *fanout.Reader) {
	a := t.of(r)
	switch {
	case r.Asking():
		r.Answer(t.Idle(r.Cursor()))
		r.SetDue(t.polls.streams.Stall())
		a.idle = true
	case a.idle:
		r.Close()
	default:
		r.SetDue(t.polls.streams.Stall())
		a.idle = true
	}
}

// Refused is fanout.Protocol's: the reader comes back, and is told.
func (t *polled) Refused(r *fanout.Reader) {
	t.of(r).until = 0
	r.Answer(t.Idle(r.Cursor()))
}

// Last is fanout.Protocol's.
func (t *polled) Last(r *fanout.Reader) { t.of(r).until = 0 }

func (t *polled) bye(r *fanout.Reader, _ End) {
	if r.Asking() {
		r.Answer(t.idle(motacilla.Revision(r.Cursor())).Encode(t.polls.wire.Drain))
	}
	r.End(nil, 0)
}

// returned is a connection from which something has been read already.
type returned struct {
	net.Conn
	read []byte
}

func (c *returned) Read(b []byte) (int, error) {
	if len(c.read) > 0 {
		n := copy(b, c.read)
		if c.read = c.read[n:]; len(c.read) == 0 {
			c.read = nil
		}
		return n, nil
	}
	return c.Conn.Read(b)
}

// single is a listener that accepts one connection.
type single struct {
	conn *returned
	addr net.Addr
}

// Accept is net.Listener's.
func (l *single) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, net.ErrClosed
	}
	conn := l.conn
	l.conn = nil
	return conn, nil
}

// close closes the connection where the server did not take it.
func (l *single) close() {
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// Close is net.Listener's.
func (l *single) Close() error { return nil }

// Addr is net.Listener's.
func (l *single) Addr() net.Addr { return l.addr }
