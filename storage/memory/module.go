package memory

import (
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// Module puts the store's Factory into an fx graph, in the value group "stores".
var Module = fx.Module("memory", fx.Provide(fx.Annotate(NewFactory, fx.ResultTags(`group:"stores"`))))

// settings is what the configuration may say of this store: nothing.
type settings struct{}

// NewFactory returns the Factory of the store that the configuration calls "memory".
func NewFactory() storage.Factory {
	return storage.Factory{
		Name:    "memory",
		Options: &settings{},
		New: func(d storage.Deps, _ any) (storage.Store, error) {
			return New(&Options{Logger: d.Logger}), nil
		},
	}
}
