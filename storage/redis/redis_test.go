package redis

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/storagetest"
	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

func TestMain(m *testing.M) {
	goredis.SetLogger(debug{zap.NewNop()}) // it tells of each connection that can't be made
	leaktest.Main(m)
}

// prefixes gives each test keys of its own on a server that it shares with others.
var prefixes atomic.Int64

func fresh() string { return fmt.Sprintf("test-%d:", prefixes.Add(1)) }

// patience is how long a test waits for what should be there in an instant. It only ends what hangs.
const patience = 3 * time.Minute

// patient returns what tests open that are not about time: a machine that stalls is no error.
func patient(url string, o *Options) (string, *Options) {
	filled := Options{}
	if o != nil {
		filled = *o
	}
	if filled.Timeout == 0 {
		filled.Timeout, filled.silence = 2*patience, patience
		first := "?"
		if strings.Contains(url, "?") {
			first = "&"
		}
		url += first + "dial_timeout=3m&read_timeout=3m&write_timeout=3m&pool_timeout=3m"
	}
	return url, &filled
}

func opened(t testing.TB, url string, o *Options) *Store {
	t.Helper()
	url, o = patient(url, o)
	return hasty(t, url, o)
}

// hasty opens a store with short time-outs, which a machine that stalls may let pass.
func hasty(t testing.TB, url string, o *Options) *Store {
	t.Helper()
	for late := time.Now().Add(patience); ; {
		s, err := Open(context.Background(), url, o)
		if err == nil {
			t.Cleanup(func() { _ = s.Close() })
			return s
		}
		if !errors.Is(err, motacilla.ErrUnavailable) || time.Now().After(late) {
			t.Fatal(err)
		}
	}
}

// empty opens stores with keys of their own on one server.
func empty(t *testing.T) storagetest.Open {
	url := realserver.NewRedis(t).URL()
	return func(t *testing.T, clock motacilla.Clock) storage.Store {
		return opened(t, url, &Options{Clock: clock, Prefix: fresh()})
	}
}

func TestStore(t *testing.T) {
	storagetest.Run(t, empty(t), &storagetest.Options{Operations: 10_000})
}

func TestMover(t *testing.T) {
	storagetest.RunMover(t, empty(t), &storagetest.Options{Operations: 10_000})
}

func TestShared(t *testing.T) {
	url := realserver.NewRedis(t).URL()
	storagetest.RunShared(t, func(t *testing.T, clock motacilla.Clock) (storage.Store, storage.Store) {
		prefix := fresh()
		return opened(t, url, &Options{Clock: clock, Prefix: prefix}), opened(t, url, &Options{Clock: clock, Prefix: prefix})
	}, nil)
}

// serverEnv is the URL of the server that TestDurable has started, for the child processes of it.
const serverEnv = "MOTACILLA_REDIS_DURABLE"

// The writing process is killed; TestServerKilled kills the server.
func TestDurable(t *testing.T) {
	if os.Getenv(serverEnv) == "" {
		t.Setenv(serverEnv, realserver.NewRedis(t, realserver.DurableRedis()...).URL())
	}
	storagetest.RunDurable(t, func(ctx context.Context, path string) (storage.Store, error) {
		url, o := patient(os.Getenv(serverEnv), &Options{Prefix: path + ":"})
		return Open(ctx, url, o)
	})
}
