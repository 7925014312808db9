package live

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/internal/backlog"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/presence"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/zap"
)

// Parts are what the publishers and receivers of a site are made from. All are made once and shared.
type Parts struct {
	Store     storage.Store
	Feed      *publisher.Feed
	Authorize route.Authorizer
	Listing   *route.Listing
	Origins   *route.Origins
	Proxies   route.Proxies
	Page      *page.Page
	Logger    *zap.Logger
	Client    *outbound.Client

	options Options
	offers  *offers
	kit     *receiver.Kit
	relays  *relay.Kit
	below   storage.Store      // what the history of posts is not told of
	present *presence.Presence // nil if readers are not counted
	writes  *backlog.Backlog   // of the store
}

// NewParts makes the parts of a site from o. It does not look at Publishers, Receivers, Routes and Operations. Most apps
// call [New] instead; NewParts and [Parts.Compose] are for those that make publishers and receivers in some other way,
// as package app does with fx.
func NewParts(o Options) (*Parts, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Parts{Logger: o.Logger, options: o, Origins: route.NewOrigins(o.Origins...), Client: o.Client}
	p.newKit(o)
	if p.Proxies, err = route.ParseProxies(o.TrustedProxies); err != nil {
		return nil, fmt.Errorf("live: TrustedProxies: %w", err)
	}
	if o.Renderer == nil {
		o.Renderer = page.NewRenderer()
		if o.Page.Look != nil {
			o.Renderer = o.Page.Look.RendererBelow(o.BasePath)
		}
	}
	p.Listing = route.NewListing(o.Token)
	if o.Access != nil && o.Feed.Holder == nil {
		o.Feed.Holder = o.Access.Kit().Resume
	}
	p.Feed = p.newFeed(o)
	p.Authorize = o.Authorize
	if o.Access != nil {
		p.Authorize = o.Access.Authorize
	}
	switch {
	case o.Access != nil && o.Access.HasSignIn():
		o.Page.SignInURL = cmp.Or(o.Page.SignInURL, o.BasePath+access.SignInPath)
	case o.Access != nil || o.Authorize == nil:
		token := route.NewToken(o.Token, p.Feed.Channel, p.secure)
		token.Path = o.BasePath
		o.Page.SignIn, o.Page.SignInEditor = token.SignIn, token.SignInEditor
		if o.Access == nil {
			p.Authorize = token.Authorize
		}
	}
	p.joinHistory(o)
	p.newPage(o)
	if o.Access != nil {
		o.Access.Join(access.Site{
			Channel: p.Feed.Channel, Secure: p.secure, Address: p.Proxies.ClientAddr, Base: o.BasePath, URL: o.PublicURL, Pages: p.Page,
			Desk: p.offers.desk,
		})
	}
	if o.Presence != nil {
		counts := *o.Presence
		if counts.Logger == nil {
			counts.Logger = o.Logger
		}
		p.present = presence.New(p.Feed, o.Store.Records(), p.Authorize, &counts)
	}
	p.relays = &relay.Kit{
		Feed: p.Feed, Source: p.Store, Hubs: relay.NewClient(), Client: p.Client, PublicURL: o.PublicURL, Logger: p.Logger,
	}
	return p, nil
}

func (p *Parts) newFeed(o Options) *publisher.Feed {
	f := o.Feed
	if f.Logger == nil {
		f.Logger = o.Logger
	}
	if f.PageSize == 0 {
		f.PageSize = o.Page.PageSize
	}
	if told := f.Delivered; o.Traces != nil {
		f.Delivered = func(d publisher.Delivery) {
			if told != nil {
				told(d)
			}
			o.Traces.Delivered(d)
		}
	}
	f.Compression = o.Compression
	if f.Limits.Address == nil {
		f.Limits.Address = p.Proxies.ClientAddr
	}
	return publisher.NewFeed(p.Store, o.Renderer, &f)
}

// pageSource reads from the store, but a channel from the feed, which may have it in memory.
type pageSource struct {
	storage.Store
	feed *publisher.Feed
}

func (s pageSource) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	return s.feed.Channel(ctx, id)
}

func (p *Parts) newPage(o Options) {
	p.offers = &offers{publicURL: o.PublicURL}
	po := o.Page
	po.Transports, po.Readable, po.Listing, po.Base = p.offers.of, p.Feed.Readable, p.Listing, o.BasePath
	po.Notifications = p.offers.notifications
	po.Heartbeat, po.PageSize, po.Renderer = p.Feed.Options().Heartbeat, p.Feed.Options().PageSize, o.Renderer
	if po.Failed == nil {
		po.Failed = func(r *http.Request, err error) {
			p.Logger.Error("a page failed", zap.String("path", r.URL.Path), zap.Error(err))
		}
	}
	snapshot := func(ctx context.Context, ch motacilla.ChannelID) (*motacilla.Update, error) {
		delta, err := p.Feed.Snapshot(ctx, ch)
		if err != nil {
			return nil, err
		}
		return delta.Update, nil
	}
	p.Page = page.New(pageSource{p.Store, p.Feed}, snapshot, &po)
}

// Kit returns what receivers share: slack.New(p.Kit(), &slack.Options{…}, p.Logger).
func (p *Parts) Kit() *receiver.Kit { return p.kit }

// RelayKit returns what relays share: mercure.New(p.RelayKit(), &mercure.Options{…}).
func (p *Parts) RelayKit() *relay.Kit { return p.relays }

// Sink returns what receivers write into: the store, which completes posts with the facts of their images. If more writes wait than
// the store does in a second, a write fails at once with an ErrOverloaded that is a [motacilla.RetryError]. It has changed nothing.
func (p *Parts) Sink() receiver.Sink { return p.Store }

// Ingest returns an Ingest by which the app's own code writes posts. Its text is sanitised, as that of every receiver.
// source, such as "shop", becomes the Source of the posts.
func (p *Parts) Ingest(source string) *receiver.Ingest {
	return receiver.NewIngest(p.Sink(), source, nil)
}
