package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/motacilla-live/motacilla"
)

// Channel returns the channel.
func (s *Store) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	if err := s.usable(ctx, "get channel %q", id); err != nil {
		return motacilla.Channel{}, err
	}
	if c := s.find(id); c != nil {
		if state, ok := c.get(); ok {
			return state, nil
		}
	}
	return motacilla.Channel{}, failed(motacilla.ErrNotFound, "get channel %q", id)
}

// Channels returns at most limit channels after the given ID.
func (s *Store) Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error) {
	if err := s.usable(ctx, "list channels"); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = motacilla.DefaultLimit
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, found := slices.BinarySearch(s.ids, after)
	if found {
		at++
	}
	var list []motacilla.Channel
	for ; at < len(s.ids) && len(list) < limit; at++ {
		if state, ok := s.channels[s.ids[at]].get(); ok {
			list = append(list, state)
		}
	}
	return list, nil
}

// Post returns the post.
func (s *Store) Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error) {
	if err := s.usable(ctx, "get post %q of channel %q", id, ch); err != nil {
		return motacilla.Post{}, err
	}
	if c := s.find(ch); c != nil {
		c.mu.RLock()
		p := c.posts[id]
		c.mu.RUnlock()
		if p != nil {
			return p.Clone(), nil
		}
	}
	return motacilla.Post{}, failed(motacilla.ErrNotFound, "get post %q of channel %q", id, ch)
}

// PostByMessage returns the post that the source calls messageID.
func (s *Store) PostByMessage(ctx context.Context, ch motacilla.ChannelID, messageID string) (motacilla.Post, error) {
	if err := s.usable(ctx, "get post of message %q of channel %q", messageID, ch); err != nil {
		return motacilla.Post{}, err
	}
	err := motacilla.ErrNotFound
	if c := s.find(ch); c != nil && messageID != "" {
		c.mu.RLock()
		id, ok := c.messages[messageID]
		p := c.posts[id]
		c.mu.RUnlock()
		if p != nil {
			return p.Clone(), nil
		}
		if ok {
			err = motacilla.ErrDeleted
		}
	}
	return motacilla.Post{}, failed(err, "get post of message %q of channel %q", messageID, ch)
}

// Posts returns the posts that q chooses, newest first.
func (s *Store) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	if err := s.usable(ctx, "list posts of channel %q", ch); err != nil {
		return motacilla.Page{}, err
	}
	if c := s.find(ch); c != nil {
		c.mu.RLock()
		alive, page := c.alive, motacilla.Page{Head: c.state.Head}
		from := c.order
		if q.Pinned {
			from = c.pinned
		}
		chosen, more := from.choose(q)
		c.mu.RUnlock()
		if alive {
			page.Posts, page.More = clones(chosen), more
			return page, nil
		}
	}
	return motacilla.Page{}, failed(motacilla.ErrNotFound, "list posts of channel %q", ch)
}

// Changes returns what happened on the channel after since.
func (s *Store) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	if err := s.usable(ctx, "get changes of channel %q", ch); err != nil {
		return motacilla.Changes{}, err
	}
	if c := s.find(ch); c != nil {
		if facts, ok := c.changes(since, limit); ok {
			return facts, nil
		}
	}
	return motacilla.Changes{}, failed(motacilla.ErrNotFound, "get changes of channel %q", ch)
}

// Heads returns the newest revision of each of the channels.
func (s *Store) Heads(
	ctx context.Context, chs []motacilla.ChannelID,
) (map[motacilla.ChannelID]motacilla.Revision, error) {
	if err := s.usable(ctx, "get heads"); err != nil {
		return nil, err
	}
	heads := make(map[motacilla.ChannelID]motacilla.Revision, len(chs))
	for _, id := range chs {
		c := s.find(id)
		if c == nil {
			continue
		}
		c.mu.RLock()
		head := c.state.Head
		c.mu.RUnlock()
		if head != 0 {
			heads[id] = head
		}
	}
	return heads, nil
}

func (c *channel) get() (motacilla.Channel, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.state, c.alive
}

// changes returns what happened after since. It returns false if there never was such a channel.
func (c *channel) changes(since motacilla.Revision, limit int) (motacilla.Changes, bool) {
	c.mu.RLock()
	facts := motacilla.Changes{Head: c.state.Head, Deleted: !c.alive}
	if facts.Head == 0 {
		c.mu.RUnlock()
		return facts, false
	}
	at, known := seek(c.log, since)
	facts.Known = known
	if facts.Deleted {
		c.mu.RUnlock()
		return facts, true
	}
	facts.Floor = c.log[0].revision
	if c.state.Changed > since {
		state := c.state
		facts.Channel = &state
	}
	after := c.log[at:]
	if known {
		after = after[1:]
	}
	posts, removed, fits := c.collect(after, limit)
	if !fits {
		c.mu.RUnlock()
		facts.Truncated = true
		return facts, true
	}
	facts.Removed = removed
	newest := after[max(0, len(after)-motacilla.MaxIssued):]
	facts.Issued = make([]motacilla.Revision, len(newest))
	for i, ch := range newest {
		facts.Issued[i] = ch.revision
	}
	c.mu.RUnlock()
	facts.Posts = clones(posts)
	return facts, true
}

// seek returns the place of rev in log, and whether it is there.
func seek(log []change, rev motacilla.Revision) (int, bool) {
	return slices.BinarySearchFunc(log, rev, func(ch change, rev motacilla.Revision) int { return cmp.Compare(ch.revision, rev) })
}

// collect returns the newest state of what log lists, oldest change first. It returns false if that is more than limit.
// The caller holds mu.
func (c *channel) collect(log []change, limit int) ([]*motacilla.Post, []motacilla.Removal, bool) {
	var posts []*motacilla.Post
	var removed []motacilla.Removal
	for _, ch := range log {
		switch {
		case ch.removed:
			removed = append(removed, motacilla.Removal{ID: ch.post, Revision: ch.revision})
		case ch.post != "":
			// If the post changed again or was removed, a later entry has it.
			if p := c.posts[ch.post]; p != nil && p.Revision == ch.revision {
				posts = append(posts, p)
			}
		}
		if limit > 0 && len(posts)+len(removed) > limit {
			return nil, nil, false
		}
	}
	return posts, removed, true
}

// clones copies posts for a caller. The stored posts never change, so no lock is needed.
func clones(posts []*motacilla.Post) []motacilla.Post {
	if len(posts) == 0 {
		return nil
	}
	list := make([]motacilla.Post, len(posts))
	for i, p := range posts {
		list[i] = p.Clone()
	}
	return list
}

// failed wraps err with the operation and the thing.
func failed(err error, format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}
