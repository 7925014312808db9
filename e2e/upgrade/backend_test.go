//go:build linux

package upgrade

import (
	"path/filepath"
	"testing"

	"github.com/motacilla-live/motacilla/internal/realserver"
)

// backends return the flags of a server with an empty store of their own.
var backends = map[string]func(t *testing.T) []string{
	"sqlite": func(t *testing.T) []string {
		return []string{"--storage.type", "sqlite", "--storage.path", filepath.Join(t.TempDir(), "upgrade.db")}
	},
	"postgres": func(t *testing.T) []string {
		return []string{"--storage.type", "postgres", "--storage.url", realserver.NewPostgres(t, nil).Database(t)}
	},
	"redis": func(t *testing.T) []string {
		return []string{"--storage.type", "redis", "--storage.url", realserver.NewRedis(t, realserver.DurableRedis()...).URL()}
	},
}

// stores runs a test with each store. With -soak one runs after the other, so that figures mean something.
func stores(t *testing.T, test func(t *testing.T, name string, flags []string)) {
	if !*soak {
		t.Parallel()
	}
	for name, open := range backends {
		t.Run(name, func(t *testing.T) {
			if !*soak {
				t.Parallel()
			}
			test(t, name, open(t))
		})
	}
}
