package redis

import (
	"context"
	"fmt"
	"sync"

	"github.com/motacilla-live/motacilla/storage"
	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// Module puts the store's Factory into an fx graph, in the value group "stores".
var Module = fx.Module("redis", fx.Provide(fx.Annotate(NewFactory, fx.ResultTags(`group:"stores"`))))

// settings is what the configuration may say of this store.
type settings struct {
	URL    string `key:"url" secret:"true" doc:"the server: redis://, rediss:// or unix://, as in redis://user:password@host:6379/0"`
	Prefix string `key:"prefix" doc:"what all keys begin with, for several installations on one Redis server"`
}

// NewFactory returns the Factory of the store that the configuration calls "redis".
func NewFactory() storage.Factory {
	return storage.Factory{
		Name:    "redis",
		Options: &settings{Prefix: DefaultPrefix},
		New: func(d storage.Deps, options any) (storage.Store, error) {
			o := options.(*settings)
			aside.Do(func() { goredis.SetLogger(debug{d.Logger}) })
			s, err := Open(context.Background(), o.URL, &Options{Prefix: o.Prefix, Logger: d.Logger})
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	}
}

// aside is for go-redis's log, which a process has one of, and which goes to standard error by itself. What it tells
// comes back as errors too.
var aside sync.Once

type debug struct{ *zap.Logger }

// Printf is go-redis's call.
func (d debug) Printf(_ context.Context, format string, args ...any) {
	d.Debug("go-redis", zap.String("says", fmt.Sprintf(format, args...)))
}
