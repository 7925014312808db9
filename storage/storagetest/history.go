package storagetest

import (
	"maps"
	"slices"
	"sync"

	"github.com/motacilla-live/motacilla"
)

// event is one acknowledged write: a post as it was written, or its removal.
type event struct {
	revision motacilla.Revision
	id       motacilla.PostID
	post     motacilla.Post
	removed  bool
}

// history is the acknowledged writes of one channel. Every snapshot can be checked against it afterwards: a snapshot of
// head H must have exactly what was written up to H.
type history struct {
	mu     sync.Mutex
	events []event
	moved  chan struct{} // closed when the next write begins or ends
}

func newHistory() *history { return &history{moved: make(chan struct{})} }

// begins says that a write begins.
func (h *history) begins() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.move()
}

func (h *history) move() {
	close(h.moved)
	h.moved = make(chan struct{})
}

// next is closed when the next write begins or ends.
func (h *history) next() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.moved
}

func (h *history) wrote(p motacilla.Post) { h.add(event{revision: p.Revision, id: p.ID, post: p}) }

func (h *history) deleted(id motacilla.PostID, rev motacilla.Revision) {
	h.add(event{revision: rev, id: id, removed: true})
}

func (h *history) add(e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
	h.move()
}

// sorted returns the events in order of their revisions, each of which was issued once.
func (h *history) sorted(t tb) []event {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.SortFunc(h.events, func(a, b event) int { return int(a.revision - b.revision) })
	for i := 1; i < len(h.events); i++ {
		if h.events[i].revision == h.events[i-1].revision {
			t.Fatalf("revision %d was issued twice", h.events[i].revision)
		}
	}
	return h.events
}

// snapshot is what a reader saw at one head.
type snapshot struct {
	head  motacilla.Revision
	posts []motacilla.Post // newest first
}

// judge checks snapshots against the history, in the order of their heads.
func (h *history) judge(t tb, snapshots []snapshot) {
	t.Helper()
	events := h.sorted(t)
	slices.SortStableFunc(snapshots, func(a, b snapshot) int { return int(a.head - b.head) })
	posts := make(map[motacilla.PostID]motacilla.Post)
	for _, s := range snapshots {
		for len(events) > 0 && events[0].revision <= s.head {
			if e := events[0]; e.removed {
				delete(posts, e.id)
			} else {
				posts[e.id] = e.post
			}
			events = events[1:]
		}
		expected := newestFirst(slices.Collect(maps.Values(posts)))
		equalList(t, "posts of a snapshot of head "+s.head.String(), ids(s.posts), ids(expected))
		equalPosts(t, "snapshot of head "+s.head.String(), s.posts, expected)
	}
}

// follower reads a channel as Feed does: by Changes since what it has seen.
type follower struct {
	head   motacilla.Revision
	issued []motacilla.Revision
	posts  map[motacilla.PostID]motacilla.Post
}

// apply adds what happened after the follower's head.
func (f *follower) apply(t tb, c motacilla.Changes) {
	t.Helper()
	wellFormed(t, f.head, c)
	if !c.Known {
		t.Fatalf("a revision that was read as head is not known: %d", f.head)
	}
	if c.Head < f.head {
		t.Fatalf("head went back from %d to %d", f.head, c.Head)
	}
	f.head = c.Head
	f.issued = append(f.issued, c.Issued...)
	for _, p := range c.Posts {
		f.posts[p.ID] = p
	}
	for _, r := range c.Removed {
		delete(f.posts, r.ID)
	}
}

func (f *follower) snapshot() snapshot {
	return snapshot{f.head, newestFirst(slices.Collect(maps.Values(f.posts)))}
}
