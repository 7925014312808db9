package sqlite

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// forgetting: one write in so many, on average, prunes the log of its channel.
const forgetting = 64

// Edits returns what storage.Edit needs to store edits of one post together.
func (s *Store) Edits() *storage.Edits { return &s.edits }

// PutChannel stores a channel.
func (s session) PutChannel(
	ctx context.Context, next motacilla.Channel, replaces motacilla.Revision,
) (motacilla.Channel, error) {
	next = next.Normalize()
	return change(ctx, s.run, func(q *queries) (motacilla.Channel, error) {
		if err := next.Validate(); err != nil {
			return motacilla.Channel{}, err
		}
		there, err := scanChannel(q.row(qChannel, next.ID))
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return motacilla.Channel{}, err
		}
		alive := err == nil && !there.deleted
		switch {
		case replaces == 0 && alive:
			return there.Channel, motacilla.ErrExists
		case replaces == 0:
			return q.createChannel(next, there.Head)
		case !alive:
			return motacilla.Channel{}, motacilla.ErrNotFound
		case there.Changed != replaces:
			return there.Channel, motacilla.ErrConflict
		}
		return q.replaceChannel(there.Channel, next)
	}, "put channel %q", next.ID)
}

// createChannel makes a channel whose earlier life, if it had one, ended at head.
func (q *queries) createChannel(c motacilla.Channel, head motacilla.Revision) (motacilla.Channel, error) {
	rev := motacilla.NextRevision(head, q.clock.Now())
	c.Head, c.Changed, c.Created = rev, rev, rev.Time()
	if err := q.exec(qDropLog, c.ID); err != nil {
		return c, err
	}
	err := q.exec(qPutChannel, c.ID, c.Title, c.Access, c.Created.UnixMicro(), ended(c.Ended), rev, rev, rev)
	if err != nil {
		return c, err
	}
	q.tell(motacilla.Moved{Channel: c.ID, Head: rev})
	return c, q.exec(qLog, c.ID, rev)
}

func (q *queries) replaceChannel(there, next motacilla.Channel) (motacilla.Channel, error) {
	c, changed, err := there.Amend(next)
	if err != nil || !changed {
		return c, err
	}
	rev, err := q.issue(c.ID, there.Head)
	if err != nil {
		return c, err
	}
	c.Changed, c.Head = rev, rev
	q.tell(motacilla.Moved{Channel: c.ID, Head: rev})
	return c, q.exec(qSetChannel, c.Title, c.Access, ended(c.Ended), rev, rev, c.ID)
}

// DeleteChannel deletes a channel with all its posts.
func (s session) DeleteChannel(ctx context.Context, id motacilla.ChannelID) (motacilla.Revision, error) {
	return change(ctx, s.run, func(q *queries) (motacilla.Revision, error) {
		c, err := q.channel(id)
		if err != nil {
			return 0, err
		}
		rev, err := q.issue(id, c.Head)
		if err != nil {
			return 0, err
		}
		if err := q.forget(id); err != nil { // no later write will
			return 0, err
		}
		q.tell(motacilla.Moved{Channel: id, Head: rev, Deleted: true})
		return rev, errors.Join(q.exec(qDropPosts, id), q.exec(qDropTombs, id), q.exec(qEndChannel, rev, id))
	}, "delete channel %q", id)
}

// PutPost stores a post.
func (s session) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	p = p.Clone() // a caller whose time is up does not wait for the write
	return change(ctx, s.run, func(q *queries) (motacilla.Post, error) {
		head, err := q.liveHead(ch)
		if err != nil {
			return motacilla.Post{}, err
		}
		if replaces == 0 {
			return q.createPost(ch, p, head)
		}
		there, err := scanPost(q.row(qPost, ch, p.ID))
		switch {
		case err != nil:
			return motacilla.Post{}, err
		case there.Revision != replaces:
			return there, motacilla.ErrConflict
		}
		return q.replacePost(ch, there, p, head)
	}, "put post %q of channel %q", p.ID, ch)
}

