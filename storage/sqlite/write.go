package sqlite

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
)

// forgetting: one write in so many, on average, prunes the log of its channel.
const forgetting = 64

// CreateChannel makes a channel.
func (s *Store) CreateChannel(ctx context.Context, c motacilla.Channel) (motacilla.Channel, error) {
	c = c.Normalize()
	err := s.change(ctx, func(q *queries) error {
		if err := c.Validate(); err != nil {
			return err
		}
		old, err := scanChannel(q.row(qChannel, c.ID))
		switch {
		case err == nil && !old.deleted:
			c = old.Channel
			return motacilla.ErrExists
		case err != nil && !errors.Is(err, motacilla.ErrNotFound):
			return err
		}
		rev := motacilla.NextRevision(old.Head, s.clock.Now())
		c.Head, c.Created = rev, rev.Time()
		if err := q.exec(qDropLog, c.ID); err != nil {
			return err
		}
		err = q.exec(qPutChannel, c.ID, c.Title, c.Access, c.Created.UnixMicro(), ended(c.Ended), rev, rev, rev)
		if err != nil {
			return err
		}
		q.tell(motacilla.Moved{Channel: c.ID, Head: rev})
		return q.exec(qLog, c.ID, rev)
	}, "create channel %q", c.ID)
	return c, err
}

// UpdateChannel changes a channel. edit runs once, while other writers wait.
func (s *Store) UpdateChannel(
	ctx context.Context, id motacilla.ChannelID, edit func(*motacilla.Channel) error,
) (motacilla.Channel, error) {
	var c motacilla.Channel
	err := s.change(ctx, func(q *queries) error {
		old, err := q.channel(id)
		if err != nil {
			return err
		}
		var changed bool
		if c, changed, err = old.Amend(calls.Foreign(edit)); err != nil || !changed {
			return err
		}
		if c.Head, err = s.issue(q, id, old.Head); err != nil {
			return err
		}
		q.tell(motacilla.Moved{Channel: id, Head: c.Head})
		return q.exec(qSetChannel, c.Title, c.Access, ended(c.Ended), c.Head, c.Head, id)
	}, "update channel %q", id)
	if err != nil {
		return motacilla.Channel{}, err
	}
	return c, nil
}

// DeleteChannel deletes a channel with all its posts.
func (s *Store) DeleteChannel(ctx context.Context, id motacilla.ChannelID) (rev motacilla.Revision, err error) {
	err = s.change(ctx, func(q *queries) error {
		c, err := q.channel(id)
		if err != nil {
			return err
		}
		if rev, err = s.issue(q, id, c.Head); err != nil {
			return err
		}
		if err := s.forget(q, id); err != nil { // no later write will
			return err
		}
		q.tell(motacilla.Moved{Channel: id, Head: rev, Deleted: true})
		return errors.Join(q.exec(qDropPosts, id), q.exec(qDropTombs, id), q.exec(qEndChannel, rev, id))
	}, "delete channel %q", id)
	if err != nil {
		return 0, err
	}
	return rev, nil
}

// CreatePost makes a post. Where the message ID and the ID are those of different posts, the message ID decides.
func (s *Store) CreatePost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post,
) (made motacilla.Post, err error) {
	err = s.change(ctx, func(q *queries) error {
		head, err := q.liveHead(ch)
		if err != nil {
			return err
		}
		if made, err = q.taken(ch, p); err != nil {
			return err
		}
		rev, err := s.issue(q, ch, head)
		if err != nil {
			return err
		}
		if made, err = p.Admit(rev); err != nil {
			return err
		}
		content, err := encode(made.Content)
		if err != nil {
			return err
		}
		q.tell(motacilla.Moved{Channel: ch, Head: rev})
		return q.exec(qPutPost, ch, made.ID, made.MessageID, made.SourceVersion, made.Source, made.Author,
			made.Created.UnixMicro(), made.Modified.UnixMicro(), made.Show, made.Pinned, made.KeyEvent, content, rev)
	}, "create post on channel %q", ch)
	if err != nil && !errors.Is(err, motacilla.ErrExists) {
		return motacilla.Post{}, err
	}
	return made, err
}

