package redis

import (
	"context"

	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// Module puts the store's Factory into an fx graph, in the value group "stores".
var Module = fx.Module("redis", fx.Provide(fx.Annotate(NewFactory, fx.ResultTags(`group:"stores"`))))

// settings is what the configuration may say of this store.
type settings struct {
	URL    string `key:"url" secret:"true" doc:"the server, such as redis://user:password@host:6379/0 (redis, rediss or unix); postgres has its own form"`
	Prefix string `key:"prefix" doc:"what all keys begin with, for several installations on one Redis server"`
}

// NewFactory returns the Factory of the store that the configuration calls "redis".
func NewFactory() storage.Factory {
	return storage.Factory{
		Name:    "redis",
		Options: &settings{Prefix: DefaultPrefix},
		New: func(d storage.Deps, options any) (storage.Store, error) {
			o := options.(*settings)
			s, err := Open(context.Background(), o.URL, &Options{Prefix: o.Prefix, Logger: d.Logger})
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	}
}
