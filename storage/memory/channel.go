package memory

import (
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// channel is everything that is known of one channel ID.
//
// A writer holds writing while it reads the state and changes it, so what it reads without mu does not change meanwhile. It
// takes mu only to put a finished change in place. Readers take mu alone.
type channel struct {
	writing sync.Mutex

	mu       sync.RWMutex
	state    motacilla.Channel // Head is the newest revision, also of a deleted channel; 0 if there never was one
	alive    bool
	born     motacilla.Revision                   // when the present life, or the last one, began
	posts    map[motacilla.PostID]*motacilla.Post // the posts themselves never change
	tombs    map[motacilla.PostID]tombstone       // of the posts that were removed
	messages map[string]motacilla.PostID          // by message ID, also of removed posts
	order    order                                // all posts
	pinned   order                                // the pinned posts
	log      []change                             // what is remembered of this life, oldest first
}

// tombstone is what is left of a post that was removed.
type tombstone struct {
	message  string
	revision motacilla.Revision
}

// change is what a revision was issued for: a post, or the channel itself if post is "".
type change struct {
	revision motacilla.Revision
	post     motacilla.PostID
	removed  bool
}

// next returns the revision of a change made now. The caller holds writing.
func (c *channel) next(clock motacilla.Clock) (motacilla.Revision, time.Time) {
	now := clock.Now()
	return motacilla.NextRevision(c.state.Head, now), now
}

// begin starts a life. The caller holds writing.
func (c *channel) begin(state motacilla.Channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.alive, c.born = state, true, state.Head
	c.empty()
	c.log = []change{{revision: state.Head}}
}

// end ends a life; its revisions stay known. The caller holds writing.
func (c *channel) end(rev motacilla.Revision, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = motacilla.Channel{ID: c.state.ID, Head: rev}
	c.alive = false
	c.clear()
	c.record(change{revision: rev}, now)
}

// empty makes room for posts.
func (c *channel) empty() {
	c.clear()
	c.posts = make(map[motacilla.PostID]*motacilla.Post)
	c.tombs = make(map[motacilla.PostID]tombstone)
	c.messages = make(map[string]motacilla.PostID)
}

// clear forgets all posts.
func (c *channel) clear() { c.posts, c.tombs, c.messages, c.order, c.pinned = nil, nil, nil, nil, nil }

// amend puts a changed channel in place. The caller holds writing.
func (c *channel) amend(state motacilla.Channel, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = state
	c.record(change{revision: state.Head}, now)
}

// put puts a new or changed post in place. The caller holds writing.
func (c *channel) put(p *motacilla.Post, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.place(p)
	c.record(change{revision: p.Revision, post: p.ID}, now)
}

func (c *channel) place(p *motacilla.Post) {
	c.drop(c.posts[p.ID])
	c.posts[p.ID] = p
	if p.MessageID != "" {
		c.messages[p.MessageID] = p.ID
	}
	c.order.insert(p)
	if p.Pinned {
		c.pinned.insert(p)
	}
}

// remove leaves p's tombstone in its place. The caller holds writing.
func (c *channel) remove(p *motacilla.Post, rev motacilla.Revision, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bury(p.ID, tombstone{p.MessageID, rev})
	c.record(change{revision: rev, post: p.ID, removed: true}, now)
}

func (c *channel) bury(id motacilla.PostID, t tombstone) {
	c.drop(c.posts[id])
	delete(c.posts, id)
	c.tombs[id] = t
	if t.message != "" {
		c.messages[t.message] = id
	}
}

func (c *channel) drop(p *motacilla.Post) {
	if p == nil {
		return
	}
	c.order.remove(p)
	if p.Pinned {
		c.pinned.remove(p)
	}
}

// record remembers ch, the channel's new head, and forgets what need not be remembered any longer.
func (c *channel) record(ch change, now time.Time) {
	c.state.Head = ch.revision
	c.log = append(c.log, ch)
	day := motacilla.Revision(now.Add(-storage.RememberHours * time.Hour).UnixMicro())
	for len(c.log) > storage.Remember && c.log[0].revision < day {
		c.log[0] = change{}
		c.log = c.log[1:]
	}
}
