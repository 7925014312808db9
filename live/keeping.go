package live

import (
	"context"
	"errors"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/history"
	editing "github.com/motacilla-live/motacilla/internal/edit"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage"
)

// keeping is a store whose posts have a history.
type keeping struct {
	storage.Store
	history *history.History
}

// Edits returns what the store has to store edits of one post together, or nil.
func (s *keeping) Edits() *editing.Batches {
	if b, ok := s.Store.(editing.Batcher); ok {
		return b.Edits()
	}
	return nil
}

// PutPost puts a post, and keeps its versions.
func (s *keeping) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	return s.history.PutPost(ctx, s.Store, ch, p, replaces)
}

// DeletePost removes a post, and keeps its last version.
func (s *keeping) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
) (motacilla.Revision, error) {
	return s.history.DeletePost(ctx, s.Store, ch, id, replaces)
}

// DeleteChannel deletes a channel with the history of its posts.
func (s *keeping) DeleteChannel(ctx context.Context, id motacilla.ChannelID) (motacilla.Revision, error) {
	return s.history.DeleteChannel(ctx, s.Store, id)
}

// ErasePost removes a post and its history for good. It is for [receiver.Eraser].
func (s *completing) ErasePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
) (receiver.Erased, error) {
	kept, ok := s.Store.(*keeping)
	if !ok {
		return receiver.Erased{}, errors.ErrUnsupported
	}
	e, err := kept.history.ErasePost(ctx, kept.Store, ch, id, replaces)
	return receiver.Erased(e), err
}

// joinHistory tells the history which site it is.
func (p *Parts) joinHistory(o Options) {
	if o.History == nil {
		return
	}
	images, _ := o.Library.(history.Images)
	o.History.Join(history.Site{
		Store: p.below, Sink: p.Store, Images: images, Authorize: p.Authorize, Base: o.BasePath,
	})
}
