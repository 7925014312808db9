package publisher

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/flight"
	"go.uber.org/zap"
)

// loader reads the store for one channel, and is the only writer of the channel's state. Reads of different things run at the
// same time: what is new, what happened after an old cursor, the snapshot. Readers share them: see package flight.
type loader struct {
	channel *channel
	renders renderCache
	state   atomic.Pointer[state] // nil until the channel was read
	swaps   sync.Mutex            // held while the next state is made and put in place; never while the store is read

	changes   flight.Flight[struct{}]
	lookups   flight.Group[motacilla.Revision, *Delta]
	snapshots flight.Flight[*snapshot]

	heard  atomic.Int64 // the newest head that the store has told of
	lost   atomic.Bool  // the store's head is older than ours: it may have lost writes
	asked  atomic.Int64 // readers that wait at cursors newer than our head
	failed atomic.Int64 // when reading what is new failed, if the last time did; Unix nanoseconds by the feed's clock, or 0
}

// mostLookups is how many old cursors of a channel are looked up at a time. One lookup may answer others, so that more at a time
// would be more reads. They have their turn in the order in which they came. Only the store can tell an invented cursor
// from an issued one, so n invented ones delay an issued one by n/2 reads. Limits per address (server.limits) bound n.
const mostLookups = 2

func (l *loader) init(c *channel) {
	spawn := c.feed.work.spawn
	l.channel = c
	l.changes.Spawn, l.changes.Load = spawn, func() (struct{}, error) { return struct{}{}, l.refresh() }
	l.lookups.Spawn, l.lookups.Load = spawn, l.lookUp
	l.lookups.Slots = make(chan struct{}, mostLookups)
	l.snapshots.Spawn, l.snapshots.Load = spawn, l.readSnapshot
}

// notified takes a hint of the store's. It does not block.
func (l *loader) notified(head motacilla.Revision) {
	for heard := l.heard.Load(); heard < int64(head) && !l.heard.CompareAndSwap(heard, int64(head)); heard = l.heard.Load() {
	}
	if s := l.state.Load(); s != nil && l.behind(s) {
		l.changes.Start()
	}
}

// compare takes the store's head, 0 if the channel is not there, as a read found it that began when ours was at before. We may
// have moved on meanwhile: that does not mean that the store has lost something.
func (l *loader) compare(head, before motacilla.Revision) {
	if head < before {
		l.lost.Store(true)
	}
	l.notified(head)
}

// behind reports whether the store has something that s has not.
func (l *loader) behind(s *state) bool {
	return !s.gone && (motacilla.Revision(l.heard.Load()) > s.head() || l.lost.Load())
}

// level reports whether a reader need not wait for more than s. After a failed read no reader waits until the store answers
// again, which is tried in the background.
func (l *loader) level(s *state) bool {
	if !l.behind(s) {
		return true
	}
	failed := l.failed.Load()
	if failed == 0 {
		return false
	}
	o := &l.channel.feed.options
	if o.Clock.Now().UnixNano()-failed >= int64(o.Repair) {
		l.changes.Start()
	}
	return true
}

// current reports whether the snapshot of s is as new as everything that was heard of.
func (l *loader) current(s *state) bool {
	return s.snapshot != nil && s.snapshot.Revision >= max(s.head(), motacilla.Revision(l.heard.Load())) && !l.lost.Load()
}

// serves reports whether the snapshot of s, though older than what was heard of, will do for a reader at cursor.
func (l *loader) serves(s *state, cursor motacilla.Revision) bool {
	last := s.snapshot
	return last != nil && last.Revision >= cursor && last.private == s.private() && !l.lost.Load()
}

