package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// factories is what the graph has to choose from.
type factories struct {
	fx.In

	Stores     []storage.Factory   `group:"stores"`
	Publishers []publisher.Factory `group:"publishers"`
	Receivers  []receiver.Factory  `group:"receivers"`
}

func newSchemaOf(fs factories) (*Schema, error) {
	var stores, publishers, receivers []component
	for _, f := range fs.Stores {
		stores = append(stores, component{f.Name, f.Options})
	}
	for _, f := range fs.Publishers {
		publishers = append(publishers, component{f.Name, f.Options})
	}
	for _, f := range fs.Receivers {
		receivers = append(receivers, component{f.Name, f.Options})
	}
	return newSchema(stores, publishers, receivers)
}

type configIn struct {
	fx.In

	Schema    *Schema
	Input     *Input     `optional:"true"`
	Arguments *arguments `optional:"true"`
}

func newConfig(in configIn) (*Config, error) {
	var input Input
	if in.Input != nil {
		input = *in.Input
	}
	if in.Arguments != nil {
		var err error
		if input, err = in.Arguments.over(input, in.Schema); err != nil {
			return nil, err
		}
	}
	return in.Schema.Load(input)
}

func newStore(lc fx.Lifecycle, c *Config, fs factories, log *zap.Logger) (storage.Store, error) {
	for _, f := range fs.Stores {
		if f.Name != c.Storage.Type {
			continue
		}
		store, err := f.New(storage.Deps{Logger: log.With(zap.String("store", f.Name))}, c.Storage.Options)
		if err != nil {
			return nil, fmt.Errorf("open the store %q: %w", f.Name, err)
		}
		lc.Append(fx.Hook{
			OnStart: func(ctx context.Context) error {
				if err := store.Ping(ctx); err != nil {
					return errors.Join(fmt.Errorf("the store %q does not answer: %w", f.Name, err), store.Close())
				}
				return nil
			},
			OnStop: func(context.Context) error { return store.Close() },
		})
		return store, nil
	}
	return nil, fmt.Errorf("there is no store %q", c.Storage.Type)
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

// proxies are those whose word counts for where a request comes from.
func (c *Config) proxies() (route.Proxies, error) {
	proxies, err := route.ParseProxies(c.Server.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("server.trusted_proxies: %w", err)
	}
	return proxies, nil
}

// named is a publisher or receiver with the name of its type.
type named[T any] struct {
	name string
	it   T
}

func newPublishers(c *Config, fs factories, feed *publisher.Feed, access *access, log *zap.Logger) ([]named[publisher.Publisher], error) {
	var list []named[publisher.Publisher]
	for i, choice := range c.Publishers {
		for _, f := range fs.Publishers {
			if f.Name != choice.Type {
				continue
			}
			deps := publisher.Deps{Feed: feed, Origins: access.origins, Logger: log.With(zap.String("publisher", f.Name))}
			p, err := f.New(deps, choice.Options)
			if err != nil {
				return nil, fmt.Errorf("publishers[%d], %s: %w", i, f.Name, err)
			}
			list = append(list, named[publisher.Publisher]{f.Name, p})
		}
	}
	return list, nil
}

type receiversIn struct {
	fx.In

	Lifecycle fx.Lifecycle
	Config    *Config
	Factories factories
	Store     storage.Store
	Feed      *publisher.Feed // receivers start after it
	Access    *access
	Log       *zap.Logger
}

func newReceivers(in receiversIn) ([]named[receiver.Receiver], error) {
	var list []named[receiver.Receiver]
	for i, choice := range in.Config.Receivers {
		for _, f := range in.Factories.Receivers {
			if f.Name != choice.Type {
				continue
			}
			deps := receiver.Deps{
				Sink: in.Store, Authorize: in.Access.authorize, Listing: in.Access.listing,
				Logger: in.Log.With(zap.String("receiver", f.Name)),
			}
			r, err := f.New(deps, choice.Options)
			if err != nil {
				return nil, fmt.Errorf("receivers[%d], %s: %w", i, f.Name, err)
			}
			list = append(list, named[receiver.Receiver]{f.Name, r})
			in.Lifecycle.Append(hookOf(f.Name, r))
		}
	}
	return list, nil
}

func hookOf(name string, r receiver.Receiver) fx.Hook {
	var h fx.Hook
	if s, ok := r.(receiver.Starter); ok {
		h.OnStart = func(ctx context.Context) error {
			if err := s.Start(ctx); err != nil {
				return fmt.Errorf("start the receiver %q: %w", name, err)
			}
			return nil
		}
	}
	if s, ok := r.(receiver.Stopper); ok {
		h.OnStop = s.Shutdown
	}
	return h
}

// access is who may do what, and from where.
type access struct {
	authorize route.Authorizer
	token     *route.Token // nil where the graph has a hook of its own
	listing   *route.Listing
	origins   *route.Origins
	proxies   route.Proxies
}

type accessIn struct {
	fx.In

	Config *Config
	Feed   *publisher.Feed // knows, without a read of the store, what channels with readers are
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
