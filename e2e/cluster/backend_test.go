package cluster

import (
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/postgres"
	"github.com/motacilla-live/motacilla/storage/redis"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

// backend is an empty store that nodes share.
type backend struct {
	addr string // host:port of its server; "" if it has none
	wire wire   // to the nodes
	// store returns the flags of a node that reaches the store's server at addr.
	store func(addr string) []string
	// open opens the store for the test itself.
	open func(t *testing.T, clock motacilla.Clock) storage.Store
}

// flags returns the flags of a node that reaches the store's server at addr.
func (b *backend) flags(addr string) []string { return append(b.wire.flags(), b.store(addr)...) }

// parallel lets a test run in parallel with others, except with -soak.
func parallel(t *testing.T) {
	if !*soak {
		t.Parallel()
	}
}

// each runs a test with every store that nodes can share and over its wires, all in parallel, and in parallel with other tests.
func each(t *testing.T, test func(t *testing.T, b *backend)) {
	parallel(t)
	stores(t, test)
}

// stores runs a test with every store that nodes can share, or with the named ones, and over its wires, all in parallel.
func stores(t *testing.T, test func(t *testing.T, b *backend), names ...string) {
	for name, open := range backends() {
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		for _, w := range wires(name) {
			t.Run(name+" over "+string(w), func(t *testing.T) {
				parallel(t)
				b := open(t)
				b.wire = w
				test(t, b)
			})
		}
	}
}

func backends() map[string]func(t *testing.T) *backend {
	return map[string]func(t *testing.T) *backend{
		"sqlite": sqliteBackend, "postgres": postgresBackend, "redis": redisBackend,
	}
}

func sqliteBackend(t *testing.T) *backend {
	path := filepath.Join(t.TempDir(), "cluster.db")
	return &backend{
		store: func(string) []string { return []string{"--storage.type", "sqlite", "--storage.path", path} },
		open: func(t *testing.T, clock motacilla.Clock) storage.Store {
			t.Helper()
			s, err := sqlite.Open(t.Context(), path, &sqlite.Options{Clock: clock, Timeout: hang, BusyTimeout: hang})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	}
}

func redisBackend(t *testing.T) *backend {
	server := realserver.NewRedis(t, realserver.DurableRedis()...)
	return &backend{
		addr: server.Addr(),
		store: func(addr string) []string {
			return []string{"--storage.type", "redis", "--storage.url", "redis://" + addr}
		},
		open: func(t *testing.T, clock motacilla.Clock) storage.Store {
			t.Helper()
			s, err := redis.Open(t.Context(), server.URL(), &redis.Options{Clock: clock, Timeout: hang})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	}
}

func postgresBackend(t *testing.T) *backend {
	server := realserver.NewPostgres(t, nil)
	url := server.Database(t)
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(server.Port()))
	if !strings.Contains(url, addr) {
		t.Fatalf("the database's URL %s does not have %s", url, addr)
	}
	return &backend{
		addr: addr,
		store: func(by string) []string {
			return []string{"--storage.type", "postgres", "--storage.url", strings.Replace(url, addr, by, 1)}
		},
		open: func(t *testing.T, clock motacilla.Clock) storage.Store {
			t.Helper()
			patient := url + "&connect_timeout=120" // the machine may be busy
			s, err := postgres.Open(t.Context(), patient, &postgres.Options{Clock: clock, Timeout: hang})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	}
}
