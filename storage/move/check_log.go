package move

import (
	"context"
	"slices"

	"github.com/motacilla-live/motacilla"
)

// readRecords reads everything that is kept of the channel, and checks each record and how they follow each other.
func (c *checking) readRecords(ctx context.Context) error {
	c.posts, c.tombs = make(map[motacilla.PostID]*motacilla.Post), make(map[motacilla.PostID]tomb)
	messages := make(map[string]motacilla.PostID)
	last := motacilla.Revision(0)
	for {
		records, err := c.store.ChangeRecords(ctx, c.record.ID, last, c.options.Batch)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			break
		}
		for _, r := range records {
			if r.Revision <= last {
				c.found("", r.Revision, "comes after %d: revisions must increase", last)
				return nil // they would not end
			}
			last = r.Revision
			c.checkOne(r, messages)
		}
	}
	if last != c.record.Head {
		c.found("", c.record.Head, "is its head, and the newest that is kept is %d", last)
	}
	if n := len(c.log); n == 0 || c.log[n-1] != c.record.Head {
		c.found("", c.record.Head, "is its head, and is not remembered")
	}
	if len(c.log) > 0 && c.log[0] != c.record.Floor {
		c.found("", c.record.Floor, "is recorded as the oldest that is remembered, which is %d", c.log[0])
	}
	return nil
}

func (c *checking) checkOne(r motacilla.ChangeRecord, messages map[string]motacilla.PostID) {
	switch {
	case r.Revision > c.record.Head:
		c.found("", r.Revision, "is newer than its head %d", c.record.Head)
	case r.Revision < c.record.Born:
		c.found("", r.Revision, "is older than its life, which began at %d", c.record.Born)
	case !r.Remembered && r.Revision >= c.record.Floor:
		c.found("", r.Revision, "is not remembered, and %d is, which is older", c.record.Floor)
	}
	if r.Remembered {
		if c.first == nil {
			c.first = &motacilla.ChangeRecord{Revision: r.Revision, Post: r.Post, Removed: r.Removed}
		}
		c.log = append(c.log, r.Revision)
	} else {
		c.forgotten = r.Revision
	}
	if r.Post != nil {
		c.checkPost(r.Revision, *r.Post)
		c.once(r.Post.ID, r.Revision, r.Post.MessageID, messages)
		c.posts[r.Post.ID] = r.Post
	}
	if r.Removed != nil {
		if _, err := motacilla.ParsePostID(string(r.Removed.ID)); err != nil {
			c.found(r.Removed.ID, r.Revision, "a tombstone's ID must be a UUIDv7 in lower case")
		}
		c.once(r.Removed.ID, r.Revision, r.Removed.MessageID, messages)
		c.tombs[r.Removed.ID] = tomb{*r.Removed, r.Revision}
	}
	if c.record.Deleted && (r.Post != nil || r.Removed != nil) {
		c.found("", r.Revision, "has a post or a tombstone, and the channel was deleted")
	}
}

// once checks that an ID and a message ID belong to one post or tombstone.
func (c *checking) once(id motacilla.PostID, rev motacilla.Revision, message string, messages map[string]motacilla.PostID) {
	if there, twice := c.posts[id]; twice {
		c.found(id, rev, "has been kept of revision %d already", there.Revision)
	}
	if there, twice := c.tombs[id]; twice {
		c.found(id, rev, "has a tombstone of revision %d already", there.revision)
	}
	if message == "" {
		return
	}
	if other, taken := messages[message]; taken && other != id {
		c.found(id, rev, "has the message ID %q, as post %s has", message, other)
	}
	messages[message] = id
}

// checkPost checks a post by itself.
func (c *checking) checkPost(rev motacilla.Revision, p motacilla.Post) {
	if p.Revision != rev {
		c.found(p.ID, rev, "is kept there, and says that its revision is %d", p.Revision)
	}
	if err := p.Validate(); err != nil {
		c.found(p.ID, rev, "%v", err)
		return
	}
	normal, err := p.Admit(p.Revision)
	if err != nil || !slices.Equal(normal.Content, p.Content) {
		c.found(p.ID, rev, "its content is not in the form in which posts are stored")
	}
	if motacilla.Micro(p.Created) != p.Created || motacilla.Micro(p.Modified) != p.Modified {
		c.found(p.ID, rev, "created and modified must be UTC, to the microsecond")
	}
}

