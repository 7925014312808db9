package sqlite

import (
	"context"

	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// Module puts the store's Factory into an fx graph, in the value group "stores".
var Module = fx.Module("sqlite", fx.Provide(fx.Annotate(NewFactory, fx.ResultTags(`group:"stores"`))))

// settings is what the configuration may say of this store.
type settings struct {
	Path string `key:"path" doc:"the database file; it is made where there is none, its directory is not"`
}

// NewFactory returns the Factory of the store that the configuration calls "sqlite".
func NewFactory() storage.Factory {
	return storage.Factory{
		Name:    "sqlite",
		Options: &settings{Path: "motacilla.db"},
		New: func(d storage.Deps, options any) (storage.Store, error) {
			s, err := Open(context.Background(), options.(*settings).Path, &Options{Logger: d.Logger})
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	}
}
