package storage

import (
	"github.com/motacilla-live/motacilla/internal/adapter"
	"go.uber.org/fx"
)

// Register puts a store into an app's graph, under the name that storage.type has in the configuration. The rules for
// name, defaults and constructor are those of publisher.Register; constructor returns a Store.
//
// If the configuration names the store, the app pings it when it starts, and closes it when it stops. A store must not
// ask for anything that needs a store itself, such as the feed.
func Register[O any](name string, defaults *O, constructor any) fx.Option {
	return adapter.Register[Store]("store", name, defaults, constructor)
}
