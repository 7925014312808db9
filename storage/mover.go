package storage

import (
	"context"

	"github.com/motacilla-live/motacilla"
)

// Mover is what a store has that can move channels to and from other stores as they are: IDs, revisions, tombstones,
// and what is remembered. A [Store] need not have it; storagetest.RunMover holds to this contract those that do. Its
// methods tell Watch as writes do.
type Mover interface {
	// ChannelRecords returns at most limit channels (0 means motacilla.DefaultLimit), also deleted ones, whose IDs come
	// after the given one, in byte order of their IDs. If after is "", it begins with the first.
	ChannelRecords(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.ChannelRecord, error)

	// ChangeRecords returns at most limit records (0 means motacilla.DefaultLimit) of the channel's present or last life
	// with revisions after the given one, oldest first. There is one record for each revision of which anything is kept.
	// The error is ErrNotFound only if there never was such a channel.
	ChangeRecords(ctx context.Context, ch motacilla.ChannelID, after motacilla.Revision, limit int) ([]motacilla.ChangeRecord, error)

	// Import makes the channel what c says, including Created, Changed, Head, Born, Floor and Deleted, and adds records to
	// those it has. records must be in order and not newer than c.Head. A Post replaces the post of its ID; a Removed
	// removes it. If the channel has a life that began at another revision than c.Born, that is deleted first. If c is
	// Deleted, all posts and tombstones are deleted. Revisions before c.Floor are forgotten, and c.Head is remembered,
	// whatever records say.
	//
	// Import is one atomic write that issues no revision of its own, and may be repeated. The error is ErrConflict, and
	// nothing is changed, if the channel's life is the same and its head is newer than c.Head. Input is validated as
	// motacilla.ChannelRecord.Validate does; the error is an ErrInvalid.
	Import(ctx context.Context, c motacilla.ChannelRecord, records []motacilla.ChangeRecord) error

	// Barrier issues a revision of the channel that is not before at, and forgets all revisions before it, so that every
	// reader is reset. It is for a backend that has lost acknowledged writes, such as one restored from a backup. If at is
	// beyond every lost revision, none of them is issued again. Posts and tombstones stay. A deleted channel gets the
	// revision too. The error is ErrNotFound only if there never was such a channel.
	Barrier(ctx context.Context, ch motacilla.ChannelID, at motacilla.Revision) (motacilla.Revision, error)
}
