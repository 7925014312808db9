package redis

import (
	"context"
	"fmt"
	"sync"

	"github.com/motacilla-live/motacilla/storage"
	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// Module registers the store as "redis".
var Module = storage.Register("redis", &settings{Prefix: DefaultPrefix}, newConfigured)

// settings are the options that the configuration has for this store.
type settings struct {
	URL    string `key:"url" secret:"true" doc:"the server: redis://, rediss:// or unix://, as in redis://user:password@host:6379/0"`
	Prefix string `key:"prefix" doc:"beginning of every key, for several installations on one Redis server"`
}

func newConfigured(o *settings, log *zap.Logger) (*Store, error) {
	libraryLog.Do(func() { goredis.SetLogger(debug{log}) })
	return Open(context.Background(), o.URL, &Options{Prefix: o.Prefix, Logger: log})
}

// libraryLog replaces go-redis's logger once. A process has one such logger, and by default it writes to standard error.
// Everything that it says is returned as an error too.
var libraryLog sync.Once

type debug struct{ *zap.Logger }

// Printf is called by go-redis.
func (d debug) Printf(_ context.Context, format string, args ...any) {
	d.Debug("go-redis", zap.String("says", fmt.Sprintf(format, args...)))
}
