package receiver

import (
	"context"
	"io"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
)

// Kit is what an app shares with its receivers. All fields are set, except Room, Complete, LookUp and Note in tests, and all may be used by
// many goroutines at once.
type Kit struct {
	Sink    Sink              // where posts go
	Records motacilla.Records // what all nodes share: queues, leases, positions. See package work
	Images  Images            // the app's images
	Client  *outbound.Client  // for addresses that come from outside
	Metrics *Metrics          // counts deliveries
	Room    *Room             // for the bodies of deliveries: pass it to each Hook
	// Complete fills in what the server knows of the images and embeds among blocks, as when a post with them is stored. It looks up
	// nothing elsewhere. The error is an ErrInvalid if there is no such image. nil fills in nothing.
	Complete func(ctx context.Context, content []motacilla.Block) error
	// LookUp has embedded pages looked up that have no card, for posts to come, and waits for none of them. It returns whether there are
	// such. nil looks up nothing.
	LookUp    func(ctx context.Context, content []motacilla.Block) (waits bool, err error)
	PublicURL string      // of the app, such as https://example.org/news; "" if it is not known
	Note      func(Event) // adds to the app's audit log what a receiver does without a request; nil in tests
}

// Event is what a receiver does by itself, and who wanted it so.
type Event struct {
	Who, Name string // as in route.Holder
	Action    string // such as "publish"
	Channel   motacilla.ChannelID
	Detail    string
}

// Images keeps images. *media.Library is one.
type Images interface {
	// Add reads an image and keeps it under id, 1 to 64 characters of a-z, 0-9 and '-'. If there is one of this ID, it
	// returns that, and reads nothing. The error is an ErrInvalid if what r has is not an image, or breaks a limit.
	Add(ctx context.Context, id string, r io.Reader) (motacilla.Block, error)
	// Image returns the image of an ID, or an ErrNotFound.
	Image(ctx context.Context, id string) (motacilla.Block, error)
}

// NoImages is an Images for apps without media: it refuses all images.
type NoImages struct{}

// Add returns an ErrInvalid.
func (NoImages) Add(context.Context, string, io.Reader) (motacilla.Block, error) {
	return motacilla.Block{}, motacilla.Invalid("media", "can't be kept: this server has no media store")
}

// Image returns an ErrNotFound.
func (NoImages) Image(context.Context, string) (motacilla.Block, error) {
	return motacilla.Block{}, motacilla.ErrNotFound
}
