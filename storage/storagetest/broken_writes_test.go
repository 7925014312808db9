package storagetest_test

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// The stores below write wrongly.

// reusesRevision gives every third post the revision before its own.
type reusesRevision struct {
	storage.Store
	n atomic.Int64
}

func (s *reusesRevision) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	p, err := s.Store.PutPost(ctx, ch, p, replaces)
	if err == nil && replaces == 0 && s.n.Add(1)%3 == 0 {
		p.Revision--
	}
	return p, err
}

// forgetsTombstone makes a removed post again.
type forgetsTombstone struct{ storage.Store }

func (s forgetsTombstone) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	made, err := s.Store.PutPost(ctx, ch, p, replaces)
	if errors.Is(err, motacilla.ErrDeleted) {
		p.ID, p.MessageID = "", ""
		return s.Store.PutPost(ctx, ch, p, replaces)
	}
	return made, err
}

// ignoresReplaces puts a post in the place of whichever is there.
type ignoresReplaces struct{ storage.Store }

func (s ignoresReplaces) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	stored, err := s.Store.PutPost(ctx, ch, p, replaces)
	for replaces != 0 && errors.Is(err, motacilla.ErrConflict) {
		stored, err = s.Store.PutPost(ctx, ch, p, stored.Revision)
	}
	return stored, err
}

// checksBefore compares the revision before the transaction that writes.
type checksBefore struct{ storage.Store }

func (s checksBefore) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	if replaces == 0 {
		return s.Store.PutPost(ctx, ch, p, 0)
	}
	there, err := s.Post(ctx, ch, p.ID)
	switch {
	case err != nil:
		return motacilla.Post{}, err
	case there.Revision != replaces:
		return there, motacilla.ErrConflict
	}
	pause()
	return ignoresReplaces(s).PutPost(ctx, ch, p, replaces)
}

// checksChannelBefore does that with a channel.
type checksChannelBefore struct{ storage.Store }

func (s checksChannelBefore) PutChannel(
	ctx context.Context, c motacilla.Channel, replaces motacilla.Revision,
) (motacilla.Channel, error) {
	if replaces == 0 {
		return s.Store.PutChannel(ctx, c, 0)
	}
	there, err := s.Channel(ctx, c.ID)
	switch {
	case err != nil:
		return motacilla.Channel{}, err
	case there.Changed != replaces:
		return there, motacilla.ErrConflict
	}
	pause()
	stored, err := s.Store.PutChannel(ctx, c, replaces)
	for errors.Is(err, motacilla.ErrConflict) {
		stored, err = s.Store.PutChannel(ctx, c, stored.Changed)
	}
	return stored, err
}

// removesAny removes a post whatever its revision is.
type removesAny struct{ storage.Store }

func (s removesAny) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, _ motacilla.Revision,
) (motacilla.Revision, error) {
	return s.Store.DeletePost(ctx, ch, id, 0)
}

// revisesOnConflict issues a revision for a put that it refuses.
type revisesOnConflict struct{ storage.Store }

func (s revisesOnConflict) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	stored, err := s.Store.PutPost(ctx, ch, p, replaces)
	if errors.Is(err, motacilla.ErrConflict) {
		gone, other := s.Store.PutPost(ctx, ch, motacilla.Post{}, 0)
		if other == nil {
			_, other = s.DeletePost(ctx, ch, gone.ID, 0)
		}
		err = errors.Join(err, other)
	}
	return stored, err
}

// silentOnConflict does not return the post that is there.
type silentOnConflict struct{ storage.Store }

func (s silentOnConflict) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	stored, err := s.Store.PutPost(ctx, ch, p, replaces)
	if errors.Is(err, motacilla.ErrConflict) {
		stored = motacilla.Post{}
	}
	return stored, err
}

// alwaysRevises issues a revision whether or not anything changed.
type alwaysRevises struct{ storage.Store }

func (s alwaysRevises) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	stored, err := s.Store.PutPost(ctx, ch, p, replaces)
	if err == nil && stored.Revision == replaces {
		p.SourceVersion++
		return s.Store.PutPost(ctx, ch, p, replaces)
	}
	return stored, err
}
