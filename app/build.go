package app

import (
	"context"
	"fmt"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// module is the app: everything but what its author adds.
func (r registrations) module(c *Config) fx.Option {
	return fx.Module("app",
		fx.Supply(c),
		fx.Provide(
			newLogger, newToken, newRenderer, newFeed, newAccess, newPage, newMetrics, newServer,
			func(a *access) *route.Origins { return a.origins },
			func(a *access) *route.Listing { return a.listing },
			func(s storage.Store) receiver.Sink { return s },
		),
		storeModule(r.Stores, c.Storage),
		listModules("publishers", r.Publishers, c.Publishers, publisherHook),
		listModules("receivers", r.Receivers, c.Receivers, receiverHook),
		fx.Invoke(func(*Server) {}, giveMemoryBack),
	)
}

func newFeed(lc fx.Lifecycle, c *Config, store storage.Store, r *renderer, log *zap.Logger) (*publisher.Feed, error) {
	proxies, err := c.proxies()
	if err != nil {
		return nil, err
	}
	limits := c.Server.Limits
	feed := publisher.NewFeed(store, r, &publisher.FeedOptions{
		PageSize: c.Page.Size, Window: c.Polling.Window, Heartbeat: c.Feed.Heartbeat, Stall: c.Feed.Stall, Logger: log,
		Limits: publisher.Limits{
			Readers: limits.Readers, PerChannel: limits.ReadersPerChannel, PerAddress: limits.ReadersPerAddress,
			Address: proxies.ClientAddr,
		},
	})
	lc.Append(fx.Hook{OnStart: feed.Start, OnStop: func(context.Context) error { return feed.Close() }})
	return feed, nil
}

// proxies returns the proxies that may say where a request comes from.
func (c *Config) proxies() (route.Proxies, error) {
	proxies, err := route.ParseProxies(c.Server.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("server.trusted_proxies: %w", err)
	}
	return proxies, nil
}

// access decides who may do what, and from where.
type access struct {
	authorize route.Authorizer
	token     *route.Token // nil if the app has its own hook
	listing   *route.Listing
	origins   *route.Origins
	proxies   route.Proxies
}

type accessIn struct {
	fx.In

	Config *Config
	Feed   *publisher.Feed // knows the access of channels that have readers, without a read of the store
	Token  *Token
	Hook   route.Authorizer `optional:"true"`
}

func newAccess(in accessIn) (*access, error) {
	proxies, err := in.Config.proxies()
	if err != nil {
		return nil, err
	}
	a := &access{
		authorize: in.Hook, listing: route.NewListing(in.Token.Secret), proxies: proxies,
		origins: route.NewOrigins(in.Config.Server.Origins...),
	}
	if a.authorize == nil {
		a.token = route.NewToken(in.Token.Secret, in.Feed.Channel, a.secure)
		a.authorize = a.token.Authorize
	}
	return a, nil
}
