package storage

import (
	"context"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/edit"
)

// PostStore is the part of a store that [Edit] needs.
type PostStore = edit.Posts

// ChannelStore is the part of a store that [EditChannel] needs.
type ChannelStore = edit.Channels

// Edits is for stores to have, as a field whose zero value is ready for use. If a store has a method Edits() *Edits, Edit
// stores edits of one post that come at the same time by one put, and they share the wait for the disk. Without that
// method each edit is a put of its own.
type Edits = edit.Batches

// Edit reads a post, calls change with a copy, and puts what change has made of it. If another write comes in between,
// it begins again; after many attempts it returns ErrConflict. change must be pure, since it may run again. If change
// returns an error, nothing is changed and Edit returns the same error. If change changes nothing, no revision is
// issued.
//
// Edits of one post that wait for each other in one process may be stored together, as one revision: each of them sees
// what the one before made of the post, and all of them return the post as it is stored in the end.
func Edit(
	ctx context.Context, s PostStore, ch motacilla.ChannelID, id motacilla.PostID, change func(*motacilla.Post) error,
) (motacilla.Post, error) {
	return edit.Post(ctx, s, ch, id, change)
}

// EditChannel reads a channel, calls change with a copy, and puts what change has made of it, as [Edit] does with a
// post.
func EditChannel(
	ctx context.Context, s ChannelStore, id motacilla.ChannelID, change func(*motacilla.Channel) error,
) (motacilla.Channel, error) {
	return edit.Channel(ctx, s, id, change)
}
