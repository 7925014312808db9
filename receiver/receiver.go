// Package receiver is the port of receivers, which take posts from a source (a REST client, Slack, Telegram) and write
// them into the store, and Ingest, which does for each of them what all need: sanitising and idempotency.
package receiver

import (
	"context"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Receiver takes posts from a source. One with work of its own to begin is a [Starter], one with work to end a
// [Stopper].
type Receiver interface {
	// URLs returns the routes that the source calls. It is pure: it calls nothing and changes nothing. A receiver
	// authenticates its source by itself.
	URLs() []route.Route
}

// Starter is a receiver with work of its own. Start returns when it has begun.
type Starter interface {
	Start(ctx context.Context) error
}

// Stopper is a receiver that has something to end: Shutdown returns when no goroutine of its own is left, or with ctx.
type Stopper interface {
	Shutdown(ctx context.Context) error
}

// Sink is what receivers write into: the part of a store that they need, with the contract of storage.Reader and
// storage.Writer.
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
