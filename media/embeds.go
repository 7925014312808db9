package media

import (
	"context"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Embeds looks up embedded pages, such as videos. All methods may be called from many goroutines at once.
type Embeds interface {
	// Card returns what is known of a page, and whether it was looked up. It reads the store's records at most.
	Card(ctx context.Context, url string) (card motacilla.Card, known bool)
	// Later queues a page to be looked up. Then its card is put into all embed blocks of the post that have this URL and no card.
	// When it returns without an error, that outlives this node.
	Later(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, url string) error
	// Frames says whether readers see players: "off", "ask" (after they have agreed) or "show".
	Frames() string
	// URLs returns the routes of players that are on this server.
	URLs() []route.Route
	// Start begins to look pages up.
	Start(ctx context.Context) error
	// Shutdown ends that. What is not done is done after the next start, or by another node.
	Shutdown(ctx context.Context) error
}

// PostStore is where the posts are whose cards are put in.
type PostStore interface {
	Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error)
	PutPost(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision) (motacilla.Post, error)
}
