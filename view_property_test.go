package motacilla

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// history is a channel with all its states, so that a delta between any two revisions can be made from it.
type history struct {
	revs   []Revision // revs[0] is 0, the rest in order
	posts  []map[PostID]Render
	states []State
}

func (h *history) grow(t *rapid.T) {
	last := len(h.revs) - 1
	posts := make(map[PostID]Render, len(h.posts[last])+1)
	var all []PostID
	for id, r := range h.posts[last] {
		posts[id] = r
		all = append(all, id)
	}
	slices.Sort(all)
	rev, state := NextRevision(h.revs[last], time.UnixMicro(rapid.Int64Range(0, 500).Draw(t, "clock"))), h.states[last]
	created := rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMicro(rapid.Int64Range(1, 40).Draw(t, "created")).UTC()
	})
	op := rapid.SampledFrom([]string{"create", "create", "create", "edit", "hide", "pin", "move", "remove", "title"}).Draw(t, "op")
	if len(all) == 0 && op != "title" {
		op = "create"
	}
	switch op {
	case "create":
		r := render(PostID(fmt.Sprintf("019aae1e-0000-7000-8000-%012x", len(h.revs))), created.Draw(t, "at"), rev)
		r.Pinned = rapid.IntRange(0, 5).Draw(t, "pinned") == 0
		posts[r.ID] = r
	case "title":
		state.Title = rev.String()
	default:
		r := posts[rapid.SampledFrom(all).Draw(t, "post")]
		r.Revision = rev
		switch op {
		case "edit":
			r.Content = rev.String()
		case "hide":
			r.Show = !r.Show
			r.Content = map[bool]string{true: "shown", false: Stub(r.ID)}[r.Show]
		case "pin":
			r.Pinned = !r.Pinned
		case "move":
			r.Created = created.Draw(t, "to")
		}
		if posts[r.ID] = r; op == "remove" {
			delete(posts, r.ID)
		}
	}
	h.revs, h.posts, h.states = append(h.revs, rev), append(h.posts, posts), append(h.states, state)
}

func byKey(a, b Render) int { return a.Key().Compare(b.Key()) }

// step returns the delta from the i-th revision to the j-th.
func (h *history) step(i, j int) *Update {
	u := &Update{Channel: "c", From: h.revs[i], Revision: h.revs[j]}
	for _, r := range h.posts[j] {
		if r.Revision > h.revs[i] {
			u.Renders = append(u.Renders, r)
		}
	}
	for id := range h.posts[i] {
		if _, ok := h.posts[j][id]; !ok {
			u.Removals = append(u.Removals, id)
		}
	}
	for k := i + 1; k < j; k++ { // made and removed between the two
		for id := range h.posts[k] {
			if _, ok := h.posts[j][id]; !ok && !slices.Contains(u.Removals, id) {
				u.Removals = append(u.Removals, id)
			}
		}
	}
	if h.states[i] != h.states[j] {
		u.State = &h.states[j]
	}
	slices.SortFunc(u.Renders, byKey)
	return u
}

// reset returns the snapshot of the j-th state: the newest page of visible posts, and older ones that are pinned.
func (h *history) reset(j, page int) *Update {
	u := &Update{Channel: "c", Revision: h.revs[j], Reset: true, State: &h.states[j]}
	newest, complete := h.older(j, page, PostKey{Created: time.UnixMicro(1e6)})
	u.Complete = complete
	for _, r := range h.posts[j] {
		if r.Pinned && r.Show && r.Key().Compare(newest[0].Key()) < 0 { // so there are newest posts
			u.Renders = append(u.Renders, r)
		}
	}
	u.Renders = append(u.Renders, newest...)
	slices.SortFunc(u.Renders, byKey)
	return u
}

