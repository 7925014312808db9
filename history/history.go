package history

import (
	"context"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Options are settings of a [History]. nil and zero fields mean the defaults.
type Options struct {
	Keep     time.Duration // how long a version is kept after it was replaced; 0 means 90 days, less keeps none
	Versions int           // about how many versions of a post are kept; 0 means 100, less keeps none
	Logger   *zap.Logger   // nil logs nothing
}

// The defaults of Options.
const (
	DefaultKeep     = 90 * 24 * time.Hour
	DefaultVersions = 100
)

// Store is the part of a store that a history needs. Its contract is that of storage.Reader and storage.Writer.
type Store interface {
	Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)
	Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error)
	Heads(ctx context.Context, chs []motacilla.ChannelID) (map[motacilla.ChannelID]motacilla.Revision, error)
	PutPost(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision) (motacilla.Post, error)
	DeletePost(
		ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
	) (motacilla.Revision, error)
	DeleteChannel(ctx context.Context, id motacilla.ChannelID) (motacilla.Revision, error)
}

// Images removes images for good. *media.Collector is one.
type Images interface {
	// UsesOf calls use with the IDs of the images that a block has.
	UsesOf(b motacilla.Block, use func(id string))
	// Release removes those of the images that nothing uses, at once, and returns their IDs.
	Release(ctx context.Context, ids []string) (removed []string, err error)
}

// Site is what a history needs of the live site that it belongs to.
type Site struct {
	Store     Store // below the history: writes to it are not kept
	Sink      Store // to which a version is restored, as any other write
	Images    Images
	Authorize route.Authorizer
	Base      string // the path of the site
}

// History keeps the versions of posts. All methods may be called from many goroutines at once, and from many nodes. It belongs to one
// live site.
type History struct {
	records motacilla.Records
	o       Options
	site    Site // set before the first request
	api     *rest.API
	noting  time.Duration // as noteTime, which the package's tests have longer

	stop    context.CancelFunc
	running sync.WaitGroup
}

// New returns a history in records.
func New(records motacilla.Records, o *Options) *History {
	h := &History{records: records, noting: noteTime}
	if o != nil {
		h.o = *o
	}
	if h.o.Keep == 0 {
		h.o.Keep = DefaultKeep
	}
	if h.o.Versions == 0 {
		h.o.Versions = DefaultVersions
	}
	if h.o.Logger == nil {
		h.o.Logger = zap.NewNop()
	}
	return h
}

// off reports whether no versions are kept. What was kept before can be read, and removed for good.
func (h *History) off() bool { return h.o.Keep < 0 || h.o.Versions < 0 }

// Join says which site it is. It must be called before the first request.
func (h *History) Join(s Site) {
	h.site = s
	h.api = rest.New(s.Authorize, h.o.Logger)
}

// Start begins to complete what nodes have begun to remove and did not end.
func (h *History) Start(context.Context) error {
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.running.Go(func() { h.sweep(ctx) })
	return nil
}

// Shutdown ends what Start has begun.
func (h *History) Shutdown(ctx context.Context) error {
	if h.stop == nil {
		return nil
	}
	h.stop()
	done := make(chan struct{})
	go func() {
		h.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