func (q *queries) createPost(
	ch motacilla.ChannelID, p motacilla.Post, head motacilla.Revision,
) (motacilla.Post, error) {
	if there, err := q.taken(ch, p); err != nil {
		return there, err
	}
	p, err := p.Admit(motacilla.NextRevision(head, q.clock.Now()))
	if err != nil {
		return motacilla.Post{}, err
	}
	content, err := encode(p.Content)
	if err != nil {
		return motacilla.Post{}, err
	}
	if err := q.record(ch, p.Revision); err != nil {
		return motacilla.Post{}, err
	}
	q.tell(motacilla.Moved{Channel: ch, Head: p.Revision})
	return p, q.exec(qPutPost, ch, p.ID, p.MessageID, p.SourceVersion, p.Source, p.Author, p.Created.UnixMicro(),
		p.Modified.UnixMicro(), p.Show, p.Pinned, p.KeyEvent, content, p.Revision)
}

// taken returns the post that has p's message ID or ID and ErrExists. If that post was removed, it returns ErrDeleted.
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

func (q *queries) replacePost(
	ch motacilla.ChannelID, there, next motacilla.Post, head motacilla.Revision,
) (motacilla.Post, error) {
	p, changed, err := there.Amend(next, motacilla.NextRevision(head, q.clock.Now()))
	if err != nil || !changed {
		return p, err
	}
	content, err := encode(p.Content)
	if err != nil {
		return motacilla.Post{}, err
	}
	if err := q.record(ch, p.Revision); err != nil {
		return motacilla.Post{}, err
	}
	q.tell(motacilla.Moved{Channel: ch, Head: p.Revision})
	return p, q.exec(qSetPost, p.SourceVersion, p.Author, p.Created.UnixMicro(), p.Modified.UnixMicro(), p.Show,
		p.Pinned, p.KeyEvent, content, p.Revision, ch, p.ID)
}

// DeletePost removes a post.
func (s session) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
) (motacilla.Revision, error) {
	return change(ctx, s.run, func(q *queries) (motacilla.Revision, error) {
		there, err := scanPost(q.row(qPost, ch, id))
		switch {
		case err != nil:
			return 0, err
		case replaces != 0 && there.Revision != replaces:
			return 0, motacilla.ErrConflict
		}
		head, err := q.liveHead(ch)
		if err != nil {
			return 0, err
		}
		rev, err := q.issue(ch, head)
		if err != nil {
			return 0, err
		}
		if err := q.exec(qDropPost, ch, id); err != nil {
			return 0, err
		}
		q.tell(motacilla.Moved{Channel: ch, Head: rev})
		return rev, q.exec(qBury, ch, id, there.MessageID, rev)
	}, "delete post %q of channel %q", id, ch)
}

// issue issues a revision of the channel that is at head.
func (q *queries) issue(ch motacilla.ChannelID, head motacilla.Revision) (motacilla.Revision, error) {
	rev := motacilla.NextRevision(head, q.clock.Now())
	return rev, q.record(ch, rev)
}

// liveHead returns the head of a channel that is not deleted.
func (q *queries) liveHead(ch motacilla.ChannelID) (motacilla.Revision, error) {
	head, err := scanRevision(q.row(qLiveHead, ch))
	return head, notFound(err)
}

// record makes rev the channel's head and adds it to the log. Now and then it forgets what need not be remembered any
// longer.
func (q *queries) record(ch motacilla.ChannelID, rev motacilla.Revision) error {
	if err := q.exec(qSetHead, rev, ch); err != nil {
		return err
	}
	if err := q.exec(qLog, ch, rev); err != nil || rand.IntN(forgetting) != 0 {
		return err
	}
	return q.forget(ch)
}

// forget prunes the channel's log to what storage.Reader promises to remember.
func (q *queries) forget(ch motacilla.ChannelID) error {
	day := q.clock.Now().Add(-storage.RememberHours * time.Hour).UnixMicro()
	return q.exec(qForget, ch, day, storage.Remember-1)
}