// refresh reads what is new, if something is, and swaps in the next state. Nothing else moves the head.
func (l *loader) refresh() (err error) {
	s := l.state.Load()
	switch {
	case s == nil:
		return l.readFirst()
	case s.gone, !l.behind(s) && l.asked.Load() == 0:
		return nil
	}
	defer func() { l.remember(err) }()
	f, id, heard := l.channel.feed, l.channel.id, l.heard.Load()
	changes, err := f.reads.changes(id, s.head(), f.options.CatchUp)
	read := fresh{changes: changes, channel: changes.Channel, lost: motacilla.Revision(heard) > changes.Head}
	switch {
	case errors.Is(err, motacilla.ErrNotFound): // the store was restored to before the channel
		read.changes.Deleted = true
	case err != nil:
		return fmt.Errorf("read changes of channel %q: %w", id, err)
	case carriesOn(changes):
		read.renders = l.renderAll(changes.Posts)
	case !changes.Deleted: // too much happened, or this is another store: the title may differ
		if read.channel, err = l.readChannel(); err != nil {
			return err
		}
	}
	if read.changes.Deleted {
		f.channels.forget(l.channel)
	}
	read.at = f.options.Clock.Now()
	after := l.swap(func(s *state) *state { return s.next(read) })
	head := after.head()
	l.lost.Store(false)
	if after.outgrown() {
		l.snapshots.Ensure()
	}
	if heard > int64(head) { // the hint was of something that is no longer there
		l.heard.CompareAndSwap(heard, int64(head))
	}
	return nil
}

// readFirst reads the channel, and begins its log.
func (l *loader) readFirst() (err error) {
	defer func() { l.remember(err) }()
	f := l.channel.feed
	current, err := l.readChannel()
	if err == nil && current == nil {
		err = notFound(l.channel.id)
	}
	if err != nil {
		return err
	}
	l.swap(func(*state) *state {
		return firstState(*current, f.options.CatchUp, f.options.Clock.Now(), &f.metrics.encodings)
	})
	return nil
}

// readChannel returns nil if there is no such channel.
func (l *loader) readChannel() (*motacilla.Channel, error) {
	current, err := l.channel.feed.reads.channel(l.channel.id)
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read channel %q: %w", l.channel.id, err)
	}
	return &current, nil
}

// remember notes whether reading what is new failed. That there is no such channel is an answer, not a failure.
func (l *loader) remember(err error) {
	o := &l.channel.feed.options
	if err == nil || errors.Is(err, motacilla.ErrNotFound) {
		l.failed.Store(0)
		return
	}
	l.failed.Store(o.Clock.Now().UnixNano())
	o.Logger.Debug("reading a channel failed", zap.String("channel", string(l.channel.id)), zap.Error(err))
}

// lookUp reads what happened after an old cursor, and makes the log reach back to it if a log can. It returns the delta from
// there, or nil if the store does not know the cursor, or too much has happened since.
func (l *loader) lookUp(cursor motacilla.Revision) (*Delta, error) {
	f, id, s := l.channel.feed, l.channel.id, l.state.Load()
	if d, look := s.delta(cursor); d != nil || !look {
		return d, nil // another lookup has found it
	}
	changes, err := f.reads.changes(id, cursor, f.options.CatchUp)
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		return nil, fmt.Errorf("read changes of channel %q: %w", id, err)
	}
	var d *Delta
	back := lookup{cursor: cursor, changes: changes}
	if carriesOn(changes) {
		back.renders = l.renderAll(changes.Posts)
		d = s.old(back)
	}
	after := l.swap(func(s *state) *state { return s.reached(back) })
	switch {
	case changes.Head != after.head():
	case d == nil:
		after.deltas.mark(cursor)
	default: // the log may not reach so far back
		d.room = &after.deltas.room
		d = after.deltas.put(cursor, d)
	}
	l.compare(changes.Head, s.head())
	return d, nil
}

// swap puts the state that next makes in the place of the present one, and wakes whoever waits for it.
func (l *loader) swap(next func(*state) *state) *state {
	l.swaps.Lock()
	defer l.swaps.Unlock()
	before := l.state.Load()
	after := next(before)
	l.state.Store(after)
	if before == nil || before.moved == after.moved {
		return after
	}
	if before.beats == after.beats {
		l.channel.feed.metrics.moved(after.at.Sub(after.head().Time()))
	}
	close(before.moved)
	return after
}

// beat makes a heartbeat due if readers have had nothing for so long.
func (l *loader) beat(silence time.Duration) {
	if s := l.state.Load(); time.Since(s.quiet) >= silence {
		l.swap((*state).beat)
	}
}
