package live

import (
	"context"
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla"
	editing "github.com/motacilla-live/motacilla/internal/edit"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage"
)

// completing is a store that completes the posts that are put. A block of an image that the server holds gets its URL and its
// sizes. An embed gets its card, or is queued to get it. It is one place for all ways in.
type completing struct {
	storage.Store
	images receiver.Images
	cards  Embeds // nil if pages are not looked up
}

// Edits returns what the store has to store edits of one post together, or nil.
func (s *completing) Edits() *editing.Batches {
	if b, ok := s.Store.(editing.Batcher); ok {
		return b.Edits()
	}
	return nil
}

// PutPost completes p and puts it.
func (s *completing) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	plain := true
	for _, b := range p.Content {
		plain = plain && b.Type == motacilla.TextBlock
	}
	if plain {
		return s.Store.PutPost(ctx, ch, p, replaces)
	}
	p = p.Clone()
	if err := s.completeAll(ctx, p.Content); err != nil {
		return motacilla.Post{}, err
	}
	stored, err := s.Store.PutPost(ctx, ch, p, replaces)
	if s.cards == nil || err != nil && !errors.Is(err, motacilla.ErrExists) {
		return stored, err
	}
	for _, b := range stored.Content {
		if b.Type != motacilla.EmbedBlock || b.Card != (motacilla.Card{}) {
			continue
		}
		if later := s.cards.Later(ctx, ch, stored.ID, b.URL); later != nil {
			return motacilla.Post{}, fmt.Errorf("%w: %w", motacilla.ErrUnavailable, later) // the caller tries again, and so this does
		}
	}
	return stored, err
}

// completeAll fills in blocks.
func (s *completing) completeAll(ctx context.Context, content []motacilla.Block) error {
	for i := range content {
		if err := s.complete(ctx, i, &content[i]); err != nil {
			return err
		}
	}
	return nil
}

// mostLookedUp is how many pages one call of lookUp has looked up. Nothing that was written is stored yet, so it should cost little.
const mostLookedUp = 10

// lookUp has embedded pages looked up that have no card. waits: there are some.
func (s *completing) lookUp(ctx context.Context, content []motacilla.Block) (waits bool, err error) {
	left := mostLookedUp
	for _, b := range content {
		if left == 0 || s.cards == nil {
			break
		}
		if b.Type != motacilla.EmbedBlock || b.Card != (motacilla.Card{}) {
			continue
		}
		if err := s.cards.Later(ctx, "", "", b.URL); err != nil {
			return waits, fmt.Errorf("%w: %w", motacilla.ErrUnavailable, err)
		}
		waits = true
		left--
	}
	return waits, nil
}

// complete fills in block i.
func (s *completing) complete(ctx context.Context, i int, b *motacilla.Block) error {
	switch {
	case b.Type == motacilla.EmbedBlock && s.cards != nil && b.Card == (motacilla.Card{}):
		b.Card, _ = s.cards.Card(ctx, b.URL)
	case b.Type == motacilla.ImageBlock && b.Media != "":
		image, err := s.images.Image(ctx, b.Media)
		switch {
		case err == nil:
			image.Alt = b.Alt
			*b = image
		case !errors.Is(err, motacilla.ErrNotFound):
			return err
		case b.Pending:
			b.URL, b.Srcset, b.Color = "", "", ""
		case b.URL == "": // with a URL it was stored when the image was there
			return motacilla.Invalid(fmt.Sprintf("content[%d].value.media", i), "must be the ID of an image that this server has")
		}
	}
	return nil
}
