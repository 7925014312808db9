package publisher

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
)

// state is what Feed knows of a channel at one moment. It is never changed: the loader makes the next one from it. Reading a
// state neither blocks nor locks.
type state struct {
	channel  motacilla.Channel // its Head is the newest revision that is here
	gone     bool              // the channel was deleted, at Head
	at       time.Time         // when Head reached this node
	log      changeLog
	back     *lookup       // what the log is to reach back to, when it has come as far as the lookup; nil if there is nothing
	deltas   *deltas       // that were made from this state; a state that has nothing new for readers shares them
	snapshot *snapshot     // the snapshot that was read last; it may be older or newer than Head; nil if there is none
	quiet    time.Time     // since when readers have had nothing
	beats    uint64        // how many heartbeats were due so far
	moved    chan struct{} // closed when a state follows that has something for readers
}

// firstState is the state of a channel that was read now. most is how many posts one delta may carry; encodings counts them.
func firstState(c motacilla.Channel, most int, now time.Time, encodings *atomic.Int64) *state {
	return &state{
		channel: c, at: now, log: logFrom(c.Head, most), deltas: newDeltas(encodings), quiet: time.Now(), moved: make(chan struct{}),
	}
}

func (s *state) head() motacilla.Revision { return s.channel.Head }

// lacks reports whether cursor is newer than everything that s knows.
func (s *state) lacks(cursor motacilla.Revision) bool { return !s.gone && cursor > s.head() }

func (s *state) private() bool { return s.channel.Access != motacilla.Public }

// delta returns what carries a reader from cursor to the head. If there is none, look says that the loader has to look
// further back, or forward; otherwise a snapshot is due.
func (s *state) delta(cursor motacilla.Revision) (d *Delta, look bool) {
	if d, known := s.deltas.get(cursor); known {
		return d, false
	}
	u := &motacilla.Update{Channel: s.channel.ID, From: cursor, Revision: s.head()}
	if s.gone {
		u.Gone, u.Revision = true, max(s.head(), cursor+1)
		return s.keep(u), false
	}
	if known, unsure := s.log.knows(cursor, s.head()); !known {
		return nil, unsure
	}
	if !s.log.since(u, cursor) {
		s.deltas.mark(cursor)
		return nil, false
	}
	if s.log.stateAt > cursor {
		u.State = &motacilla.State{Title: s.channel.Title, Ended: s.channel.Ended}
	}
	return s.keep(u), false
}

// access returns who may read what there was at head. known is false if neither the state nor its snapshot is so new.
func (s *state) access(head motacilla.Revision) (access motacilla.Access, known bool) {
	switch {
	case !s.lacks(head):
		return s.channel.Access, true
	case s.snapshot != nil && s.snapshot.Revision >= head:
		return s.snapshot.access, true
	}
	return s.channel.Access, false
}

// outgrown reports whether so much has happened after the snapshot that another should be read before a reader needs it. So
// readers whom no delta serves can be answered even if the store is slow by then.
func (s *state) outgrown() bool {
	var read motacilla.Revision
	if s.snapshot != nil {
		read = s.snapshot.Revision
	}
	return !s.gone && len(s.log.changes)-s.log.after(read) > s.log.most/2
}

// keep makes u the delta for all readers at its cursor.
func (s *state) keep(u *motacilla.Update) *Delta {
	return s.deltas.put(u.From, &Delta{
		Update: u, At: s.at, private: s.private(), encodings: s.deltas.encodings, room: &s.deltas.room,
	})
}

// fresh is what the loader has read of the store after a state's head.
type fresh struct {
	changes motacilla.Changes
	renders []motacilla.Render // of changes.Posts
	channel *motacilla.Channel // nil if it is not known to have changed
	at      time.Time
	lost    bool // the store has lost a revision that readers may have got from it, though the state does not have it
}

// next returns the state after what was read. If that is not all that happened, the log begins anew.
func (s *state) next(read fresh) *state {
	n, changes, head := *s, read.changes, s.head()
	switch {
	case changes.Deleted:
		n.gone, n.snapshot, n.back = true, nil, nil
		changes.Head = max(changes.Head, head+1)
	case carriesOn(changes):
		n.log = s.log.extend(changes, read.renders)
		if n.back != nil && n.back.changes.Head <= changes.Head {
			n.log, n.back = n.log.reach(*n.back, changes.Head), nil
		}
	default:
		if read.channel != nil { // read later: its head may be newer
			changes.Head = read.channel.Head
		}
		n.log = logFrom(changes.Head, s.log.most)
		n.log.floor = changes.Floor
		n.log.tooMuch = min(s.log.tooMuch, changes.Head)
		if changes.Known && changes.Truncated {
			n.log.tooMuch = max(n.log.tooMuch, head)
		}
		n.back = nil
		if !changes.Known {
			n.snapshot = nil
		}
	}
	if read.channel != nil {
		n.channel = *read.channel
	}
	n.channel.Head = changes.Head
	if read.lost {
		n.snapshot = nil
	}
	if read.lost || changes.Head != head || !carriesOn(changes) {
		n.at, n.quiet = read.at, time.Now()
		n.deltas, n.moved = newDeltas(s.deltas.encodings), make(chan struct{})
	}
	return &n
}

// lookup is what the loader has read of the store after a cursor that is older than a state's log.
type lookup struct {
	cursor  motacilla.Revision
	changes motacilla.Changes
	renders []motacilla.Render // of changes.Posts
}

// reached returns the state whose log begins at the cursor of a lookup, as far as a log can keep that.
func (s *state) reached(back lookup) *state {
	n, changes := *s, back.changes
	switch {
	case carriesOn(changes) && changes.Head > s.head(): // the store is further than this state
		n.back = &back
	case carriesOn(changes):
		n.log = s.log.reach(back, s.head())
	case changes.Known && changes.Truncated:
		n.log.tooMuch = max(s.log.tooMuch, back.cursor)
	}
	if changes.Head >= s.head() {
		n.log.floor = max(s.log.floor, changes.Floor)
	}
	return &n
}

// old returns the delta that a lookup found. The log need not reach so far back.
func (s *state) old(back lookup) *Delta {
	changes := back.changes
	u := &motacilla.Update{
		Channel: s.channel.ID, From: back.cursor, Revision: changes.Head, Renders: oldestFirst(slices.Clone(back.renders)),
	}
	for _, gone := range changes.Removed {
		u.Removals = append(u.Removals, gone.ID)
	}
	slices.Sort(u.Removals)
	d := &Delta{Update: u, At: s.at, private: s.private(), encodings: s.deltas.encodings}
	if c := changes.Channel; c != nil {
		u.State = &motacilla.State{Title: c.Title, Ended: c.Ended}
		d.private = c.Access != motacilla.Public
	}
	return d
}

// withSnapshot returns the state with the snapshot that was read last.
func (s *state) withSnapshot(read *snapshot) *state {
	n := *s
	if !s.gone {
		n.snapshot = read
	}
	return &n
}

// beat returns the state in which one more heartbeat is due.
func (s *state) beat() *state {
	n := *s
	n.beats++
	n.quiet, n.moved = time.Now(), make(chan struct{})
	return &n
}

// carriesOn reports whether changes are all that happened.
func carriesOn(changes motacilla.Changes) bool {
	return changes.Known && !changes.Truncated && !changes.Deleted
}
