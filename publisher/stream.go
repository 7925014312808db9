package publisher

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/tlsrecord"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
	"github.com/motacilla-live/motacilla/route"
)

// Stream is one reader of a channel, from its request on. Its methods must not be called from two goroutines at once.
type Stream struct {
	First *Delta // what the reader gets first; a heartbeat if nothing is new

	streams *Streams
	topic   *topic
	slot    Slot
	holder  *route.Holder // of the permission; nil is not known
	due     time.Time     // when it has to end; zero is never
	expires bool          // due is when the permission ends
	guarded bool          // see fanout.Table.After
}

// CanJoin reports whether the epoll engine can write to conn: there is an engine, and conn is a bare socket, or one with TLS
// whose records the engine can take over.
func (st *Stream) CanJoin(conn net.Conn) bool {
	return fanout.Bare(parkable(conn)) && st.streams.HasEngine()
}

// mayJoin reports whether CanJoin may be true for other connections like conn.
func (st *Stream) mayJoin(conn net.Conn) bool {
	switch conn.(type) {
	case *unparked, *unparkedTLS:
		return true
	}
	return st.CanJoin(conn) || tlsrecord.Watches(conn)
}

// Join gives the reader's connection, which was hijacked, to the epoll engine, which writes hello, with [Stream.First] in it,
// and everything that follows. state is passed to Wire.Input. The caller must not use the stream or the connection afterwards.
func (st *Stream) Join(conn net.Conn, hello []byte, state any) {
	if !st.First.Heartbeat() {
		st.streams.stats.Deliveries.Add(1)
	}
	st.join(conn, fanout.Join{
		Cursor: int64(st.First.Revision), Hello: hello, Guarded: st.guarded, Due: st.due,
		Data: &member{slot: st.slot, state: state, expires: st.expires, watch: newWatch(st.holder)},
	})
}

func (st *Stream) join(conn net.Conn, j fanout.Join) {
	fan, err := st.topic.engine()
	if err == nil {
		err = fan.Join(parkable(conn), j)
	}
	if err != nil { // the feed is closing
		_ = conn.Close()
		st.Close()
	}
}

// Close ends a stream that the epoll engine does not have.
func (st *Stream) Close() {
	st.slot.Release()
	st.streams.leave(st.topic)
}

// OnCut calls f if the reader has not left when the time of a drain is over. f must break off the write that Run waits in. A call
// of stop cancels that, as that of context.AfterFunc does.
func (st *Stream) OnCut(f func()) (stop func() bool) { return context.AfterFunc(st.streams.patient, f) }

// Run writes First and then what comes, in the caller's goroutine, until the stream ends. It returns why. write must write
// a heartbeat after First in the Wire's Idle format. It must return within FeedOptions.Stall. If it fails with a deadline's
// error, the reader counts as stalled. After EndLeft, no close message can be sent. The caller must close the connection, and
// then the stream.
func (st *Stream) Run(ctx context.Context, write func(d *Delta) error) End {
	ctx, release := st.bounded(ctx)
	defer release()
	c := st.topic.channel
	beats, cursor := c.state().beats, st.First.Revision
	if end, over := st.write(st.First, write); over {
		return end
	}
	for {
		s := c.state() // before looking, so that what comes meanwhile ends the waiting
		if end, over := st.streams.drained(ctx); over {
			return end
		}
		var again <-chan time.Time
		d, err := st.next(ctx, s, cursor)
		switch {
		case errors.Is(err, motacilla.ErrForbidden):
			return EndForbidden
		case errors.Is(err, motacilla.ErrUnavailable):
			again = time.After(st.streams.feed.options.Repair)
		case err != nil && ctx.Err() == nil:
			return EndDrain // the feed is closed
		}
		if d == nil && s.beats != beats {
			d = c.heartbeat(cursor)
		}
		beats = s.beats
		if d != nil {
			end, over := st.write(d, write)
			if over {
				return end
			}
			if !d.Heartbeat() {
				st.topic.tallies.wrote(cursor, d.Revision)
			}
			cursor = d.Revision
		}
		select {
		case <-s.moved:
		case <-again:
		case <-st.streams.drain:
		case <-st.streams.feed.Done():
			return EndDrain
		case <-ctx.Done():
			return st.ended(ctx)
		}
	}
}

// next returns what follows cursor; nil if nothing does.
func (st *Stream) next(ctx context.Context, s *state, cursor motacilla.Revision) (*Delta, error) {
	d, _ := s.delta(cursor)
	if d == nil {
		var err error
		if d, err = st.topic.channel.delta(ctx, cursor); errors.Is(err, motacilla.ErrNotFound) {
			return st.topic.channel.gone(cursor), nil
		} else if err != nil {
			return nil, err
		}
	}
	switch {
	case st.guarded && d.private:
		return nil, motacilla.ErrForbidden
	case d.Heartbeat():
		return nil, nil
	}
	return d, nil
}

func (st *Stream) write(d *Delta, write func(d *Delta) error) (end End, over bool) {
	stats := st.streams.stats
	if err := write(d); err != nil {
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			stats.SlowClosed.Add(1)
		}
		return EndLeft, true
	}
	if !d.Heartbeat() {
		stats.Deliveries.Add(1)
	}
	return EndGone, d.Gone
}

// errRevoked is why a context ends whose reader may read no more.
var errRevoked = errors.New("the permission was revoked")

// bounded returns a context that ends with the stream's time or permission, and release, which must be called.
func (st *Stream) bounded(ctx context.Context) (bounded context.Context, release func()) {
	if st.due.IsZero() && !st.holder.Revocable() {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	unset := st.streams.feed.alarms.set(st.due, func() { cancel(context.DeadlineExceeded) })
	stop := st.holder.OnRevoke(func() { cancel(errRevoked) })
	return ctx, func() {
		unset()
		stop()
		cancel(nil)
	}
}

// ended returns why the stream ends when ctx, which is bounded, has.
func (st *Stream) ended(ctx context.Context) End {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errRevoked):
		return EndForbidden
	case !errors.Is(cause, context.DeadlineExceeded):
		return EndLeft
	case st.expires:
		return EndForbidden
	}
	return EndLifetime
}

// drained reports, when it is the reader's turn, whether a drain ends the stream.
func (s *Streams) drained(ctx context.Context) (end End, draining bool) {
	wait, draining := s.drainDelay()
	if draining && wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return EndDrain, draining
}
