// Package storage is the port of stores: what every store promises. Stores are in the folders beneath it; package
// storagetest holds each of them to this contract.
package storage

import (
	"context"

	"github.com/motacilla-live/motacilla"
)

// Reader reads. Every method may be called from many goroutines at once. What it returns belongs to the caller and is
// of one snapshot of the channel. IDs are not validated: one that can't exist is not found.
type Reader interface {
	// Channel returns the channel. The error is ErrNotFound if there is none or it was deleted.
	Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)

	// Channels returns at most limit channels (0 means motacilla.DefaultLimit) whose IDs come after the given one, in
	// byte order of their IDs. If after is "", it begins with the first.
	Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error)

	// Post returns the post. The error is ErrNotFound if the channel has none of this ID or it was removed.
	Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error)

	// PostByMessage returns the post that the source calls messageID. The error is ErrDeleted if it was removed, and
	// ErrNotFound if there never was one. The empty message ID is never found.
	PostByMessage(ctx context.Context, ch motacilla.ChannelID, messageID string) (motacilla.Post, error)

	// Posts returns the posts that q chooses, newest first by (Created, ID). The error is ErrNotFound if there is no such
	// channel.
	Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error)

	// Changes returns what happened on the channel after since. The error is ErrNotFound only if there never was such a
	// channel. For a deleted channel the answer has Deleted, Head (the revision of the deletion) and Known (since belongs
	// to the life that ended and is remembered), and nothing else. If more than limit posts changed or were removed (0
	// means no limit), the answer is Truncated.
	//
	// Known is false if since is 0 or less, is beyond Head, was never issued, is forgotten, or belongs to an earlier life
	// of a channel that was deleted and made again. The rest of the answer is then what the store can tell, and may be
	// incomplete.
	//
	// A store remembers of each channel the newest 10,000 revisions, and all revisions of the last 24 hours. It reads and
	// lists at most motacilla.MaxIssued of them, however many were issued after since.
	Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error)

	// Heads returns the newest revision of each of the channels. For a deleted channel that is the revision of its
	// deletion. Channels that never were are left out.
	Heads(ctx context.Context, chs []motacilla.ChannelID) (map[motacilla.ChannelID]motacilla.Revision, error)
}

// Writer writes by compare-and-swap: a put names the revision that it replaces, and fails with ErrConflict if something
// else is stored by then. [Edit] and [EditChannel] read, edit and put until that succeeds.
//
// A write is atomic. When it returns without an error, it is stored as safely as the store stores anything, and every
// later read on any handle of the backend sees it. Each change issues one revision of its channel,
// motacilla.NextRevision by the store's clock. Revisions become visible in the order in which they are issued. A put
// that changes nothing issues none. A write that fails changes nothing and issues no revision, except that one that
// fails with ErrUnavailable or the error of its context may have been stored: the answer was lost.
//
// Input is validated as Channel.Validate, Post.Admit and Post.Amend do; the error is an ErrInvalid. If several errors
// apply to a write, it returns one of them.
type Writer interface {
	// PutChannel stores a channel. ID, Title, Access and Ended are the caller's; Created, Changed and Head are set by the
	// store.
	//
	// If replaces is 0, it makes a new channel. ErrExists and the channel are returned if there is one. A channel that was
	// deleted begins anew: empty, with no message IDs remembered, and its revisions go on from its last one.
	//
	// Otherwise it replaces the channel whose Changed is replaces. ErrConflict and the present channel are returned if
	// Changed is another revision, ErrNotFound if there is no such channel.
	PutChannel(ctx context.Context, c motacilla.Channel, replaces motacilla.Revision) (motacilla.Channel, error)

	// DeleteChannel deletes a channel with all its posts and returns the revision of the deletion. The error is
	// ErrNotFound if there is no such channel.
	DeleteChannel(ctx context.Context, id motacilla.ChannelID) (motacilla.Revision, error)

	// PutPost stores a post. Modified and Revision are set by the store.
	//
	// If replaces is 0, it makes a new post by Post.Admit. If a post of this message ID or this ID is there, it returns
	// that post and ErrExists; if one was removed, it returns ErrDeleted. The message ID decides if it belongs to one post
	// and the ID to another.
	//
	// Otherwise it replaces the post of p.ID whose Revision is replaces, by Post.Amend. ErrConflict and the present post
	// are returned if the post is of another revision, ErrNotFound if there is no such post or it was removed.
	//
	// The error is ErrNotFound if there is no such channel.
	PutPost(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision) (motacilla.Post, error)

	// DeletePost removes a post and returns the revision of the removal. If replaces is 0, it removes the post whatever
	// its revision is; otherwise the error is ErrConflict if the post is of another revision. The error is ErrNotFound if
	// there is no such post or it was removed already.
	DeletePost(
		ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
	) (motacilla.Revision, error)
}

// Watcher tells of changes.
type Watcher interface {
	// Watch calls notify for every channel that moves, on any node, until ctx ends (then it returns nil) or the backend
	// breaks (then it returns the error). First it calls notify with the zero Moved: it tells of every write through this
	// handle that begins after that call. Apart from that, hints may be merged or lost. notify must not block. It may be
	// called from any goroutine, also from several at once, and is not called after Watch has returned.
	Watch(ctx context.Context, notify func(motacilla.Moved)) error
}

// Store is a whole store. A call fails with ErrUnavailable if the backend can't answer, and with ErrClosed after Close.
// It returns soon after its context ends.
type Store interface {
	Reader
	Writer
	Watcher

	// Records returns the store's records. It may be called again, and does not block.
	Records() Records

	// Ping asks the backend whether it can serve.
	Ping(ctx context.Context) error

	// Close ends Watches, waits for the store's goroutines and releases what the store has of the backend. It may be
	// called again.
	Close() error
}

// Remember is how many of a channel's newest revisions a store remembers at least. RememberHours is for how many hours
// it remembers all of them.
const (
	Remember      = 10_000
	RememberHours = 24
)