// taken returns the post that has p's message ID or ID, with ErrExists, or ErrDeleted where it was removed.
func (q *queries) taken(ch motacilla.ChannelID, p motacilla.Post) (motacilla.Post, error) {
	for _, by := range []struct{ post, tomb, key string }{
		{qMessage, qTombMessage, p.MessageID}, {qPost, qTomb, string(p.ID)},
	} {
		if by.key == "" {
			continue
		}
		there, err := scanPost(q.row(by.post, ch, by.key))
		if err == nil {
			return there, motacilla.ErrExists
		}
		if !errors.Is(err, motacilla.ErrNotFound) {
			return motacilla.Post{}, err
		}
		removed, err := is(q.row(by.tomb, ch, by.key))
		if err != nil {
			return motacilla.Post{}, err
		}
		if removed {
			return motacilla.Post{}, motacilla.ErrDeleted
		}
	}
	return motacilla.Post{}, nil
}

// UpdatePost changes a post. There are no conflicts: edit runs once, while other writers wait.
func (s *Store) UpdatePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, edit func(*motacilla.Post) error,
) (p motacilla.Post, err error) {
	err = s.change(ctx, func(q *queries) error {
		old, err := scanPost(q.row(qPost, ch, id))
		if err != nil {
			return err
		}
		head, err := q.liveHead(ch)
		if err != nil {
			return err
		}
		rev := motacilla.NextRevision(head, s.clock.Now())
		var changed bool
		if p, changed, err = old.Amend(rev, calls.Foreign(edit)); err != nil || !changed {
			return err
		}
		p = p.Clone() // edit may have kept its pointer
		content, err := encode(p.Content)
		if err != nil {
			return err
		}
		if err := s.record(q, ch, rev); err != nil {
			return err
		}
		q.tell(motacilla.Moved{Channel: ch, Head: rev})
		return q.exec(qSetPost, p.SourceVersion, p.Author, p.Created.UnixMicro(), p.Modified.UnixMicro(), p.Show,
			p.Pinned, p.KeyEvent, content, rev, ch, id)
	}, "update post %q of channel %q", id, ch)
	if err != nil {
		return motacilla.Post{}, err
	}
	return p, nil
}

// DeletePost removes a post. check runs once, while other writers wait.
func (s *Store) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, check func(motacilla.Post) error,
) (rev motacilla.Revision, err error) {
	err = s.change(ctx, func(q *queries) error {
		old, err := scanPost(q.row(qPost, ch, id))
		if err != nil {
			return err
		}
		if err := calls.Checked(check, old.Clone()); err != nil {
			return err
		}
		head, err := q.liveHead(ch)
		if err != nil {
			return err
		}
		if rev, err = s.issue(q, ch, head); err != nil {
			return err
		}
		if err := q.exec(qDropPost, ch, id); err != nil {
			return err
		}
		q.tell(motacilla.Moved{Channel: ch, Head: rev})
		return q.exec(qBury, ch, id, old.MessageID, rev)
	}, "delete post %q of channel %q", id, ch)
	if err != nil {
		return 0, err
	}
	return rev, nil
}

// issue gives a change of the channel that is at head its revision.
func (s *Store) issue(q *queries, ch motacilla.ChannelID, head motacilla.Revision) (motacilla.Revision, error) {
	rev := motacilla.NextRevision(head, s.clock.Now())
	return rev, s.record(q, ch, rev)
}

// liveHead returns the head of a channel that is there.
func (q *queries) liveHead(ch motacilla.ChannelID) (motacilla.Revision, error) {
	head, err := scanRevision(q.row(qLiveHead, ch))
	return head, notFound(err)
}

// record makes rev the channel's head, and now and then forgets what need not be remembered any longer. A revision is
// never before the time at which it was issued, so its own time says what is old enough.
func (s *Store) record(q *queries, ch motacilla.ChannelID, rev motacilla.Revision) error {
	if err := q.exec(qSetHead, rev, ch); err != nil {
		return err
	}
	if err := q.exec(qLog, ch, rev); err != nil || rand.IntN(forgetting) != 0 {
		return err
	}
	return s.forget(q, ch)
}

// forget prunes the channel's log to what storage.Reader promises to remember.
func (s *Store) forget(q *queries, ch motacilla.ChannelID) error {
	day := s.clock.Now().Add(-storage.RememberHours * time.Hour).UnixMicro()
	return q.exec(qForget, ch, day, storage.Remember-1)
}
