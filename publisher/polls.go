package publisher

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
	"github.com/motacilla-live/motacilla/publisher/internal/repeat"
	"github.com/motacilla-live/motacilla/route"
)

// PollWire says how the answers of [Polls] look. Each is a whole HTTP/1.1 answer, head and body.
type PollWire struct {
	Name   string  // the publisher's, in metrics
	Format *Format // of an update
	// Private is of an update of a private channel, see [Wire]; nil means Format.
	Private *Format
	// Idle returns the answer without news, which has the heartbeat u. It is asked for because the time is up (EndLifetime), the
	// reader may read no more (EndForbidden) or the server stops (EndDrain; the answer has the header Connection: close).
	Idle func(u *motacilla.Update, round int64, why End) []byte
	// Past reports whether the round is over, so that a request without news is answered at once.
	Past func(cursor motacilla.Revision, round int64) bool
}

// NoRound is the round of a request that has none.
const NoRound int64 = -1

const roundDigits = 15 // so that JavaScript's numbers hold every round

// ParseRound parses a round: one to 15 ASCII digits. The error is an ErrInvalid that names the field round.
func ParseRound(s string) (int64, error) {
	round, err := strconv.ParseUint(s, 10, 63)
	if err != nil || len(s) > roundDigits {
		return NoRound, motacilla.Invalid("round", "must be a whole number of at most %d digits", roundDigits)
	}
	return int64(round), nil
}

// Polls parks requests that ask for what follows ?since, until something does. A parked request is a cursor in the epoll
// engine and has no goroutine.
//
// When a request has been answered, the engine reads the next one of its connection. If that is the same request but for its
// cursor and its round, it is parked again, without the handlers. Any other request is unparked: its connection goes back to the
// http.Server. So does every connection from time to time, and when its reader's permission ends or is revoked, so that the handlers
// ask for permission again.
type Polls struct {
	streams *Streams
	wire    *PollWire
	wrapped [2]atomic.Bool // without and with TLS: this server's connections are not for the epoll engine
}

// NewPolls returns Polls without requests.
func NewPolls(feed *Feed, w *PollWire) *Polls {
	p := &Polls{wire: w}
	p.streams = NewStreams(feed, &Wire{Name: w.Name, Format: w.Format, Private: w.Private})
	p.streams.protocol = func(t *topic) protocol { return &pollProtocol{t, p} }
	return p
}

// unparkAfter is how long a connection's requests are parked until one is given back to the http.Server. A random part of up
// to a quarter is added.
const unparkAfter = 5 * time.Minute

// Shutdown answers parked requests and closes their connections.
func (p *Polls) Shutdown(ctx context.Context) error { return p.streams.Shutdown(ctx) }

// CanPark reports whether the request can be parked. It cannot if it has a body, ends its connection, or did not come over
// HTTP/1.1, either plain or over TLS 1.3.
func (p *Polls) CanPark(r *http.Request) bool {
	return serverOf(r) != nil && (r.TLS == nil || r.TLS.Version == tls.VersionTLS13) && r.ProtoMajor == 1 && r.ProtoMinor == 1 &&
		!r.Close && r.Method == http.MethodGet && repeat.Of(r) != 0 &&
		!p.wrappedFor(r).Load() && !p.streams.draining.Load() && p.streams.HasEngine()
}

func (p *Polls) wrappedFor(r *http.Request) *atomic.Bool {
	if r.TLS != nil {
		return &p.wrapped[1]
	}
	return &p.wrapped[0]
}

func serverOf(r *http.Request) *http.Server {
	srv, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	return srv
}

// Park parks a request for which [Polls.CanPark] is true. The request is answered when something follows cursor, after hold,
// or when the reader's permission ends or is revoked. round is the request's, or NoRound.
//
// If Park returns a delta or an error, the caller must answer with it: something follows cursor already, or the request cannot
// be parked. The errors are those of [Streams.Open]. If both are nil, the request is no longer the caller's.
func (p *Polls) Park(
	w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision, round int64, hold time.Duration,
) (*Delta, error) {
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
		p.wrappedFor(r).Store(true)
		return st.First, nil
	}
	if !st.CanJoin(conn) || buf.Reader.Buffered() > 0 {
		if !st.mayJoin(conn) {
			p.wrappedFor(r).Store(true)
		}
		defer st.Close()
		_ = conn.SetWriteDeadline(time.Now().Add(p.streams.Stall()))
		_, _ = conn.Write(p.wire.Idle(st.First.Update, round, EndDrain))
		_ = conn.Close()
		return nil, nil
	}
	c := &pollConn{
		server: serverOf(r), mayRepeat: route.Repeats(r), first: repeat.Of(r), hold: hold, round: round,
		until: time.Now().Add(unparkAfter + rand.N(unparkAfter/4)),
	}
	if !st.due.IsZero() && st.due.Before(c.until) {
		c.until = st.due
	}
	st.join(conn, fanout.Join{
		Cursor: int64(cursor), Once: true, Guarded: st.guarded, Due: time.Now().Add(c.wait()),
		Data: &member{slot: st.slot, state: c, watch: newWatch(st.holder)},
	})
	return nil, nil
}
