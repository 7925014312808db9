package memory

import (
	"context"
	"errors"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// Edits returns what storage.Edit needs to store edits of one post together.
func (s *Store) Edits() *storage.Edits { return &s.edits }

// PutChannel stores a channel.
func (s *Store) PutChannel(
	ctx context.Context, next motacilla.Channel, replaces motacilla.Revision,
) (motacilla.Channel, error) {
	if err := s.usable(ctx, "put channel %q", next.ID); err != nil {
		return motacilla.Channel{}, err
	}
	next = next.Normalize()
	if err := next.Validate(); err != nil {
		return motacilla.Channel{}, failed(err, "put channel %q", next.ID)
	}
	var stored motacilla.Channel
	var changed bool
	var err error
	if replaces == 0 {
		stored, changed, err = s.claim(next.ID).create(s.clock, next)
	} else if c := s.find(next.ID); c != nil {
		stored, changed, err = c.replace(s.clock, next, replaces)
	} else {
		err = motacilla.ErrNotFound
	}
	if err != nil {
		return stored, failed(err, "put channel %q", next.ID)
	}
	if changed {
		s.watchers.Tell(motacilla.Moved{Channel: stored.ID, Head: stored.Head})
	}
	return stored, nil
}

func (c *channel) create(clock motacilla.Clock, next motacilla.Channel) (motacilla.Channel, bool, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.alive {
		return c.state, false, motacilla.ErrExists
	}
	rev, _ := c.next(clock)
	next.Head, next.Changed, next.Created = rev, rev, rev.Time()
	c.begin(next)
	return next, true, nil
}

func (c *channel) replace(
	clock motacilla.Clock, next motacilla.Channel, replaces motacilla.Revision,
) (motacilla.Channel, bool, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	switch {
	case !c.alive:
		return motacilla.Channel{}, false, motacilla.ErrNotFound
	case c.state.Changed != replaces:
		return c.state, false, motacilla.ErrConflict
	}
	amended, changed, err := c.state.Amend(next)
	if err != nil || !changed {
		return amended, false, err
	}
	rev, now := c.next(clock)
	amended.Changed, amended.Head = rev, rev
	c.amend(amended, now)
	return amended, true, nil
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

// PutPost stores a post.
func (s *Store) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	if err := s.usable(ctx, "put post %q of channel %q", p.ID, ch); err != nil {
		return motacilla.Post{}, err
	}
	var stored *motacilla.Post
	var changed bool
	err := motacilla.ErrNotFound
	if c := s.find(ch); c != nil {
		if replaces == 0 {
			stored, changed, err = c.createPost(s.clock, p)
		} else {
			stored, changed, err = c.replacePost(s.clock, p, replaces)
		}
	}
	switch {
	case errors.Is(err, motacilla.ErrExists), errors.Is(err, motacilla.ErrConflict):
		return stored.Clone(), failed(err, "put post %q of channel %q", p.ID, ch)
	case err != nil:
		return motacilla.Post{}, failed(err, "put post %q of channel %q", p.ID, ch)
	}
	if changed {
		s.watchers.Tell(motacilla.Moved{Channel: ch, Head: stored.Revision})
	}
	return stored.Clone(), nil
}

func (c *channel) createPost(clock motacilla.Clock, p motacilla.Post) (*motacilla.Post, bool, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if !c.alive {
		return nil, false, motacilla.ErrNotFound
	}
	id, taken := c.messages[p.MessageID]
	if !taken {
		id = p.ID
	}
	if there := c.posts[id]; there != nil {
		return there, false, motacilla.ErrExists
	}
	if _, removed := c.tombs[id]; removed {
		return nil, false, motacilla.ErrDeleted
	}
	rev, now := c.next(clock)
	made, err := p.Admit(rev)
	if err != nil {
		return nil, false, err
	}
	c.put(&made, now)
	return &made, true, nil
}

func (c *channel) replacePost(
	clock motacilla.Clock, p motacilla.Post, replaces motacilla.Revision,
) (*motacilla.Post, bool, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	there := c.posts[p.ID]
	switch {
	case there == nil:
		return nil, false, motacilla.ErrNotFound
	case there.Revision != replaces:
		return there, false, motacilla.ErrConflict
	}
	rev, now := c.next(clock)
	amended, changed, err := there.Amend(p, rev)
	if err != nil || !changed {
		return there, false, err
	}
	c.put(&amended, now)
	return &amended, true, nil
}

// DeletePost removes a post.
func (s *Store) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
) (motacilla.Revision, error) {
	if err := s.usable(ctx, "delete post %q of channel %q", id, ch); err != nil {
		return 0, err
	}
	c := s.find(ch)
	if c == nil {
		return 0, failed(motacilla.ErrNotFound, "delete post %q of channel %q", id, ch)
	}
	rev, err := c.deletePost(s.clock, id, replaces)
	if err != nil {
		return 0, failed(err, "delete post %q of channel %q", id, ch)
	}
	s.watchers.Tell(motacilla.Moved{Channel: ch, Head: rev})
	return rev, nil
}

func (c *channel) deletePost(
	clock motacilla.Clock, id motacilla.PostID, replaces motacilla.Revision,
) (motacilla.Revision, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	there := c.posts[id]
	switch {
	case there == nil:
		return 0, motacilla.ErrNotFound
	case replaces != 0 && there.Revision != replaces:
		return 0, motacilla.ErrConflict
	}
	rev, now := c.next(clock)
	c.remove(there, rev, now)
	return rev, nil
}
