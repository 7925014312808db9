// Package storage is the port of stores: what every one of them promises, and nothing of any. The stores stand beneath
// it; storagetest.Run holds each of them to what is said here.
package storage

import (
	"context"

	"github.com/motacilla-live/motacilla"
)

// Reader reads. Every method may be called from many goroutines at once, returns what its caller may keep and change,
// and answers from one snapshot of the channel. IDs are taken as they are: one that can't exist is not found.
type Reader interface {
	// Channel returns the channel, or ErrNotFound where there is none or it was deleted.
	Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)

	// Channels returns at most limit channels (0 means motacilla.DefaultLimit) whose IDs come after the given one, in
	// byte order of their IDs; "" begins at the first.
	Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error)

	// Post returns the post, or ErrNotFound where the channel has none of this ID or it was removed.
	Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error)

	// PostByMessage returns the post that the source calls messageID: ErrDeleted where it was removed, else
	// ErrNotFound. The empty message ID is never found.
	PostByMessage(ctx context.Context, ch motacilla.ChannelID, messageID string) (motacilla.Post, error)

	// Posts returns the posts that q chooses, newest first by (Created, ID). ErrNotFound: no such channel.
	Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error)

	// Changes returns what happened on the channel after since. ErrNotFound only where there never was such a channel;
	// a deleted one is reported as Deleted, with Head the revision of its deletion, Known where since is remembered of
	// the life that ended, and nothing else. More than limit posts changed or removed (0 means no limit) is Truncated.
	// since 0 and less, one beyond Head, one that was never issued, one that is forgotten, and one of an earlier life
	// of a channel that was deleted and made again are not Known; what is returned beside is then what Known would have
	// it where the store can tell, and need not be complete. At most motacilla.MaxIssued revisions are read and listed,
	// however many were issued.
	//
	// A store remembers of each channel the newest 10,000 revisions, and all of the last 24 hours.
	Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error)

	// Heads returns the newest revision of each of the channels; of a deleted one that of its deletion. Those that
	// never were are left out.
	Heads(ctx context.Context, chs []motacilla.ChannelID) (map[motacilla.ChannelID]motacilla.Revision, error)
}

// Writer writes. A write is atomic; when it returns without error it is stored as safely as the store stores anything,
// and every later read on any handle of the backend sees it. Each change issues one revision of its channel,
// motacilla.NextRevision by the store's clock; revisions become visible in the order in which they are issued. A write
// that fails changes nothing, but one that fails with ErrUnavailable may have been stored: the answer was lost.
// Input is validated as motacilla.Channel.Validate, Post.Admit and Post.Amend do; the error is an ErrInvalid.
type Writer interface {
	// CreateChannel makes a channel; ID, Title, Access and Ended are the caller's, Created and Head the store's.
	// ErrExists where there is one. One that was deleted begins anew, empty and with no message IDs remembered, and its
	// revisions go on from its last one.
	CreateChannel(ctx context.Context, c motacilla.Channel) (motacilla.Channel, error)

	// UpdateChannel changes a channel by Channel.Amend. edit is pure and may run again. No change means no revision.
	UpdateChannel(ctx context.Context, id motacilla.ChannelID, edit func(*motacilla.Channel) error) (motacilla.Channel, error)

	// DeleteChannel deletes a channel with all its posts and returns the revision of that. ErrNotFound where there is
	// none.
	DeleteChannel(ctx context.Context, id motacilla.ChannelID) (motacilla.Revision, error)

	// CreatePost makes a post by Post.Admit. Where a post of this message ID or this ID is there it returns that post
	// and ErrExists, where one was removed ErrDeleted. ErrNotFound: no such channel.
	CreatePost(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post) (motacilla.Post, error)

	// UpdatePost changes a post by Post.Amend, atomically. edit is pure and may run again; an error of edit is returned
	// as it is and changes nothing. No change means no revision. ErrConflict after bounded retries.
	UpdatePost(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, edit func(*motacilla.Post) error) (motacilla.Post, error)

	// DeletePost removes a post and returns the revision of that. check, where it is not nil, sees the post as it is
	// removed; its error is returned as it is and nothing is removed. ErrNotFound where there is none, or no more.
	DeletePost(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, check func(motacilla.Post) error) (motacilla.Revision, error)
}

// Watcher tells of changes.
type Watcher interface {
	// Watch calls notify for every channel that moves, on any node, until ctx ends (it returns nil) or the backend
	// breaks (it returns the error). It begins with the zero Moved: of every write through this handle that begins
	// after that notify is told. Hints may be merged or lost otherwise. notify must not block; it is called from any
	// goroutine, also from several at once, and not any more once Watch has returned.
	Watch(ctx context.Context, notify func(motacilla.Moved)) error
}

// Mover moves channels from store to store as they are: IDs, revisions, tombstones, and what is remembered. Its methods
// tell Watch as writes do.
type Mover interface {
	// ChannelRecords returns at most limit channels (0 means motacilla.DefaultLimit), deleted ones too, whose IDs come
	// after the given one, in byte order of their IDs; "" begins at the first.
	ChannelRecords(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.ChannelRecord, error)

	// ChangeRecords returns at most limit records (0 means motacilla.DefaultLimit) of the channel's present or last life
	// with revisions after the given one, oldest first, one for each revision of which anything is kept. ErrNotFound only
	// where there never was such a channel.
	ChangeRecords(ctx context.Context, ch motacilla.ChannelID, after motacilla.Revision, limit int) ([]motacilla.ChangeRecord, error)

	// Import makes the channel what c says, Created, Head, Born, Changed, Floor and Deleted too, and puts records, which
	// are in order and not newer than c.Head, beside those it has: a Post replaces the one of its ID, a Removed takes it
	// away. What there is of a life that began at another revision than c.Born goes first, and so do the posts and
	// tombstones where c is Deleted. Revisions before c.Floor are forgotten, and c.Head is remembered, whatever records
	// say. It is one atomic write that issues no revision of its own, and may be repeated. ErrConflict, and nothing
	// changed, where the channel's life is the same and its head is newer than c.Head. Input is validated as
	// motacilla.ChannelRecord.Validate does; the error is an ErrInvalid.
	Import(ctx context.Context, c motacilla.ChannelRecord, records []motacilla.ChangeRecord) error

	// Barrier issues a revision of the channel, of a deleted one too, that is not before at, and forgets all before it,
	// so that every reader is reset: for a backend that has lost acknowledged writes, such as one restored from a
	// backup. With at beyond every revision that was lost, none of them is issued again. Posts and tombstones stay.
	// ErrNotFound only where there never was such a channel.
	Barrier(ctx context.Context, ch motacilla.ChannelID, at motacilla.Revision) (motacilla.Revision, error)
}

// Store is a whole store. A call fails with ErrUnavailable where the backend can't answer, and with ErrClosed after
// Close; it returns soon after its context ends.
type Store interface {
	Reader
	Writer
	Watcher
	Mover

	// Records returns the store's records. It may be called again, and does not block.
	Records() Records

	// Ping asks the backend whether it can serve.
	Ping(ctx context.Context) error

	// Close ends Watches, waits for the store's goroutines and lets the backend go. It may be called again.
	Close() error
}

// Remember is how many of a channel's newest revisions a store remembers at least, and RememberHours for how long it
// remembers all.
const (
	Remember      = 10_000
	RememberHours = 24
)
