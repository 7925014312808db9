// Package redis is a store in a Redis server, Redis Cluster or Valkey, by go-redis.
//
// # Durability
//
// As durable as the server: with appendonly yes and appendfsync always a write that was acknowledged survives the death
// of the server and of its machine; with anything less some may be lost. Open reads the server's settings and logs a
// warning for each of them under which that is so. Replication is asynchronous: a failover may lose what the old master
// acknowledged last (docs/redis.md).
//
// # One node or many
//
// Many. Each write is one Lua script, which is atomic, and takes its revision from the server's clock. Hints come by
// pub/sub, on a connection of its own for each Watch.
//
// # Options
//
// A prefix of all keys, for several installations on one server; a clock for tests, a logger, and the most that a call
// takes. The configuration has the URL and the prefix: {type: redis, url: redis://...}.
//
// # Limits
//
// Redis 7.0 or later, or Valkey. Everything is in the server's memory. A channel's keys are in one hash slot, so one
// channel has the capacity of one node of a cluster, and so has a namespace of records. A server that is full (maxmemory),
// loading, failing over or gone is ErrUnavailable; the store goes on by itself when that has passed.
package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// DefaultPrefix is what all keys begin with unless Options say otherwise.
const DefaultPrefix = "motacilla:"

// Options are a Store's settings; nil and zero fields mean the defaults.
type Options struct {
	Prefix  string          // of all keys, without braces; DefaultPrefix
	Clock   motacilla.Clock // gives revisions their time, and says what is 24 hours old; the server's clock
	Logger  *zap.Logger     // nil logs nothing
	Timeout time.Duration   // the most that a call takes; 10 s

	silence time.Duration // how long a subscription may say nothing at all; 3 s
}

// Store is a storage.Store in a Redis server. Use Open.
type Store struct {
	keys     keys
	topic    string // where hints are published
	clock    motacilla.Clock
	logger   *zap.Logger
	server   *server
	edits    storage.Edits
	gate     calls.Gate // counts commands too
	watchers storage.Watchers
	done     chan struct{} // closed by Close
}

var (
	_ storage.Store = (*Store)(nil)
	_ storage.Mover = (*Store)(nil)
)

// Open connects to the server at url:
//
//	redis://user:password@host:6379/0
//	rediss://...                                       TLS
//	unix://user:password@/run/redis.sock?db=0
//	redis://host1:6379?addr=host2:6379&addr=...        Redis Cluster; one address is enough
//	redis://host1:26379?master_name=m&addr=...         Sentinel
//
// with the parameters that go-redis knows, such as pool_size and read_timeout. No error tells the URL or its password.
func Open(ctx context.Context, url string, o *Options) (*Store, error) {
	s, err := open(ctx, url, o)
	if err != nil {
		return nil, fmt.Errorf("open Redis store: %w", err)
	}
	return s, nil
}

func open(ctx context.Context, url string, o *Options) (_ *Store, err error) {
	options := Options{}
	if o != nil {
		options = *o
	}
	if options.Prefix == "" {
		options.Prefix = DefaultPrefix
	}
	if strings.ContainsAny(options.Prefix, "{}") {
		return nil, motacilla.Invalid("prefix", "must not contain { or }: they choose the hash slot")
	}
	if options.Logger == nil {
		options.Logger = zap.NewNop()
	}
	if options.Timeout <= 0 {
		options.Timeout = 10 * time.Second
	}
	if options.silence <= 0 {
		options.silence = silence
	}
	target, err := parseURL(url, options.Timeout)
	if err != nil {
		return nil, err
	}
	s := &Store{
		keys: keys(options.Prefix), topic: options.Prefix + "moved:" + strconv.Itoa(target.db), clock: options.Clock,
		logger: options.Logger, done: make(chan struct{}),
	}
	s.server = newServer(target, options.Timeout, options.silence, &s.gate)
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	_, err = call(ctx, s, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.inspect(ctx)
	}, "connect to %s", target)
	return s, err
}

// Ping asks the server, and reads from it.
func (s *Store) Ping(ctx context.Context) error {
	_, err := call(ctx, s, func(ctx context.Context) (struct{}, error) {
		return read(ctx, s.server, func(ctx context.Context, c goredis.UniversalClient) (struct{}, error) {
			return struct{}{}, errors.Join(c.Ping(ctx).Err(), c.ZCard(ctx, s.keys.index()).Err())
		})
	}, "ping store")
	return err
}

// Close ends Watches, waits for the calls under way, and closes the connections.
func (s *Store) Close() error {
	if !s.gate.Shut() {
		return nil
	}
	close(s.done)
	s.gate.Wait()
	if err := s.server.close(); err != nil {
		return fmt.Errorf("close Redis store: %w", err)
	}
	return nil
}
