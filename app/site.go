package app

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/history"
	"github.com/motacilla-live/motacilla/internal/drafted"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/presence"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

type partsIn struct {
	fx.In

	Lifecycle fx.Lifecycle
	Config    *Config
	Store     storage.Store
	Token     *Token
	Registry  *prometheus.Registry
	Log       *zap.Logger
	Hook      route.Authorizer `optional:"true"`
	Access    *access.Access   // nil if there is a hook of the app's own
	Look      *page.Look
	Renderer  publisher.Renderer `optional:"true"`
	History   *history.History
	Library   *media.Library // nil if images are not kept
	Embeds    media.Embeds   `optional:"true"`
	Client    *outbound.Client
	Traces    live.Traces `optional:"true"`
}

// newParts makes the parts that publishers, receivers and pages share. The feed starts before all of them, and is closed
// after them.
func newParts(in partsIn) (*live.Parts, error) {
	c := in.Config
	limits := c.Server.Limits
	var library live.Library
	if in.Library != nil {
		inDrafts := drafted.Images(in.Store.Records(), media.UsesOf)
		collector := media.NewCollector(in.Library, in.Store, inVersions(in.History), inDrafts)
		library = media.WithCollector{Library: in.Library, Collector: collector}
	}
	p, err := live.NewParts(live.Options{
		Store: in.Store, Authorize: in.Hook, Access: in.Access, Token: in.Token.Secret,
		BasePath: c.Server.BasePath, PublicURL: c.Server.PublicURL,
		Compression: append([]string{}, c.Server.Compression...), // an empty list is not the default
		Origins:     c.Server.Origins, TrustedProxies: c.Server.TrustedProxies,
		Page: page.Options{
			Name: c.Page.Name, PageSize: c.Page.Size, Home: c.Page.Home, Look: in.Look,
			NoChannels: !c.Page.Channels, NoIndex: !c.Page.Index,
		},
		Renderer: in.Renderer,
		History:  in.History, Library: library, Embeds: in.Embeds, Client: in.Client,
		Presence: &presence.Options{Node: machine()},
		Feed: publisher.FeedOptions{
			Window: c.Polling.Window, Heartbeat: c.Feed.Heartbeat, Stall: c.Feed.Stall,
			Limits: publisher.Limits{
				Readers: limits.Readers, PerChannel: limits.ReadersPerChannel, PerAddress: limits.ReadersPerAddress,
				Overflow: limits.instead(),
			},
		},
		RequestsPerAddress: limits.RequestsPerAddress,
		Logger:             in.Log, Metrics: in.Registry, Traces: in.Traces,
	})
	if err != nil {
		return nil, err
	}
	in.Lifecycle.Append(fx.Hook{OnStart: p.Feed.Start, OnStop: func(context.Context) error { return p.Feed.Close() }})
	return p, nil
}

// machine returns the name of this machine, or nothing if it has none.
func machine() string {
	name, _ := os.Hostname()
	return name
}

// partsOut are the parts that adapters and the app's own code may ask for.
type partsOut struct {
	fx.Out

	Feed    *publisher.Feed
	Listing *route.Listing
	Origins *route.Origins
	Ingest  *receiver.Ingest
	Kit     *receiver.Kit
	Relays  *relay.Kit
	Page    *page.Page
}

func share(p *live.Parts) partsOut {
	return partsOut{
		Feed: p.Feed, Listing: p.Listing, Origins: p.Origins, Ingest: p.Ingest("app"), Kit: p.Kit(), Relays: p.RelayKit(), Page: p.Page,
	}
}

func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newBuildInfo(),
	)
	return r
}

type siteIn struct {
	fx.In

	Lifecycle  fx.Lifecycle
	Config     *Config
	Parts      *live.Parts
	Operations *operations
	Publishers []configured[publisher.Publisher] `group:"configured"`
	Receivers  []configured[receiver.Receiver]   `group:"configured"`
	Own        []route.Route                     `group:"routes"`
}

// newSite makes the site of what is configured.
func newSite(in siteIn) (*live.Live, error) {
	publishers := inListOrder(in.Publishers)
	if name := in.Config.Server.Limits.instead(); name != "" && !slices.ContainsFunc(publishers, func(p live.Named[publisher.Publisher]) bool {
		return p.Name == name
	}) {
		return nil, fmt.Errorf("server.limits.overflow: must be %s, since publishers has no %s", overflowRefuse, name)
	}
	l, err := in.Parts.Compose(live.Composition{
		Publishers: publishers, Receivers: inListOrder(in.Receivers),
		Routes: in.Own, Operations: in.Operations.public(),
	})
	if err != nil {
		return nil, err
	}
	in.Operations.site = l
	in.Lifecycle.Append(fx.Hook{OnStart: l.Start, OnStop: l.Shutdown})
	return l, nil
}
