// Package edit changes posts and channels by compare-and-swap: it reads, edits, puts, and begins again after a conflict.
// Package storage gives it to everybody; the receivers, which do not import that package, use it from here.
package edit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/motacilla-live/motacilla"
)

// attempts is how often an edit is put before it is a conflict.
const attempts = 20

// Posts is the part of a store that Post needs.
type Posts interface {
	Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error)
	PutPost(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision) (motacilla.Post, error)
}

// Channels is the part of a store that Channel needs.
type Channels interface {
	Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)
	PutChannel(ctx context.Context, c motacilla.Channel, replaces motacilla.Revision) (motacilla.Channel, error)
}

// Batcher is a store that lets edits of one post share a put.
type Batcher interface{ Edits() *Batches }

// Post edits a post; see storage.Edit.
func Post(
	ctx context.Context, s Posts, ch motacilla.ChannelID, id motacilla.PostID, edit func(*motacilla.Post) error,
) (motacilla.Post, error) {
	if b, ok := s.(Batcher); ok {
		return b.Edits().post(ctx, s, key{ch, id}, edit)
	}
	p, err := s.Post(ctx, ch, id)
	if err != nil {
		return motacilla.Post{}, err
	}
	return swap(ctx, p, func(now motacilla.Post) (motacilla.Post, error) {
		next := now.Clone()
		if err := edit(&next); err != nil {
			return motacilla.Post{}, own{err}
		}
		next.ID = id
		return s.PutPost(ctx, ch, next, now.Revision)
	}, "edit post %q of channel %q", id, ch)
}

// Channel edits a channel; see storage.EditChannel.
func Channel(
	ctx context.Context, s Channels, id motacilla.ChannelID, edit func(*motacilla.Channel) error,
) (motacilla.Channel, error) {
	c, err := s.Channel(ctx, id)
	if err != nil {
		return motacilla.Channel{}, err
	}
	return swap(ctx, c, func(now motacilla.Channel) (motacilla.Channel, error) {
		next := now
		if err := edit(&next); err != nil {
			return motacilla.Channel{}, own{err}
		}
		next.ID = id
		return s.PutChannel(ctx, next, now.Changed)
	}, "edit channel %q", id)
}

// own is an error of the caller's edit. It is returned as it is, even if it is an ErrConflict.
type own struct{ error }

// swap calls put with what is stored until it does not conflict. With ErrConflict put returns what is stored now.
func swap[T any](ctx context.Context, now T, put func(now T) (T, error), format string, args ...any) (T, error) {
	var none T
	for n := range attempts {
		stored, err := put(now)
		var mine own
		switch {
		case err == nil:
			return stored, nil
		case errors.As(err, &mine):
			return none, mine.error
		case !errors.Is(err, motacilla.ErrConflict):
			return none, err
		}
		now = stored
		if err := pause(ctx, n); err != nil {
			return none, fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
		}
	}
	return none, fmt.Errorf("%s: %w in each of %d attempts", fmt.Sprintf(format, args...), motacilla.ErrConflict, attempts)
}

// pause waits after attempt n. The time is random, so that writers that collide do not collide again.
func pause(ctx context.Context, n int) error {
	t := time.NewTimer(rand.N(time.Duration(min(n+1, 10)) * 500 * time.Microsecond))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
