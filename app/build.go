package app

import (
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// module is the app: everything but what its author adds.
func (r registrations) module(c *Config) fx.Option {
	return fx.Module("app",
		fx.Supply(c),
		fx.Provide(
			newLogger, newToken, newLook, newRegistry, newLibrary, newHistory, newClient, newParts, share,
			newOperations, newAccessKit, newAccess, newListeners, newAdmin, newSite,
			newSecurity, newServer,
			func(p *live.Parts) receiver.Sink { return p.Sink() },
			func(s storage.Store) motacilla.Records { return s.Records() },
			func(s storage.Store) media.PostStore { return s },
		),
		storeModule(r.Stores, c.Storage),
		mediaModule(r.Media, c.Media),
		embedsModule(r.Embeds, c.Embeds),
		tracingModule(r.Tracing, c.Tracing),
		listModules("publishers", r.Publishers, c.Publishers),
		listModules("receivers", r.Receivers, c.Receivers),
		accessModules(r.Access, c.Access),
		fx.Invoke(func(*Server) {}, giveMemoryBack, upgrades),
	)
}
