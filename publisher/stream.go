package publisher

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
)

// Bare reports whether the reader's connection can be handed over: there is a fan-out, and conn is the socket itself.
func (st *Stream) Bare(conn net.Conn) bool { return fanout.Bare(conn) && st.streams.Fast() }

// Hand gives the connection, which was hijacked, to the fan-out, which writes hello, with [Stream.First] in it, and all
// that follows. state is what Wire.Input gets. The stream and the connection are no longer the caller's.
func (st *Stream) Hand(conn net.Conn, hello []byte, state any) {
	if !st.First.Heartbeat() {
		st.streams.stats.Deliveries.Add(1)
	}
	err := st.topic.hand(conn, fanout.Join{
		Cursor: int64(st.First.Revision), Hello: hello, Guarded: st.grant.WhilePublic, Due: st.due,
		Data: &seated{seat: st.seat, state: state, expires: !st.due.IsZero() && st.due.Equal(st.grant.Expires)},
	})
	if err != nil { // the feed is closing
		_ = conn.Close()
		st.Close()
	}
}

// Close ends a stream that was not handed over.
func (st *Stream) Close() {
	st.seat.Release()
	st.streams.leave(st.topic)
}

// OnCut has f called where a drain's patience ends before the reader has left: it is to break off what write is waiting
// in. stop takes that back.
func (st *Stream) OnCut(f func()) (stop func() bool) { return context.AfterFunc(st.streams.patient, f) }

// Run writes what the reader is to have with write, in the caller's goroutine, until it ends, and returns why: First,
// and then what comes; a step that is a heartbeat is to be written in the Wire's Idle format. write has to come back
// within FeedOptions.Stall; where it fails with a deadline's error the reader counts as one that took nothing. After an
// EndLeft there is nobody to say farewell to. Close the stream when the connection is.
func (st *Stream) Run(ctx context.Context, write func(step *Step) error) End {
	t := st.topic
	if !st.due.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, st.due)
		defer cancel()
	}
	cursor := st.First.Revision
	if end, over := st.write(st.First, write); over {
		return end
	}
	_, beats := t.watch()
	for {
		wake, beat := t.watch() // before looking, so that what comes meanwhile is seen
		if end, over := st.drained(ctx); over {
			return end
		}
		var again <-chan time.Time
		step, err := st.look(ctx, cursor)
		switch {
		case errors.Is(err, motacilla.ErrForbidden):
			return EndForbidden
		case errors.Is(err, motacilla.ErrUnavailable):
			again = time.After(st.streams.feed.options.Repair)
		case err != nil && ctx.Err() == nil:
			return EndDrain // the feed is closed
		}
		if step == nil && beat != beats {
			step = t.idle(cursor)
		}
		beats = beat
		if step != nil {
			cursor = step.Revision
			if end, over := st.write(step, write); over {
				return end
			}
		}
		select {
		case <-wake:
		case <-again:
		case <-ctx.Done():
			return st.ended(ctx)
		}
	}
}

func (st *Stream) write(step *Step, write func(step *Step) error) (end End, over bool) {
	stats := st.streams.stats
	if err := write(step); err != nil {
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			stats.SlowClosed.Add(1)
		}
		return EndLeft, true
	}
	if !step.Heartbeat() {
		stats.Deliveries.Add(1)
	}
	return EndGone, step.Gone
}

// look returns what follows cursor; nil where nothing does.
func (st *Stream) look(ctx context.Context, cursor motacilla.Revision) (step *Step, err error) {
	c := st.topic.channel
	if step = st.topic.remembered(cursor); step == nil {
		step, _, err = c.step(ctx, cursor)
	}
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		return c.farewell(cursor), nil
	case err != nil:
		return nil, err
	case st.grant.WhilePublic && step.private:
		return nil, motacilla.ErrForbidden
	case step.Heartbeat():
		return nil, nil
	}
	return step, nil
}

// ended is why the stream ends where ctx has.
func (st *Stream) ended(ctx context.Context) End {
	switch expires := st.grant.Expires; {
	case !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return EndLeft
	case !expires.IsZero() && !time.Now().Before(expires):
		return EndForbidden
	}
	return EndLifetime
}

// drained reports whether the stream is to end in a drain, when its turn has come.
func (st *Stream) drained(ctx context.Context) (end End, draining bool) {
	wait, draining := st.streams.ends()
	if draining && wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return EndDrain, draining
}
