package motacilla

import "slices"

// View is what a reader of one channel holds. Every reader follows its rules: in Go, in the browser, and in the tests of
// every transport. Updates may arrive twice, late, out of order, merged, or over two transports at once.
//
// The zero View holds nothing. A View must not be used by several goroutines at once.
type View struct {
	Revision Revision // the reader's cursor
	State    State
	Complete bool // there are no posts older than those held
	Gone     bool // the channel was deleted

	floor    PostKey   // no unpinned render below it is shown; the zero key means no floor
	snapshot *snapshot // the newest reset that was applied; nil before the first

	// Everything received since the last reset, below the floor too. Older posts may arrive in a state from before that.
	// They must not bring back a removed post, and must not replace a newer render.
	renders map[PostID]Render
	removed map[PostID]Revision
}

// snapshot identifies one reset of one View.
type snapshot struct{ revision Revision }

// Verdict says what a reader does with an update.
type Verdict int

// The verdicts of View.Judge.
const (
	Ignore   Verdict = iota // the reader holds all of it already
	Take                    // the update carries the reader to its revision
	AskAgain                // the update does not fit: the reader must ask the server again, with its cursor
)

// Judge returns what Apply would do with u. asked means the same as for Apply. Judge does not change v.
func (v *View) Judge(u *Update, asked bool) Verdict {
	switch {
	case u.Reset && (asked || u.Revision > v.Revision):
		return Take
	case u.Reset && u.Revision < v.Revision:
		return AskAgain
	case u.Revision <= v.Revision:
		return Ignore
	case u.From > v.Revision:
		return AskAgain
	}
	return Take
}

// Apply applies u. asked must be true if u answers a request that named v's cursor: the answer to a poll, or the first
// update of a stream. Apply returns true if u does not fit what v holds. The caller must then ask again with
// since=v.Revision.
func (v *View) Apply(u *Update, asked bool) (again bool) {
	switch v.Judge(u, asked) {
	case Ignore:
		return false
	case AskAgain:
		return true
	}
	if u.Reset {
		v.reset(u)
		return false
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

// OlderQuery asks for the posts below a view's floor. Its answer is of use until the view's next reset.
type OlderQuery struct {
	Before   PostKey // the posts asked for are older than this
	snapshot *snapshot
}

// Older returns the query for the posts below v's floor. ok is false if there are none.
func (v *View) Older() (q OlderQuery, ok bool) {
	if v.floor.IsZero() || v.Complete || v.Gone {
		return OlderQuery{}, false
	}
	return OlderQuery{Before: v.floor, snapshot: v.snapshot}, true
}

// AddOlder takes the answer to q: the newest visible posts below q.Before, pinned or not, as the channel was at revision
// at. complete must be true if there are no older posts. AddOlder moves the floor down to the oldest of them.
//
// AddOlder returns false and changes nothing if the answer does not fit: if v has had a reset since Older returned q, or
// if at is before the newest reset. With such an answer, posts between it and the new floor could be missing, or removed
// posts could come back. The caller must then ask again, with a new query.
func (v *View) AddOlder(q OlderQuery, at Revision, renders []Render, complete bool) (taken bool) {
	if q.snapshot == nil || q.snapshot != v.snapshot || at < q.snapshot.revision {
		return false
	}
	v.Complete = v.Complete || complete
	for _, r := range renders {
		if !v.floor.IsZero() && r.Key().Compare(v.floor) < 0 {
			v.floor = r.Key()
		}
	}
	if complete {
		v.floor = PostKey{}
	}
	for _, r := range renders {
		v.put(r)
	}
	return true
}

// Renders returns the posts that v holds, oldest first, hidden posts too.
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

// Floor returns v's floor: from the newest post back to the floor, no post is missing in v. The zero key means that v holds
// all posts.
func (v *View) Floor() PostKey { return v.floor }

func (v *View) reset(u *Update) {
	v.Revision, v.Complete, v.Gone = u.Revision, u.Complete, u.Gone
	if u.State != nil {
		v.State = *u.State
	}
	v.floor = u.Floor()
	v.snapshot = &snapshot{u.Revision}
	v.removed = nil
	v.renders = make(map[PostID]Render, len(u.Renders))
	for _, r := range u.Renders {
		v.renders[r.ID] = r
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
