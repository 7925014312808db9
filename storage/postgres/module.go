package postgres

import (
	"context"
	"time"

	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/zap"
)

// Module registers the store as "postgres".
var Module = storage.Register("postgres", &settings{Connections: 10, Timeout: 10 * time.Second}, newConfigured)

// settings are the options that the configuration has for this store.
type settings struct {
	URL         string        `key:"url" secret:"true" doc:"postgres://user:password@host:port/database?parameters"`
	Schema      string        `key:"schema" doc:"the schema of the store's tables, created if missing; empty is the first of search_path"`
	Connections int           `key:"connections" min:"1" max:"32768" doc:"most connections of this node; one more listens"`
	Timeout     time.Duration `key:"timeout" min:"100ms" doc:"longest time that a call of the database takes"`
	Pooler      bool          `key:"pooler" doc:"the URL leads to a pooler in transaction mode, such as pgbouncer"`
	DirectURL   string        `key:"direct_url" secret:"true" doc:"the URL of the database itself, past the pooler, for migrations and LISTEN"`
}

func newConfigured(o *settings, log *zap.Logger) (*Store, error) {
	return Open(context.Background(), o.URL, &Options{
		Logger: log, Timeout: o.Timeout, Schema: o.Schema, Connections: o.Connections, Pooler: o.Pooler, DirectURL: o.DirectURL,
	})
}
