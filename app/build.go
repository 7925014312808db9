package app

import (
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/receiver"
	"go.uber.org/fx"
)

// module is the app: everything but what its author adds.
func (r registrations) module(c *Config) fx.Option {
	return fx.Module("app",
		fx.Supply(c),
		fx.Provide(
			newLogger, newToken, newLook, newRegistry, newParts, share, newOperations, newSite, newServer,
			func(p *live.Parts) receiver.Sink { return p.Sink() },
		),
		storeModule(r.Stores, c.Storage),
		mediaModule(r.Media, c.Media),
		listModules("publishers", r.Publishers, c.Publishers),
		listModules("receivers", r.Receivers, c.Receivers),
		fx.Invoke(func(*Server) {}, giveMemoryBack),
	)
}
