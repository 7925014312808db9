package live

import (
	"context"
	"errors"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/backlog"
	editing "github.com/motacilla-live/motacilla/internal/edit"
	"github.com/motacilla-live/motacilla/storage"
)

// bounded is a store that refuses a write at once if it would wait too long. A write that is refused does not reach the store.
// Reads and records are not counted: nodes must be able to renew their leases when writers are too many.
type bounded struct {
	storage.Store
	writes *backlog.Backlog
}

// Edits returns what the store has to store edits of one post together, or nil.
func (s *bounded) Edits() *editing.Batches {
	if b, ok := s.Store.(editing.Batcher); ok {
		return b.Edits()
	}
	return nil
}

func write[T any](s *bounded, do func() (T, error)) (v T, err error) {
	if err := s.writes.Enter(); err != nil {
		return v, err
	}
	answered := false
	defer func() { s.writes.Leave(answered) }() // in case of a panic too
	v, err = do()
	answered = !unanswered(err)
	return v, err
}

// unanswered reports whether err says that the store has not answered.
func unanswered(err error) bool {
	for _, none := range []error{motacilla.ErrUnavailable, motacilla.ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, none) {
			return true
		}
	}
	return false
}

// PutChannel stores a channel.
func (s *bounded) PutChannel(
	ctx context.Context, c motacilla.Channel, replaces motacilla.Revision,
) (motacilla.Channel, error) {
	return write(s, func() (motacilla.Channel, error) { return s.Store.PutChannel(ctx, c, replaces) })
}

// DeleteChannel deletes a channel.
func (s *bounded) DeleteChannel(ctx context.Context, id motacilla.ChannelID) (motacilla.Revision, error) {
	return write(s, func() (motacilla.Revision, error) { return s.Store.DeleteChannel(ctx, id) })
}

// PutPost stores a post.
func (s *bounded) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	return write(s, func() (motacilla.Post, error) { return s.Store.PutPost(ctx, ch, p, replaces) })
}

// DeletePost removes a post.
func (s *bounded) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
) (motacilla.Revision, error) {
	return write(s, func() (motacilla.Revision, error) { return s.Store.DeletePost(ctx, ch, id, replaces) })
}
