package relay

import (
	"context"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// place is where the hub is in a channel.
type place struct {
	id      motacilla.ChannelID
	cursor  motacilla.Revision // the hub has everything up to it
	fresh   bool               // the hub has nothing of it yet, and cursor is not known
	private bool               // as far as is known
	sending bool               // what is pushed is what a letter is about
	gone    time.Time          // when it was first seen that the channel was deleted
}

// lane is what the leader knows of one channel.
type lane struct {
	place
	heard  motacilla.Revision // the newest head that the store has told of
	back   motacilla.Revision // what is pushed next begins here again; 0 is nowhere
	letter int64              // the version of the record that wanted it so
	phase  phase
	dirty  bool   // there was news while it was taken
	seen   uint64 // the last look in which the store had it
}

type phase uint8

const (
	idle   phase = iota // the hub has what was heard of
	queued              // it is in the queue
	taken               // a goroutine pushes
)

// lanes are those of all channels, and the queue of those that have something for the hub. All methods may be called from many
// goroutines at once.
type lanes struct {
	mu    sync.Mutex
	some  sync.Cond // the queue has something
	by    map[motacilla.ChannelID]*lane
	queue []*lane // in the order in which they became due
	count int     // of lanes that are not idle
}

func newLanes() *lanes {
	ls := &lanes{by: make(map[motacilla.ChannelID]*lane)}
	ls.some.L = &ls.mu
	return ls
}

// restore puts a channel at a checkpoint.
func (ls *lanes) restore(id motacilla.ChannelID, cursor motacilla.Revision, private bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.by[id] = &lane{place: place{id: id, cursor: cursor, private: private}, heard: cursor}
}

// rewind has the hub get again what came after a revision, because a letter of this version wants it. It returns false if it has
// done so for this version before.
func (ls *lanes) rewind(id motacilla.ChannelID, from motacilla.Revision, version int64) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.of(id)
	if l.letter == version {
		return false
	}
	l.back, l.letter = max(from, 1), version
	ls.due(l)
	return true
}

// rewindAgain lets a letter of the same version rewind the channel once more.
func (ls *lanes) rewindAgain(id motacilla.ChannelID) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.by[id]; l != nil {
		l.letter = 0
	}
}

// hear takes a hint of the store's.
func (ls *lanes) hear(id motacilla.ChannelID, head motacilla.Revision) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.of(id)
	if l.fresh || head > l.heard {
		l.heard = max(l.heard, head)
		ls.due(l)
	}
}

// list takes what the store has of a channel, in a look of this number.
func (ls *lanes) list(c *motacilla.Channel, look uint64) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.of(c.ID)
	l.seen, l.private = look, c.Access != motacilla.Public
	if l.fresh || c.Head != l.cursor {
		ls.due(l)
	}
}

// missing makes those channels due that were there before a look of this number began, and that the store did not list.
func (ls *lanes) missing(look uint64) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.by {
		if l.seen < look && !l.fresh {
			ls.due(l)
		}
	}
}

// of returns the lane of a channel, a new one if there is none.
func (ls *lanes) of(id motacilla.ChannelID) *lane {
	l := ls.by[id]
	if l == nil {
		l = &lane{place: place{id: id, fresh: true}}
		ls.by[id] = l
	}
	return l
}

// due puts the lane into the queue, unless it is there.
func (ls *lanes) due(l *lane) {
	switch l.phase {
	case idle:
		ls.count++
		ls.push(l)
	case taken:
		l.dirty = true
	}
}

func (ls *lanes) push(l *lane) {
	l.phase = queued
	ls.queue = append(ls.queue, l)
	ls.some.Signal()
}

// take waits for a lane that is due, and makes it the caller's, who must call done, again or drop. ok is false if ctx has ended.
func (ls *lanes) take(ctx context.Context) (at place, ok bool) {
	undo := context.AfterFunc(ctx, func() {
		ls.mu.Lock()
		defer ls.mu.Unlock()
		ls.some.Broadcast()
	})
	defer undo()
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for len(ls.queue) == 0 || ctx.Err() != nil {
		if ctx.Err() != nil {
			return place{}, false
		}
		ls.some.Wait()
	}
	l := ls.queue[0]
	ls.queue[0] = nil
	ls.queue = ls.queue[1:]
	l.phase, l.dirty = taken, false
	if l.back != 0 {
		if l.fresh || l.back < l.cursor {
			l.cursor, l.fresh = l.back, false
		}
		l.back, l.sending = 0, true
	}
	return l.place, true
}

// done gives a lane back, at the place where the hub is now.
func (ls *lanes) done(at place) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.by[at.id]
	l.place = at
	if l.dirty {
		ls.push(l)
		return
	}
	l.phase, l.heard = idle, l.cursor // what was heard of and is not there finds the next look
	ls.count--
}

// again gives a lane back that is still due.
func (ls *lanes) again(at place) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.by[at.id]
	l.gone = at.gone
	ls.push(l)
}

// drop forgets a channel that was deleted, unless there was news of it meanwhile.
func (ls *lanes) drop(at place) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.by[at.id]
	ls.count--
	delete(ls.by, l.id)
	if l.dirty {
		ls.due(ls.of(l.id))
	}
}

// behind returns how many channels have something that the hub has not.
func (ls *lanes) behind() int {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.count
}