// older returns the page of visible posts below before in the j-th state.
func (h *history) older(j, page int, before PostKey) (list []Render, complete bool) {
	for _, r := range h.posts[j] {
		if r.Show && r.Key().Compare(before) < 0 {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, byKey)
	if len(list) > page {
		return list[len(list)-page:], false
	}
	return list, true
}

// TestViewConverges delivers parts of a history twice, late, merged and out of order. A reader that asks again when it is
// told to must end with exactly the newest state above its floor.
func TestViewConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{revs: []Revision{0}, posts: []map[PostID]Render{{}}, states: []State{{}}}
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			h.grow(t)
		}
		head, page := len(h.revs)-1, rapid.IntRange(1, 6).Draw(t, "page")
		index := rapid.IntRange(0, head)
		var v View
		seen := 0 // what the server has shown to the reader; its answers are never older
		ask := func() {
			now := rapid.IntRange(seen, head).Draw(t, "now")
			at, known := slices.BinarySearch(h.revs, v.Revision)
			u := h.reset(now, page)
			if v.Revision > 0 && known && at <= now && rapid.IntRange(0, 3).Draw(t, "forgotten") > 0 {
				u = h.step(at, now)
			}
			if v.Apply(u, true) {
				t.Fatalf("the answer to since=%d, %d to %d, was not taken", v.Revision, u.From, u.Revision)
			}
			seen = now
		}
		ask()
		for range rapid.IntRange(0, 30).Draw(t, "deliveries") {
			var u *Update
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				u = h.reset(index.Draw(t, "reset"), page)
			case 1:
				ask()
				continue
			case 2: // older posts, in any state, while updates and resets come
				q, ok := v.Older()
				if !ok {
					continue
				}
				resets := 0
				for range rapid.IntRange(0, 2).Draw(t, "meanwhile") {
					from, _ := slices.BinarySearch(h.revs, v.Revision)
					u := h.step(from, rapid.IntRange(from, head).Draw(t, "to"))
					if rapid.IntRange(0, 2).Draw(t, "reset meanwhile") == 0 {
						u = h.reset(rapid.IntRange(from, head).Draw(t, "to"), page)
					}
					if u.Reset && v.Judge(u, false) == Take {
						resets++
					}
					v.Apply(u, false)
				}
				at := index.Draw(t, "state")
				list, complete := h.older(at, page, q.Before)
				if v.AddOlder(q, h.revs[at], list, complete) && resets > 0 {
					t.Fatalf("took older posts that were asked for before a reset")
				}
				at, _ = slices.BinarySearch(h.revs, v.Revision)
				seen = max(seen, at)
				continue
			default:
				i, j := index.Draw(t, "from"), index.Draw(t, "to")
				u = h.step(min(i, j), max(i, j))
			}
			if v.Apply(u, false) {
				ask()
			}
			at, _ := slices.BinarySearch(h.revs, v.Revision)
			seen = max(seen, at)
		}
		at, _ := slices.BinarySearch(h.revs, v.Revision)
		if v.Apply(h.step(at, head), true) || v.Revision != h.revs[head] || v.State != h.states[head] {
			t.Fatalf("at %d with %+v, the channel at %d with %+v", v.Revision, v.State, h.revs[head], h.states[head])
		}
		got := map[PostID]Render{}
		for _, r := range v.Renders() {
			got[r.ID] = r
			if h.posts[head][r.ID] != r {
				t.Fatalf("holds %+v, but there is %+v", r, h.posts[head][r.ID])
			}
			if !r.Pinned && r.Key().Compare(v.Floor()) < 0 {
				t.Fatalf("holds %+v below its floor %v", r, v.Floor())
			}
		}
		for id, r := range h.posts[head] {
			if _, ok := got[id]; !ok && r.Show && v.Complete {
				t.Fatalf("says that it is complete, and lacks %+v", r)
			}
			if _, ok := got[id]; !ok && r.Show && (r.Pinned || r.Key().Compare(v.Floor()) >= 0) {
				t.Fatalf("lacks %+v, floor %v", r, v.Floor())
			}
		}
	})
}
