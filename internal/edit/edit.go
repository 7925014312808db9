// Package edit changes posts and channels by compare-and-swap: it reads, edits, puts, and begins again after a
// conflict. Package storage gives it to everybody; the receivers, which do not import that package, use it from here.
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

// Batcher is a store that lets edits of one post share a put. A store that only wraps another may return nil.
type Batcher interface{ Edits() *Batches }

// Post edits a post; see storage.Edit.
func Post(
	ctx context.Context, s Posts, ch motacilla.ChannelID, id motacilla.PostID, edit func(*motacilla.Post) error,
) (motacilla.Post, error) {
	if b, ok := s.(Batcher); ok && b.Edits() != nil {
		return b.Edits().post(ctx, s, key{ch, id}, edit)
	}
	return alone(ctx, s, key{ch, id}, edit)
}

// alone edits a post without others.
func alone(ctx context.Context, s Posts, k key, edit func(*motacilla.Post) error) (motacilla.Post, error) {
	now, err := s.Post(ctx, k.channel, k.post)
	if err != nil {
		return motacilla.Post{}, err
	}
	for n := 0; ; n++ {
		next := now.Clone()
		if err := edit(&next); err != nil {
			return motacilla.Post{}, err
		}
		next.ID = k.post
		stored, err := s.PutPost(ctx, k.channel, next, now.Revision)
		if !errors.Is(err, motacilla.ErrConflict) {
			return stored, err
		}
		if err := again(ctx, n); err != nil {
			return motacilla.Post{}, fmt.Errorf("edit post %q of channel %q: %w", k.post, k.channel, err)
		}
		now = stored
	}
}

// Channel edits a channel; see storage.EditChannel.
func Channel(
	ctx context.Context, s Channels, id motacilla.ChannelID, edit func(*motacilla.Channel) error,
) (motacilla.Channel, error) {
	now, err := s.Channel(ctx, id)
	if err != nil {
		return motacilla.Channel{}, err
	}
	for n := 0; ; n++ {
		next := now
		if err := edit(&next); err != nil {
			return motacilla.Channel{}, err
		}
		next.ID = id
		stored, err := s.PutChannel(ctx, next, now.Changed)
		if !errors.Is(err, motacilla.ErrConflict) {
			return stored, err
		}
		if err := again(ctx, n); err != nil {
			return motacilla.Channel{}, fmt.Errorf("edit channel %q: %w", id, err)
		}
		now = stored
	}
}

// again waits before another attempt, after n+1 of them. The time is random, so that writers that collide do not
// collide again. It returns ErrConflict if there were enough attempts.
func again(ctx context.Context, n int) error {
	if n+1 == attempts {
		return fmt.Errorf("%w in each of %d attempts", motacilla.ErrConflict, attempts)
	}
	t := time.NewTimer(rand.N(time.Duration(min(n+1, 10)) * 500 * time.Microsecond))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