// checkChanges compares what readers are told with what is kept.
func (c *checking) checkChanges(ctx context.Context) error {
	if len(c.log) == 0 {
		return nil
	}
	if err := c.checkKnown(ctx); err != nil || c.record.Deleted {
		return err
	}
	from := c.log[0]
	facts, err := c.store.Changes(ctx, c.record.ID, from, 0)
	if err != nil {
		return err
	}
	if facts.Deleted || facts.Truncated {
		c.found("", from, "Changes since then says that it was deleted, or more than was asked for: %v, %v", facts.Deleted, facts.Truncated)
		return nil
	}
	if facts.Floor != from {
		c.found("", facts.Floor, "Changes has this as the oldest that is remembered, which is %d", from)
	}
	issued := c.log[max(1, len(c.log)-motacilla.MaxIssued):]
	if !slices.Equal(facts.Issued, issued) {
		c.found("", from, "Changes since then lists %d revisions, not the newest %d that are remembered",
			len(facts.Issued), len(issued))
	}
	if told := facts.Channel != nil; told != (c.record.Changed > from) {
		c.found("", c.record.Changed, "the channel changed then; Changes since %d tells of that: %v", from, told)
	}
	c.comparePosts(facts, from)
	return nil
}

// comparePosts checks that Changes has every post and tombstone that changed after from, in order, and no other.
func (c *checking) comparePosts(facts motacilla.Changes, from motacilla.Revision) {
	told := make(map[motacilla.PostID]bool)
	last := from
	for _, p := range facts.Posts {
		told[p.ID] = true
		if p.Revision <= last {
			c.found(p.ID, p.Revision, "Changes has it after revision %d: the oldest change must come first", last)
		}
		last = p.Revision
		if kept := c.posts[p.ID]; kept == nil || !samePost(p, *kept) {
			c.found(p.ID, p.Revision, "Changes has it otherwise than it is kept")
		}
	}
	last = from
	for _, r := range facts.Removed {
		told[r.ID] = true
		if r.Revision <= last {
			c.found(r.ID, r.Revision, "Changes has its removal after revision %d: the oldest removal must come first", last)
		}
		last = r.Revision
		if t, ok := c.tombs[r.ID]; !ok || t.revision != r.Revision {
			c.found(r.ID, r.Revision, "Changes tells of its removal, of which there is no tombstone")
		}
	}
	for id, p := range c.posts {
		if p.Revision > from && !told[id] {
			c.found(id, p.Revision, "Changes since %d does not tell of it", from)
		}
	}
	for id, t := range c.tombs {
		if t.revision > from && !told[id] {
			c.found(id, t.revision, "Changes since %d does not tell of its removal", from)
		}
	}
}

// checkKnown asks Changes about some cursors that are remembered, and about some that can't be known.
func (c *checking) checkKnown(ctx context.Context) error {
	const some = 20
	cursors := map[motacilla.Revision]bool{0: false, c.log[0] - 1: false, c.record.Head + 1: false}
	for i := 0; i < len(c.log); i += 1 + len(c.log)/some {
		cursors[c.log[i]] = true
	}
	cursors[c.record.Head] = c.log[len(c.log)-1] == c.record.Head
	for cursor, known := range cursors {
		facts, err := c.store.Changes(ctx, c.record.ID, cursor, 1)
		switch {
		case err != nil:
			return err
		case facts.Known != known:
			c.found("", cursor, "is known to Changes: %v; must be: %v", facts.Known, known)
		case facts.Head != c.record.Head:
			c.found("", facts.Head, "Changes has this as its head, which is %d", c.record.Head)
		case facts.Deleted != c.record.Deleted:
			c.found("", facts.Head, "was deleted, as Changes says: %v; as is recorded: %v", facts.Deleted, c.record.Deleted)
		}
	}
	return nil
}
