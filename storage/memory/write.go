package memory

import (
	"context"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
)

// CreateChannel makes a channel.
func (s *Store) CreateChannel(ctx context.Context, c motacilla.Channel) (motacilla.Channel, error) {
	if err := s.usable(ctx, "create channel %q", c.ID); err != nil {
		return motacilla.Channel{}, err
	}
	c = c.Normalize()
	if err := c.Validate(); err != nil {
		return motacilla.Channel{}, failed(err, "create channel %q", c.ID)
	}
	c, err := s.claim(c.ID).create(s.clock, c)
	if err != nil {
		return c, failed(err, "create channel %q", c.ID)
	}
	s.watchers.Tell(motacilla.Moved{Channel: c.ID, Head: c.Head})
	return c, nil
}

func (c *channel) create(clock motacilla.Clock, state motacilla.Channel) (motacilla.Channel, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.alive {
		return c.state, motacilla.ErrExists
	}
	rev, _ := c.next(clock)
	state.Head, state.Created = rev, rev.Time()
	c.begin(state)
	return state, nil
}

// UpdateChannel changes a channel.
func (s *Store) UpdateChannel(
	ctx context.Context, id motacilla.ChannelID, edit func(*motacilla.Channel) error,
) (motacilla.Channel, error) {
	if err := s.usable(ctx, "update channel %q", id); err != nil {
		return motacilla.Channel{}, err
	}
	c := s.find(id)
	if c == nil {
		return motacilla.Channel{}, failed(motacilla.ErrNotFound, "update channel %q", id)
	}
	state, changed, err := c.update(s.clock, edit)
	if err != nil {
		return motacilla.Channel{}, calls.Said(err, "update channel %q", id)
	}
	if changed {
		s.watchers.Tell(motacilla.Moved{Channel: id, Head: state.Head})
	}
	return state, nil
}

func (c *channel) update(
	clock motacilla.Clock, edit func(*motacilla.Channel) error,
) (state motacilla.Channel, changed bool, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if !c.alive {
		return state, false, motacilla.ErrNotFound
	}
	state, changed, err = c.state.Amend(calls.Foreign(edit))
	if err != nil || !changed {
		return state, false, err
	}
	rev, now := c.next(clock)
	state.Head = rev
	c.amend(state, now)
	return state, true, nil
}

// DeleteChannel deletes a channel with all its posts.
func (s *Store) DeleteChannel(ctx context.Context, id motacilla.ChannelID) (motacilla.Revision, error) {
	if err := s.usable(ctx, "delete channel %q", id); err != nil {
		return 0, err
	}
	if c := s.find(id); c != nil {
		if rev, ok := c.delete(s.clock); ok {
			s.watchers.Tell(motacilla.Moved{Channel: id, Head: rev, Deleted: true})
			return rev, nil
		}
	}
	return 0, failed(motacilla.ErrNotFound, "delete channel %q", id)
}

func (c *channel) delete(clock motacilla.Clock) (motacilla.Revision, bool) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if !c.alive {
		return 0, false
	}
	rev, now := c.next(clock)
	c.end(rev, now)
	return rev, true
}

// CreatePost makes a post. Where the message ID and the ID are those of different posts, the message ID decides.
func (s *Store) CreatePost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post,
) (motacilla.Post, error) {
	if err := s.usable(ctx, "create post on channel %q", ch); err != nil {
		return motacilla.Post{}, err
	}
	c := s.find(ch)
	if c == nil {
		return motacilla.Post{}, failed(motacilla.ErrNotFound, "create post on channel %q", ch)
	}
	made, err := c.createPost(s.clock, p)
	if err != nil {
		return made, failed(err, "create post on channel %q", ch)
	}
	s.watchers.Tell(motacilla.Moved{Channel: ch, Head: made.Revision})
	return made, nil
}

func (c *channel) createPost(clock motacilla.Clock, p motacilla.Post) (motacilla.Post, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if !c.alive {
		return motacilla.Post{}, motacilla.ErrNotFound
	}
	id, taken := c.messages[p.MessageID]
	if !taken {
		id = p.ID
	}
	if there := c.posts[id]; there != nil {
		return there.Clone(), motacilla.ErrExists
	}
	if _, removed := c.tombs[id]; removed {
		return motacilla.Post{}, motacilla.ErrDeleted
	}
	rev, now := c.next(clock)
	made, err := p.Admit(rev)
	if err != nil {
		return motacilla.Post{}, err
	}
	c.put(&made, now)
	return made.Clone(), nil
}

// UpdatePost changes a post. There are no conflicts: edit runs once, while other writers of the channel wait.
func (s *Store) UpdatePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, edit func(*motacilla.Post) error,
) (motacilla.Post, error) {
	if err := s.usable(ctx, "update post %q of channel %q", id, ch); err != nil {
		return motacilla.Post{}, err
	}
	c := s.find(ch)
	if c == nil {
		return motacilla.Post{}, failed(motacilla.ErrNotFound, "update post %q of channel %q", id, ch)
	}
	p, changed, err := c.updatePost(s.clock, id, edit)
	if err != nil {
		return motacilla.Post{}, calls.Said(err, "update post %q of channel %q", id, ch)
	}
	if changed {
		s.watchers.Tell(motacilla.Moved{Channel: ch, Head: p.Revision})
	}
	return p, nil
}

func (c *channel) updatePost(
	clock motacilla.Clock, id motacilla.PostID, edit func(*motacilla.Post) error,
) (motacilla.Post, bool, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	there := c.posts[id]
	if there == nil {
		return motacilla.Post{}, false, motacilla.ErrNotFound
	}
	rev, now := c.next(clock)
	next, changed, err := there.Amend(rev, calls.Foreign(edit))
	if err != nil {
		return motacilla.Post{}, false, err
	}
	if changed {
		stored := next.Clone() // edit may have kept its pointer, by which it reaches next
		c.put(&stored, now)
	}
	return next.Clone(), changed, nil // else it is the stored one
}

// DeletePost removes a post. check runs once, while other writers of the channel wait.
func (s *Store) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, check func(motacilla.Post) error,
) (motacilla.Revision, error) {
	if err := s.usable(ctx, "delete post %q of channel %q", id, ch); err != nil {
		return 0, err
	}
	c := s.find(ch)
	if c == nil {
		return 0, failed(motacilla.ErrNotFound, "delete post %q of channel %q", id, ch)
	}
	rev, err := c.deletePost(s.clock, id, check)
	if err != nil {
		return 0, calls.Said(err, "delete post %q of channel %q", id, ch)
	}
	s.watchers.Tell(motacilla.Moved{Channel: ch, Head: rev})
	return rev, nil
}

func (c *channel) deletePost(
	clock motacilla.Clock, id motacilla.PostID, check func(motacilla.Post) error,
) (motacilla.Revision, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	there := c.posts[id]
	if there == nil {
		return 0, motacilla.ErrNotFound
	}
	if err := calls.Checked(check, there.Clone()); err != nil {
		return 0, err
	}
	rev, now := c.next(clock)
	c.remove(there, rev, now)
	return rev, nil
}
