package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
)

// CreateChannel makes a channel, in one round trip.
func (s *Store) CreateChannel(ctx context.Context, c motacilla.Channel) (motacilla.Channel, error) {
	c = c.Normalize()
	err := s.write(ctx, func(q *queries) error {
		if err := c.Validate(); err != nil {
			return err
		}
		var isNew bool
		there, err := row(q, func(from pgx.Row) (channelRow, error) {
			return scanWith(from, &isNew)
		}, qCreateChannel, string(c.ID), c.Title, string(c.Access), ended(c.Ended), s.own())
		if err != nil {
			return err
		}
		c = there.Channel
		if !isNew {
			return motacilla.ErrExists
		}
		return nil
	}, "create channel %q", c.ID)
	if err != nil {
		return c, err
	}
	s.tell(motacilla.Moved{Channel: c.ID, Head: c.Head})
	return c, nil
}

// UpdateChannel changes a channel, in two round trips. edit runs once, while other writers of the channel wait; it runs
// again where the server has undone what it was for.
func (s *Store) UpdateChannel(
	ctx context.Context, id motacilla.ChannelID, edit func(*motacilla.Channel) error,
) (motacilla.Channel, error) {
	var c motacilla.Channel
	var changed bool
	err := s.edit(ctx, id, func(q *queries) error {
		old, now, err := s.lock(q, id, nil)
		if err != nil {
			return err
		}
		if c, changed, err = old.Amend(calls.Foreign(edit)); err != nil || !changed {
			return err
		}
		rev := motacilla.NextRevision(old.Head, now.Time())
		c.Head = rev
		b := &batch{q: q}
		b.Queue(qSetChannel, string(id), c.Title, string(c.Access), ended(c.Ended), int64(rev))
		b.Queue(qRecord, string(id), int64(rev), int64(now))
		return b.commit()
	}, "update channel %q", id)
	if err != nil {
		return motacilla.Channel{}, err
	}
	if changed {
		s.tell(motacilla.Moved{Channel: id, Head: c.Head})
	}
	return c, nil
}

// DeleteChannel deletes a channel with all its posts, in one round trip.
func (s *Store) DeleteChannel(ctx context.Context, id motacilla.ChannelID) (rev motacilla.Revision, err error) {
	err = s.write(ctx, func(q *queries) error {
		if !storable(string(id)) {
			return motacilla.ErrNotFound
		}
		rev, err = row(q, scanIssued, qDeleteChannel, string(id), s.own())
		return err
	}, "delete channel %q", id)
	if err != nil {
		return 0, err
	}
	s.tell(motacilla.Moved{Channel: id, Head: rev, Deleted: true})
	return rev, nil
}

// CreatePost makes a post, in one round trip. Where the message ID and the ID are those of different posts, the message
// ID decides.
func (s *Store) CreatePost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post,
) (created motacilla.Post, err error) {
	// Whatever revision it will have, it is now known whether it can be admitted, and as what.
	checked, wrong := p.Admit(motacilla.NextRevision(0, s.clock.Now()))
	if wrong != nil {
		return s.refuse(ctx, ch, p, wrong)
	}
	content, err := encode(checked.Content)
	if err != nil {
		return motacilla.Post{}, err
	}
	tail := string(checked.ID[len("00000000-0000"):]) // all but its time
	at := ended(motacilla.Micro(p.Created))           // null: when it is made
	var answer admission
	err = s.write(ctx, func(q *queries) error {
		if !storable(string(ch)) {
			return motacilla.ErrNotFound
		}
		answer, err = row(q, scanAdmission, qCreatePost, string(ch), string(p.ID), tail, p.MessageID, p.SourceVersion,
			p.Source, p.Author, at, p.Show, p.Pinned, p.KeyEvent, content, s.own())
		switch {
		case err != nil:
			return err
		case answer.outcome == there:
			return motacilla.ErrExists
		case answer.outcome == removed:
			return motacilla.ErrDeleted
		}
		p.ID = answer.id
		created, err = p.Admit(answer.revision)
		return err
	}, "create post on channel %q", ch)
	switch {
	case errors.Is(err, motacilla.ErrExists):
		return answer.post, err
	case err != nil:
		return motacilla.Post{}, err
	}
	s.tell(motacilla.Moved{Channel: ch, Head: created.Revision})
	return created, nil
}

// refuse answers for a post that can't be admitted: that is said only where nothing else stands in its way.
func (s *Store) refuse(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, wrong error,
) (found motacilla.Post, err error) {
	err = s.read(ctx, func(q *queries) error {
		if !storable(string(ch)) {
			return motacilla.ErrNotFound
		}
		message, id := p.MessageID, string(p.ID)
		if !storable(message) {
			message = ""
		}
		if !storable(id) {
			id = ""
		}
		var c channelRow
		var posts [2][]motacilla.Post
		var tombs [2]bool
		b := q.begin(qSnapshot)
		one(b, &c, scanLiving, qChannel, string(ch))
		many(b, &posts[0], scanPost, qMessage, string(ch), message)
		one(b, &tombs[0], scanBool, qTombMessage, string(ch), message)
		many(b, &posts[1], scanPost, qPost, string(ch), id)
		one(b, &tombs[1], scanBool, qTomb, string(ch), id)
		if err := b.commit(); err != nil {
			return err
		}
		for i := range posts {
			if len(posts[i]) > 0 {
				found = posts[i][0]
				return motacilla.ErrExists
			}
			if tombs[i] {
				return motacilla.ErrDeleted
			}
		}
		return wrong
	}, "create post on channel %q", ch)
	return found, err
}

// DeletePost removes a post: in one round trip, or in two with a check, which runs as an edit does.
func (s *Store) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, check func(motacilla.Post) error,
) (rev motacilla.Revision, err error) {
	if check == nil {
		err = s.write(ctx, func(q *queries) error {
			if !storable(string(ch), string(id)) {
				return motacilla.ErrNotFound
			}
			rev, err = row(q, scanIssued, qDeletePost, string(ch), string(id), s.own())
			return err
		}, "delete post %q of channel %q", id, ch)
	} else {
		rev, err = s.deleteChecked(ctx, ch, id, check)
	}
	if err != nil {
		return 0, err
	}
	s.tell(motacilla.Moved{Channel: ch, Head: rev})
	return rev, nil
}
