package publisher

import (
	"cmp"
	"slices"

	"github.com/motacilla-live/motacilla"
)

// changeLog is what happened lately on a channel: every change after the revision from, up to the head. It is never changed:
// its methods return a new one. The log of a state and the log of the next share memory, so only the newest log may be
// extended.
type changeLog struct {
	most int // posts that one delta may carry

	from    motacilla.Revision   // a known cursor: a head, or one that the store knew
	sure    motacilla.Revision   // a cursor after sure that is not in issued was never issued
	issued  []motacilla.Revision // after from, oldest first; the last one is the head
	changes []change             // after from, oldest first; the newest change of each post is among them
	stateAt motacilla.Revision   // when the channel's title, access or end changed last, as far as is known here

	floor   motacilla.Revision // the oldest revision that the store remembers
	tooMuch motacilla.Revision // after this cursor, and older ones, more happened than one delta carries
}

// change is what one revision did to a post.
type change struct {
	revision motacilla.Revision
	post     motacilla.PostID
	render   motacilla.Render // empty if the post was removed
	removed  bool
}

// mostIssued is how many revisions a log keeps. It has no configuration key: a reader further behind costs one lookup in the
// store, and more than a store lists (motacilla.MaxIssued) would be of no use.
const mostIssued = 4096

// logFrom returns an empty log at head. most is how many posts one delta may carry.
func logFrom(head motacilla.Revision, most int) changeLog {
	return changeLog{most: most, from: head, sure: head}
}

// knows reports whether cursor is a revision after which the log has everything. If it is not, unsure says that the store may
// know cursor.
func (l *changeLog) knows(cursor, head motacilla.Revision) (known, unsure bool) {
	if cursor == l.from || cursor == head {
		return true, false
	}
	if _, issued := slices.BinarySearch(l.issued, cursor); issued {
		return true, false
	}
	return false, cursor > head || cursor <= l.sure && cursor >= l.floor && cursor > l.tooMuch
}

// since puts into u what happened after cursor, which the log knows. It returns false if that is more than a delta may carry.
func (l *changeLog) since(u *motacilla.Update, cursor motacilla.Revision) bool {
	newest := l.changes[l.after(cursor):]
	var seen map[motacilla.PostID]bool // not needed for a single change, which is what most deltas have
	if len(newest) > 1 {
		seen = make(map[motacilla.PostID]bool, len(newest))
	}
	for i := len(newest) - 1; i >= 0; i-- {
		c := &newest[i]
		if seen[c.post] {
			continue
		}
		if seen != nil {
			seen[c.post] = true
		}
		if c.removed {
			u.Removals = append(u.Removals, c.post)
		} else {
			u.Renders = append(u.Renders, c.render)
		}
	}
	oldestFirst(u.Renders)
	slices.Sort(u.Removals)
	return len(u.Renders)+len(u.Removals) <= l.most
}

// extend returns the log with what the store says happened after the head.
func (l changeLog) extend(changes motacilla.Changes, renders []motacilla.Render) changeLog {
	l.floor = changes.Floor
	if len(changes.Issued) == 0 {
		return l
	}
	if !listsAll(changes) {
		l.sure = changes.Issued[0]
	}
	l.issued = append(l.issued, changes.Issued...)
	l.changes = append(l.changes, changesOf(changes, renders)...)
	if changes.Channel != nil {
		l.stateAt = changes.Head
	}
	return l.trim()
}

// reach returns the log with what the store says happened after cursor, which is older than from. It returns l itself if
// that is more than a log keeps, or does not end within l.
func (l changeLog) reach(back lookup, head motacilla.Revision) changeLog {
	cursor, changes := back.cursor, back.changes
	if meets, _ := l.knows(changes.Head, head); !meets || cursor >= l.from {
		return l
	}
	further := changeLog{
		most: l.most, from: cursor, sure: cursor, stateAt: l.stateAt, floor: changes.Floor, tooMuch: l.tooMuch,
		issued: slices.Clone(changes.Issued), changes: changesOf(changes, back.renders),
	}
	if !listsAll(changes) {
		further.sure = changes.Issued[0]
	}
	if changes.Channel != nil {
		further.stateAt = max(further.stateAt, changes.Head)
	}
	for _, r := range l.issued {
		if r > changes.Head {
			further.issued = append(further.issued, r)
		}
	}
	for _, c := range l.changes {
		if c.revision > changes.Head {
			further.changes = append(further.changes, c)
		}
	}
	further.changes = newestOfEach(further.changes)
	if len(further.issued) > mostIssued || len(further.changes) > 2*l.most {
		return l
	}
	return further
}

// listsAll reports whether changes.Issued has every revision that was issued.
func listsAll(changes motacilla.Changes) bool { return len(changes.Issued) < motacilla.MaxIssued }

// trim forgets the oldest half of what is more than a log keeps.
func (l changeLog) trim() changeLog {
	most := 3 * l.most
	if len(l.changes) > most { // rarely, since it costs a copy
		l.changes, most = newestOfEach(l.changes), 2*l.most
	}
	for len(l.issued) > 1 && (len(l.issued) > mostIssued || len(l.changes) > most) {
		half := (len(l.issued) - 1) / 2
		l.from = l.issued[half]
		l.sure = max(l.sure, l.from)
		l.issued = slices.Clone(l.issued[half+1:])
		first := l.after(l.from)
		l.changes = slices.Clone(l.changes[first:])
	}
	return l
}

// after returns the index of the first change after cursor.
func (l *changeLog) after(cursor motacilla.Revision) int {
	first, _ := slices.BinarySearchFunc(l.changes, cursor+1, func(c change, r motacilla.Revision) int {
		return cmp.Compare(c.revision, r)
	})
	return first
}

// newestOfEach returns the newest change of each post, in their order, in new memory.
func newestOfEach(changes []change) []change {
	seen := make(map[motacilla.PostID]bool, len(changes))
	var newest []change
	for i := len(changes) - 1; i >= 0; i-- {
		if c := changes[i]; !seen[c.post] {
			seen[c.post] = true
			newest = append(newest, c)
		}
	}
	slices.Reverse(newest)
	return newest
}

// changesOf returns the changes of posts, oldest first.
func changesOf(changes motacilla.Changes, renders []motacilla.Render) []change {
	list := make([]change, 0, len(renders)+len(changes.Removed))
	for _, r := range renders {
		list = append(list, change{revision: r.Revision, post: r.ID, render: r})
	}
	for _, gone := range changes.Removed {
		list = append(list, change{revision: gone.Revision, post: gone.ID, removed: true})
	}
	slices.SortFunc(list, func(a, b change) int { return cmp.Compare(a.revision, b.revision) })
	return list
}

func oldestFirst(renders []motacilla.Render) []motacilla.Render {
	slices.SortFunc(renders, func(a, b motacilla.Render) int { return a.Key().Compare(b.Key()) })
	return renders
}
