package postgres

import (
	"context"
	"time"

	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// Module puts the store's Factory into an fx graph, in the value group "stores".
var Module = fx.Module("postgres", fx.Provide(fx.Annotate(NewFactory, fx.ResultTags(`group:"stores"`))))

// settings is what the configuration may say of this store.
type settings struct {
	URL         string        `key:"url" secret:"true" doc:"postgres://user:password@host:port/database?parameters"`
	Connections int           `key:"connections" doc:"the most connections of this node, beside one that listens"`
	Timeout     time.Duration `key:"timeout" doc:"the most that a call of the database takes"`
	Pooler      bool          `key:"pooler" doc:"the URL leads to a pooler in transaction mode, such as pgbouncer"`
	DirectURL   string        `key:"direct_url" secret:"true" doc:"the way past the pooler, for migrations and LISTEN"`
}

// NewFactory returns the Factory of the store that the configuration calls "postgres".
func NewFactory() storage.Factory {
	return storage.Factory{
		Name:    "postgres",
		Options: &settings{Connections: 10, Timeout: 10 * time.Second},
		New: func(d storage.Deps, options any) (storage.Store, error) {
			o := options.(*settings)
			s, err := Open(context.Background(), o.URL, &Options{
				Logger: d.Logger, Timeout: o.Timeout, Connections: o.Connections, Pooler: o.Pooler, DirectURL: o.DirectURL,
			})
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	}
}
