package memory

import (
	"slices"

	"github.com/motacilla-live/motacilla"
)

// order is a list of posts, oldest first, by (Created, ID). Nearly every post is the newest when it is inserted, and is
// only appended.
type order []*motacilla.Post

// seek returns the index of the first post that is not older than k, and whether that post has this key.
func (o order) seek(k motacilla.PostKey) (int, bool) {
	if n := len(o); n == 0 || o[n-1].Key().Compare(k) < 0 {
		return n, false
	}
	return slices.BinarySearchFunc(o, k, func(p *motacilla.Post, k motacilla.PostKey) int { return p.Key().Compare(k) })
}

func (o *order) insert(p *motacilla.Post) {
	at, _ := o.seek(p.Key())
	*o = slices.Insert(*o, at, p)
}

func (o *order) remove(p *motacilla.Post) {
	if at, ok := o.seek(p.Key()); ok {
		*o = slices.Delete(*o, at, at+1)
	}
}

// choose returns the posts that q chooses, newest first, and whether there are more.
func (o order) choose(q motacilla.Query) (chosen []*motacilla.Post, more bool) {
	limit := q.Limit
	if limit <= 0 {
		limit = motacilla.DefaultLimit
	}
	from := len(o)
	if !q.Before.IsZero() {
		from, _ = o.seek(q.Before)
	}
	for i := from - 1; i >= 0; i-- {
		p := o[i]
		if q.Visible && !p.Show || q.Pinned && !p.Pinned {
			continue
		}
		if len(chosen) == limit {
			return chosen, true
		}
		chosen = append(chosen, p)
	}
	return chosen, false
}
