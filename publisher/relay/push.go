package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// work pushes what is due, until ctx ends.
func (l *leader) work(ctx context.Context) {
	for {
		at, ok := l.lanes.take(ctx)
		if !ok {
			return
		}
		probe, err := l.gate.enter(ctx)
		if err != nil {
			l.lanes.again(at)
			return
		}
		l.serve(ctx, at, probe)
	}
}

// serve brings the hub level with one channel.
func (l *leader) serve(ctx context.Context, at place, probe bool) {
	d, err := l.next(ctx, &at)
	switch {
	case err != nil: // of the store
		l.gate.giveBack(probe)
		if ctx.Err() == nil {
			l.log.Debug("a channel can't be read; it is tried again", zap.String("channel", string(at.id)), zap.Error(err))
		}
		sleep(ctx, 4*shortest+jitter(4*shortest))
		l.lanes.again(at)
		return
	case d == nil: // there never was anything of it
		l.gate.giveBack(probe)
		l.lanes.drop(at)
		return
	case d.Heartbeat(), at.private && !l.o.Private:
		l.gate.giveBack(probe)
		l.taken(at, d)
		return
	}
	m := l.message(d)
	err = l.push(m)
	if l.unwanted(err) && l.rest(m, err) {
		l.gate.giveBack(probe)
		l.lanes.again(at)
		return
	}
	if errors.Is(err, ErrUnfinished) {
		l.gate.leave(probe, nil)
		l.lanes.again(at)
		return
	}
	refused := work.IsPermanent(err)
	if err != nil && !refused && l.late(at, m) {
		err, refused = fmt.Errorf("for longer than %v the hub has not taken it: %w", l.traits.Patience, err), true
		l.gate.leave(probe, err)
	} else if refused {
		l.gate.leave(probe, nil)
	} else {
		l.gate.leave(probe, err)
	}
	if refused {
		err = l.giveUp(at, m, err)
		at.sending = at.sending && err != nil
	}
	if err != nil {
		l.failed(m, err)
		l.lanes.again(at)
		return
	}
	if !refused {
		l.stats.pushed(d)
	}
	l.taken(at, d)
}

// next returns what the hub lacks of a channel; nil if it has had nothing of it, and never will.
func (l *leader) next(ctx context.Context, at *place) (*publisher.Delta, error) {
	if at.fresh {
		c, err := l.kit.Feed.Channel(ctx, at.id)
		if errors.Is(err, motacilla.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		at.private = c.Access != motacilla.Public
		at.cursor = motacilla.Revision(c.Created.UnixMicro()) // the revision that made it
	}
	d, err := l.kit.Feed.Since(ctx, at.id, at.cursor)
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		d = l.kit.Feed.Gone(at.id, at.cursor, at.private)
	case err != nil:
		return nil, err
	default:
		at.private = d.Private()
	}
	switch {
	case !d.Gone:
		at.gone = time.Time{}
	case at.gone.IsZero():
		at.gone = l.kit.Feed.Options().Clock.Now()
	}
	return d, nil
}

// message returns what is pushed: d, or a notice if d is too large.
func (l *leader) message(d *publisher.Delta) *Message {
	m := &Message{Delta: d, Term: l.term.Token}
	if most := l.traits.MaxBytes; most > 0 && len(d.Encode(l.traits.Format)) > most {
		m.Delta, m.Notice = l.kit.Feed.Notice(d), true
	}
	return m
}

// errNotHeld says that the lease ended before its timer has told.
var errNotHeld = errors.New("the lease is no longer this node's")

// push hands a message to the hub.
func (l *leader) push(m *Message) (err error) {
	ctx, cancel := context.WithTimeoutCause(l.pushes, l.o.Timeout, fmt.Errorf("the hub has not answered for %v", l.o.Timeout))
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			l.log.Error("a push has panicked", zap.Any("panic", p), zap.StackSkip("stack", 1))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if !l.term.Held() {
		return errNotHeld
	}
	err = l.hub.Push(context.WithValue(ctx, heldKey{}, l.term.Held), m)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// late reports whether a message has waited for longer than the hub is given.
func (l *leader) late(at place, m *Message) bool {
	since := at.gone // the revision of an end is no time
	if !m.Gone {
		oldest := m.Revision
		for _, r := range m.Renders {
			if r.Revision > m.From { // a reset has older ones too
				oldest = min(oldest, r.Revision)
			}
		}
		since = oldest.Time()
	}
	return l.traits.Patience > 0 && l.kit.Feed.Options().Clock.Now().Sub(since) > l.traits.Patience
}

// giveUp tells of a message that the hub will never take.
func (l *leader) giveUp(at place, m *Message, cause error) error {
	if l.traits.GaveUp != nil {
		ctx, cancel := context.WithTimeout(l.pushes, l.o.Timeout)
		defer cancel()
		if err := l.traits.GaveUp(ctx, m, cause); err != nil {
			return fmt.Errorf("%w; giving it up: %w", cause, err)
		}
	}
	if l.traits.Letters && !l.write(at.id, at.cursor, m.Revision, at.sending, cause) {
		return fmt.Errorf("%w; it can't be kept as a letter", cause)
	}
	l.stats.refused.Add(1)
	l.log.Warn("the hub will not take an update; readers get it from the origin",
		zap.String("message", m.ID()), zap.Error(cause))
	return nil
}

// failed tells of a push that is made again.
func (l *leader) failed(m *Message, err error) {
	l.stats.failed.Add(1)
	if l.pushes.Err() != nil {
		return
	}
	now := time.Now().Unix()
	if last := l.stats.told.Load(); now-last >= 60 && l.stats.told.CompareAndSwap(last, now) {
		l.log.Warn("the hub takes no updates; it is tried again and again, and told of once in a minute",
			zap.String("message", m.ID()), zap.Time("since", l.gate.closedSince()), zap.Error(err))
	}
}

// taken notes that the hub is at the end of d.
func (l *leader) taken(at place, d *publisher.Delta) {
	if at.sending {
		l.sent(at.id)
		at.sending = false
	}
	if d.Gone {
		l.points.forget(at.id)
		l.lanes.drop(at)
		return
	}
	moved := at.fresh || at.cursor != d.Revision
	at.cursor, at.fresh = d.Revision, false
	if moved {
		l.points.set(at.id, at.cursor, at.private)
	}
	l.lanes.done(at)
}
