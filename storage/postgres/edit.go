package postgres

import (
	"context"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
)

// edit runs f, in which a function of the caller runs between a read and a write: the one begins a transaction and
// locks the channel, the other commits it. Where f returns before that, the transaction is let go.
func (s *Store) edit(
	ctx context.Context, ch motacilla.ChannelID, f func(*queries) error, format string, args ...any,
) error {
	return s.write(ctx, func(q *queries) error {
		if !storable(string(ch)) {
			return motacilla.ErrNotFound
		}
		err := f(q)
		if q.conn.Conn().PgConn().TxStatus() == 'T' {
			q.rollback()
		}
		return err
	}, format, args...)
}

// lock begins a transaction, locks the channel, and reads it, the time, and what else more adds, in one round trip.
func (s *Store) lock(
	q *queries, ch motacilla.ChannelID, more func(*batch),
) (c channelRow, now motacilla.Revision, err error) {
	b := q.begin(qBegin)
	one(b, &c, scanLiving, qLock, string(ch))
	one(b, &now, scanRevision, qNow) // when the lock is held
	if more != nil {
		more(b)
	}
	err = b.run()
	if s.clock != nil {
		now = motacilla.Revision(s.clock.Now().UnixMicro())
	}
	return c, now, err
}

// UpdatePost changes a post, in two round trips. There are no conflicts: edit runs once, while other writers of the
// channel wait; it runs again where the server has undone what it was for.
func (s *Store) UpdatePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, edit func(*motacilla.Post) error,
) (p motacilla.Post, err error) {
	var changed bool
	err = s.edit(ctx, ch, func(q *queries) error {
		if !storable(string(id)) {
			return motacilla.ErrNotFound
		}
		var old motacilla.Post
		c, now, err := s.lock(q, ch, func(b *batch) { one(b, &old, scanPost, qPost, string(ch), string(id)) })
		if err != nil {
			return err
		}
		rev := motacilla.NextRevision(c.Head, now.Time())
		if p, changed, err = old.Amend(rev, calls.Foreign(edit)); err != nil || !changed {
			return err
		}
		p = p.Clone() // edit may have kept its pointer
		content, err := encode(p.Content)
		if err != nil {
			return err
		}
		b := &batch{q: q}
		b.Queue(qSetPost, string(ch), string(id), p.SourceVersion, p.Author, p.Created.UnixMicro(), p.Modified.UnixMicro(),
			p.Show, p.Pinned, p.KeyEvent, content, int64(rev))
		b.Queue(qRecord, string(ch), int64(rev), int64(now))
		return b.commit()
	}, "update post %q of channel %q", id, ch)
	if err != nil {
		return motacilla.Post{}, err
	}
	if changed {
		s.tell(motacilla.Moved{Channel: ch, Head: p.Revision})
	}
	return p, nil
}

func (s *Store) deleteChecked(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, check func(motacilla.Post) error,
) (rev motacilla.Revision, err error) {
	err = s.edit(ctx, ch, func(q *queries) error {
		if !storable(string(id)) {
			return motacilla.ErrNotFound
		}
		var old motacilla.Post
		_, _, err := s.lock(q, ch, func(b *batch) { one(b, &old, scanPost, qPost, string(ch), string(id)) })
		if err != nil {
			return err
		}
		if err := calls.Checked(check, old); err != nil {
			return err
		}
		b := &batch{q: q}
		one(b, &rev, scanIssued, qDeletePost, string(ch), string(id), s.own())
		return b.commit()
	}, "delete post %q of channel %q", id, ch)
	return rev, err
}

// own is the time by the store's own clock, where it has one; null is the database's.
func (s *Store) own() *int64 {
	if s.clock == nil {
		return nil
	}
	now := s.clock.Now().UnixMicro()
	return &now
}

// tell passes a hint on: to those who watch here at once, to other nodes soon.
func (s *Store) tell(m motacilla.Moved) {
	s.watchers.Tell(m)
	s.teller.add(m)
}
