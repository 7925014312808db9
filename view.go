package motacilla

import "slices"

// View is what a reader of one channel holds: the model of every reader, in Go, in the browser, in the tests of every
// transport. Updates may reach it twice, late, out of order, merged or over two transports at once. The zero View holds
// nothing yet; its methods are for one goroutine at a time.
type View struct {
	Revision Revision // the cursor to come back with
	State    State
	Complete bool // nothing older than what is held exists
	Gone     bool // the channel was deleted

	floor PostKey // no unpinned render below it is shown; the zero key is none

	// What was said since the last reset, below the floor too: older posts may be on their way in a state from before
	// that, and must not bring back what has been removed, nor miss what has moved.
	renders map[PostID]Render
	removed map[PostID]Revision
}

// Apply applies u. asked says that u answers a question of the reader's own: it is the first update of a poll or of a
// connection. again asks the caller to ask anew with since=v.Revision, for u can't be applied to what v holds.
func (v *View) Apply(u *Update, asked bool) (again bool) {
	if u.Reset {
		switch {
		case asked || u.Revision > v.Revision:
			v.reset(u)
		case u.Revision < v.Revision:
			return true
		}
		return false
	}
	if u.Revision <= v.Revision {
		return false
	}
	if u.From > v.Revision {
		return true
	}
	v.Revision = u.Revision
	v.Gone = v.Gone || u.Gone
	if u.State != nil {
		v.State = *u.State
	}
	for _, r := range u.Renders {
		v.put(r)
	}
	for _, id := range u.Removals {
		delete(v.renders, id)
		if v.removed == nil {
			v.removed = make(map[PostID]Revision)
		}
		v.removed[id] = u.Revision
	}
	return false
}

// AddOlder takes older posts, loaded beside the updates, and moves the floor down to the oldest of them; complete says
// that there is nothing older. They may come late, of a revision before v's, but must have been asked for after the last
// reset that was applied.
func (v *View) AddOlder(renders []Render, complete bool) {
	v.Complete = v.Complete || complete
	for _, r := range renders {
		if !r.Pinned && !v.floor.IsZero() && r.Key().Compare(v.floor) < 0 {
			v.floor = r.Key()
		}
	}
	if complete {
		v.floor = PostKey{}
	}
	for _, r := range renders {
		v.put(r)
	}
}

// Renders returns what is held, oldest first, hidden posts too.
func (v *View) Renders() []Render {
	list := make([]Render, 0, len(v.renders))
	for _, r := range v.renders {
		if r.Pinned || v.floor.IsZero() || r.Key().Compare(v.floor) >= 0 {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b Render) int { return a.Key().Compare(b.Key()) })
	return list
}

// Floor is the oldest place down to which the view holds every post; the zero key means all of them.
func (v *View) Floor() PostKey { return v.floor }

func (v *View) reset(u *Update) {
	v.Revision, v.Complete, v.Gone = u.Revision, u.Complete, u.Gone
	if u.State != nil {
		v.State = *u.State
	}
	v.floor = PostKey{}
	v.removed = nil
	v.renders = make(map[PostID]Render, len(u.Renders))
	for _, r := range u.Renders {
		v.renders[r.ID] = r
		if !u.Complete && !r.Pinned && (v.floor.IsZero() || r.Key().Compare(v.floor) < 0) {
			v.floor = r.Key()
		}
	}
}

func (v *View) put(r Render) {
	if v.renders == nil {
		v.renders = make(map[PostID]Render)
	}
	if held, ok := v.renders[r.ID]; ok && held.Revision > r.Revision {
		return
	}
	if at, ok := v.removed[r.ID]; ok && at >= r.Revision {
		return
	}
	v.renders[r.ID] = r
}
