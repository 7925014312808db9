package sqlite

import (
	"context"

	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/zap"
)

// Module registers the store as "sqlite".
var Module = storage.Register("sqlite", &settings{Path: "motacilla.db"}, func(o *settings, log *zap.Logger) (*Store, error) {
	return Open(context.Background(), o.Path, &Options{Logger: log, Prefix: o.Prefix})
})

// settings are the options that the configuration has for this store.
type settings struct {
	Path   string `key:"path" doc:"the database file; it is made if it does not exist, its directory is not"`
	Prefix string `key:"prefix" doc:"what the names of the store's tables begin with, such as live_, if other tables are in the file"`
}
