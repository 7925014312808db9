package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// Each write is one call of a function of the schema, so it is one round trip and one transaction.

// session has the writes, and the reads that belong to them, of a Store and of a Tx.
type session struct {
	run   runner
	clock motacilla.Clock // nil is the database's
}

// runner runs statements: a Store on a connection of its pool, a Tx in the app's transaction. The error that they return
// names the operation, as format describes it.
type runner interface {
	read(ctx context.Context, f func(*queries) error, format string, args ...any) error
	write(ctx context.Context, f func(*queries) error, format string, args ...any) error
}

// Edits returns what storage.Edit needs to store edits of one post together.
func (s *Store) Edits() *storage.Edits { return &s.edits }

// PutChannel stores a channel.
func (s session) PutChannel(
	ctx context.Context, next motacilla.Channel, replaces motacilla.Revision,
) (stored motacilla.Channel, err error) {
	next = next.Normalize()
	err = s.run.write(ctx, func(q *queries) error {
		if err := next.Validate(); err != nil {
			return err
		}
		changed := false
		if replaces == 0 {
			stored, changed, err = s.createChannel(q, next)
		} else {
			stored, changed, err = s.replaceChannel(q, next, replaces)
		}
		if changed && err == nil {
			q.tell(motacilla.Moved{Channel: stored.ID, Head: stored.Head})
		}
		return err
	}, "put channel %q", next.ID)
	return stored, err
}

func (s session) createChannel(q *queries, c motacilla.Channel) (motacilla.Channel, bool, error) {
	var made bool
	stored, err := row(q, func(from pgx.Row) (channelRow, error) { return scanWith(from, &made) },
		qCreateChannel, string(c.ID), c.Title, string(c.Access), ended(c.Ended), s.own())
	if err == nil && !made {
		err = motacilla.ErrExists
	}
	return stored.Channel, made, err
}

func (s session) replaceChannel(
	q *queries, c motacilla.Channel, replaces motacilla.Revision,
) (motacilla.Channel, bool, error) {
	const changes, conflicts = 0, 2
	var outcome int
	stored, err := row(q, func(from pgx.Row) (channelRow, error) { return scanWith(from, &outcome) },
		qReplaceChannel, string(c.ID), c.Title, string(c.Access), ended(c.Ended), int64(replaces), s.own())
	if err != nil {
		return motacilla.Channel{}, false, err
	}
	if outcome == conflicts {
		err = motacilla.ErrConflict
	}
	return stored.Channel, outcome == changes, err
}

// DeleteChannel deletes a channel with all its posts.
func (s session) DeleteChannel(ctx context.Context, id motacilla.ChannelID) (rev motacilla.Revision, err error) {
	err = s.run.write(ctx, func(q *queries) error {
		if !storable(string(id)) {
			return motacilla.ErrNotFound
		}
		if rev, err = row(q, scanIssued, qDeleteChannel, string(id), s.own()); err == nil {
			q.tell(motacilla.Moved{Channel: id, Head: rev, Deleted: true})
		}
		return err
	}, "delete channel %q", id)
	if err != nil {
		return 0, err
	}
	return rev, nil
}

// PutPost stores a post.
func (s session) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (stored motacilla.Post, err error) {
	err = s.run.write(ctx, func(q *queries) (err error) {
		changed := false
		switch {
		case !storable(string(ch)):
			return motacilla.ErrNotFound
		case replaces == 0:
			stored, changed, err = s.createPost(q, ch, p)
		default:
			stored, changed, err = s.replacePost(q, ch, p, replaces)
		}
		if changed && err == nil {
			q.tell(motacilla.Moved{Channel: ch, Head: stored.Revision})
		}
		return err
	}, "put post %q of channel %q", p.ID, ch)
	return stored, err
}

func (s session) createPost(q *queries, ch motacilla.ChannelID, p motacilla.Post) (motacilla.Post, bool, error) {
	// Whether the post is valid, and its content, do not depend on the revision, which the database issues.
	valid, err := p.Admit(motacilla.NextRevision(0, s.clock.Now()))
	if err != nil {
		return motacilla.Post{}, false, err
	}
	content, err := encode(valid.Content)
	if err != nil {
		return motacilla.Post{}, false, err
	}
	tail := string(valid.ID[len("00000000-0000"):]) // all but its time
	at := ended(motacilla.Micro(p.Created))         // null: when it is made
	a, err := row(q, scanAnswer, qCreatePost, string(ch), string(p.ID), tail, p.MessageID, p.SourceVersion, p.Source,
		p.Author, at, p.Show, p.Pinned, p.KeyEvent, content, s.own())
	switch {
	case err != nil:
		return motacilla.Post{}, false, err
	case a.outcome == there:
		return a.post, false, motacilla.ErrExists
	case a.outcome == removed:
		return motacilla.Post{}, false, motacilla.ErrDeleted
	}
	p.ID = a.post.ID
	made, err := p.Admit(a.post.Revision)
	return made, true, err
}

func (s session) replacePost(
	q *queries, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, bool, error) {
	if p.ID == "" {
		return motacilla.Post{}, false, motacilla.ErrNotFound
	}
	at := ended(motacilla.Micro(p.Created)) // null: it stays
	p.MessageID, p.Source = "", ""          // they stay, whatever the caller says
	valid, err := p.Admit(1)
	if err != nil {
		return motacilla.Post{}, false, err
	}
	content, err := encode(valid.Content)
	if err != nil {
		return motacilla.Post{}, false, err
	}
	a, err := row(q, scanAnswer, qReplacePost, string(ch), string(p.ID), p.SourceVersion, p.Author, at, p.Show, p.Pinned,
		p.KeyEvent, content, int64(replaces), s.own())
	switch {
	case err != nil:
		return motacilla.Post{}, false, err
	case a.outcome == conflicts:
		return a.post, false, motacilla.ErrConflict
	case a.outcome == done:
		a.post.Content = valid.Content
	}
	return a.post, a.outcome == done, nil
}

// DeletePost removes a post.
func (s session) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
) (rev motacilla.Revision, err error) {
	err = s.run.write(ctx, func(q *queries) error {
		if !storable(string(ch), string(id)) {
			return motacilla.ErrNotFound
		}
		rev, err = row(q, scanIssued, qDeletePost, string(ch), string(id), int64(replaces), s.own())
		if err == nil && rev == 0 {
			err = motacilla.ErrConflict
		}
		if err == nil {
			q.tell(motacilla.Moved{Channel: ch, Head: rev})
		}
		return err
	}, "delete post %q of channel %q", id, ch)
	if err != nil {
		return 0, err
	}
	return rev, nil
}

// own is the time by the store's own clock. It is null, which means the database's, if the store has none.
func (s session) own() *int64 {
	if s.clock == nil {
		return nil
	}
	now := s.clock.Now().UnixMicro()
	return &now
}

// tell passes a hint to every Watch of this Store at once, and to other nodes soon.
func (s *Store) tell(m motacilla.Moved) {
	s.watchers.Tell(m)
	s.teller.add(m)
}
