package publisher

import (
	"slices"

	"github.com/motacilla-live/motacilla"
)

// recent is what happened lately on a channel: everything after from, up to head. Of each post it has the newest state.
type recent struct {
	from    motacilla.Revision // known, or the head at which the channel was loaded
	head    motacilla.Revision
	issued  []motacilla.Revision // after from, oldest first; the last one is head
	posts   map[motacilla.PostID]motacilla.Render
	removed map[motacilla.PostID]motacilla.Revision
	stateAt motacilla.Revision // when the channel's own state changed last, as far as is known here
}

// restart forgets everything and goes on at head.
func (r *recent) restart(head motacilla.Revision) {
	*r = recent{
		from: head, head: head,
		posts: make(map[motacilla.PostID]motacilla.Render), removed: make(map[motacilla.PostID]motacilla.Revision),
	}
}

// replace makes what happened after since all that is remembered.
func (r *recent) replace(since motacilla.Revision, changes motacilla.Changes, renders []motacilla.Render) {
	r.restart(since)
	r.extend(changes, renders)
}

// extend takes in what happened after head.
func (r *recent) extend(changes motacilla.Changes, renders []motacilla.Render) {
	for _, p := range renders {
		r.posts[p.ID] = p
	}
	for _, gone := range changes.Removed {
		delete(r.posts, gone.ID)
		r.removed[gone.ID] = gone.Revision
	}
	r.issued = append(r.issued, changes.Issued...)
	r.head = changes.Head
	if changes.Channel != nil {
		r.stateAt = r.head
	}
}

// fill puts into u what happened after cursor; false where that is not known here, or is more than most posts.
func (r *recent) fill(u *motacilla.Update, cursor motacilla.Revision, most int) bool {
	if cursor != r.from && cursor != r.head {
		if _, issued := slices.BinarySearch(r.issued, cursor); !issued {
			return false
		}
	}
	if cursor == r.head {
		return true
	}
	for _, p := range r.posts {
		if p.Revision > cursor {
			u.Renders = append(u.Renders, p)
		}
	}
	for id, at := range r.removed {
		if at > cursor {
			u.Removals = append(u.Removals, id)
		}
	}
	oldestFirst(u.Renders)
	slices.Sort(u.Removals)
	return len(u.Renders)+len(u.Removals) <= most
}

// trim forgets the oldest half of what is more than most posts or revisions.
func (r *recent) trim(most, revisions int) {
	for len(r.issued) > 1 && (len(r.posts)+len(r.removed) > most || len(r.issued) > revisions) {
		half := (len(r.issued) - 1) / 2
		r.from = r.issued[half]
		r.issued = slices.Clone(r.issued[half+1:])
		for id, p := range r.posts {
			if p.Revision <= r.from {
				delete(r.posts, id)
			}
		}
		for id, at := range r.removed {
			if at <= r.from {
				delete(r.removed, id)
			}
		}
	}
}

func oldestFirst(renders []motacilla.Render) []motacilla.Render {
	slices.SortFunc(renders, func(a, b motacilla.Render) int { return a.Key().Compare(b.Key()) })
	return renders
}
