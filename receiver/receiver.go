// Package receiver is the port of receivers. A receiver takes posts from a source, such as a REST client or Slack, and
// writes them into the store. Ingest does what all receivers need: it validates, sanitises, and makes one post of one
// message.
package receiver

import (
	"context"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Receiver takes posts from a source. A receiver with work of its own is a [Starter], a [Stopper] or both.
type Receiver interface {
	// URLs returns the routes that the source calls. It must return the same routes each time. It must not change
	// anything, and must not call the store or the source. The receiver itself must authenticate the source.
	URLs() []route.Route
}

// Starter is a receiver with work to begin. Start returns when the work has begun. ctx is for the start only: it may end
// while the work goes on.
type Starter interface {
	Start(ctx context.Context) error
}

// Stopper is a receiver with work to end. Shutdown returns when the receiver has no goroutine left, or with ctx's error.
type Stopper interface {
	Shutdown(ctx context.Context) error
}

// Sourced is a receiver that keeps what it knows in the store's records. Source names it there, and no other receiver of an app may
// have that name: otherwise one of them would do the other's work, with the wrong credentials.
type Sourced interface {
	Source() string
}

// Eraser is a [Sink] that can remove a post with all that is left of it.
type Eraser interface {
	// ErasePost removes a post, its versions and drafts, and the images that nothing else has. If replaces is not 0, the error is an
	// ErrConflict if the post has another revision. The post may be removed already. The error is an ErrNotFound if there is nothing of
	// it, and errors.ErrUnsupported if the app keeps no versions.
	ErasePost(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision) (Erased, error)
}

// Erased is what an Eraser has removed.
type Erased struct {
	Post     motacilla.PostID
	Versions int
	Drafts   int
	Images   []string // their IDs
}

// Sink is the part of a store that receivers need. Its contract is that of storage.Reader and storage.Writer.
type Sink interface {
	Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)
	Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error)
	Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error)
	PostByMessage(ctx context.Context, ch motacilla.ChannelID, messageID string) (motacilla.Post, error)
	Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error)
	PutChannel(ctx context.Context, c motacilla.Channel, replaces motacilla.Revision) (motacilla.Channel, error)
	DeleteChannel(ctx context.Context, id motacilla.ChannelID) (motacilla.Revision, error)
	PutPost(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision) (motacilla.Post, error)
	DeletePost(
		ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
	) (motacilla.Revision, error)
}
