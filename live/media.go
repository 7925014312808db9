package live

import (
	"context"
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/internal/backlog"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/work"
)

// Library keeps images and serves their files. *media.Library is one, and so is media.WithCollector, which removes unused images. If
// it is a receiver.Starter or a receiver.Stopper, the site starts it before its receivers, and stops it after them.
type Library interface {
	receiver.Images
	URLs() []route.Route
}

// Embeds looks up embedded pages. *oembed.Embeds is one. If it has a method Stats() work.QueueStats, the metrics have these figures
// as those of the queue "embeds".
type Embeds interface {
	// Card returns what is known of a page, and whether it was looked up. It must not wait for the page's site.
	Card(ctx context.Context, url string) (card motacilla.Card, known bool)
	// Later looks a page up, and then puts its card into the post. Without an id it is only looked up, for posts to come.
	Later(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, url string) error
	// URLs returns the routes of players that are on this server.
	URLs() []route.Route
	Start(ctx context.Context) error
	Shutdown(ctx context.Context) error
}

// deliveryRoom is how much memory the bodies of large deliveries may take together, in bytes.
const deliveryRoom = 64 << 20

// newKit makes the store that refuses writes when too many wait and completes posts, and what receivers share.
func (p *Parts) newKit(o Options) {
	p.writes = &backlog.Backlog{}
	p.below = &bounded{o.Store, p.writes}
	store := &completing{Store: p.below, images: receiver.NoImages{}}
	if o.History != nil {
		store.Store = &keeping{p.below, o.History}
	}
	if o.Library != nil {
		store.images = o.Library
	}
	if o.Embeds != nil {
		store.cards = o.Embeds
	}
	p.kit = &receiver.Kit{
		Sink: store, Records: o.Store.Records(), Images: store.images, Client: o.Client, Metrics: &receiver.Metrics{},
		Room: receiver.NewRoom(deliveryRoom), Complete: store.completeAll, LookUp: store.lookUp, PublicURL: o.PublicURL, Note: noteBy(o.Access),
	}
	if queue, ok := o.Embeds.(interface{ Stats() work.QueueStats }); ok {
		p.kit.Metrics.Watch("embeds", queue.Stats)
	}
	p.Store = store
}

// noteBy returns what adds a receiver's events to the audit log, if there is one.
func noteBy(a *access.Access) func(receiver.Event) {
	if a == nil {
		return func(receiver.Event) {}
	}
	return func(e receiver.Event) {
		a.Kit().Note(access.Event{Who: e.Who, Name: e.Name, Action: e.Action, Channel: e.Channel, Detail: e.Detail})
	}
}

// mounted has routes.
type mounted interface{ URLs() []route.Route }

// shared is what all receivers need, with its name in errors. It runs longer than they do.
func (p *Parts) shared() []Named[mounted] {
	var list []Named[mounted]
	if p.options.Library != nil {
		list = append(list, Named[mounted]{At: "the library of images", It: p.options.Library})
	}
	if p.options.Embeds != nil {
		list = append(list, Named[mounted]{At: "embedded pages", It: p.options.Embeds})
	}
	if p.options.History != nil {
		list = append(list, Named[mounted]{At: "the history of posts", It: p.options.History})
	}
	if p.options.Access != nil {
		list = append(list, Named[mounted]{At: "access", It: p.options.Access})
	}
	if p.present != nil {
		list = append(list, Named[mounted]{At: "presence", It: p.present})
	}
	return list
}

func (p *Parts) startShared(ctx context.Context) error {
	for _, part := range p.shared() {
		if s, ok := part.It.(receiver.Starter); ok {
			if err := s.Start(ctx); err != nil {
				return fmt.Errorf("start %s: %w", part.At, err)
			}
		}
	}
	return nil
}

// stopShared ends what startShared began. It may be called without that.
func (p *Parts) stopShared(ctx context.Context) error {
	var errs []error
	for _, part := range p.shared() {
		if s, ok := part.It.(receiver.Stopper); ok {
			if err := s.Shutdown(ctx); err != nil {
				errs = append(errs, fmt.Errorf("shut down %s: %w", part.At, err))
			}
		}
	}
	return errors.Join(errs...)
}
