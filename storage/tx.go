package storage

import (
	"context"

	"github.com/motacilla-live/motacilla"
)

// Tx writes in a transaction of the app, in the app's own database. A store that can do so has a method In, which takes
// the database driver's transaction. storagetest.RunTx tests such a store.
//
// What a Tx writes is stored if the app commits, together with the app's own rows. If the app rolls back, or dies before
// the commit, nothing is left of it: no revision was issued, and a message ID may be used again. Nobody else sees a write
// before the commit. A Tx itself sees what it has written. Readers are told soon after the commit; the store says how soon.
//
// The rules are those of [Store] otherwise. The first write to a channel locks the channel until the transaction ends:
// other writes to this channel wait. So revisions become visible in the order in which they are issued. The first Put or
// Delete in a namespace of records locks the namespace in the same way.
//
// ErrNotFound, ErrExists, ErrDeleted, ErrConflict and ErrInvalid leave the transaction as it was before the call, and it
// can go on. After any other error, such as ErrUnavailable, the app must roll back. Calls fail with ErrClosed when the
// transaction has ended. A Tx is for one goroutine at a time, as the transaction is. Calls return soon after their
// context ends; nothing else ends a wait for a lock, except what the app's connections are set to.
type Tx interface {
	Writer

	// Channel returns the channel, as Reader does. [EditChannel] needs it.
	Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)

	// Post returns the post, as Reader does. [Edit] needs it.
	Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error)

	// PostByMessage returns the post that the source calls messageID, as Reader does.
	PostByMessage(ctx context.Context, ch motacilla.ChannelID, messageID string) (motacilla.Post, error)

	// Records returns the store's records, in the transaction.
	Records() Records
}
