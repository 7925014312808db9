package app

import (
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// module is the app: everything but what its author adds.
func (r registrations) module(c *Config) fx.Option {
	return fx.Module("app",
		fx.Supply(c),
		fx.Provide(
			newLogger, newToken, newLook, newRegistry, newParts, share, newOperations, newSite, newServer,
			func(s storage.Store) receiver.Sink { return s },
		),
		storeModule(r.Stores, c.Storage),
		listModules("publishers", r.Publishers, c.Publishers),
		listModules("receivers", r.Receivers, c.Receivers),
		fx.Invoke(func(*Server) {}, giveMemoryBack),
	)
}
