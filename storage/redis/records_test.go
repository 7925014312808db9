package redis

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/storagetest"
	goredis "github.com/redis/go-redis/v9"
)

// Expired records are removed by later writes to their namespace, some by each, out of all keys.
func TestExpiredRecordsAreRemoved(t *testing.T) {
	s := opened(t, realserver.NewRedis(t).URL(), nil)
	now := time.Now()
	s.clock = func() time.Time { return now }
	put := func(r storage.Record) storage.Record {
		t.Helper()
		r.Namespace = "ns"
		return must(s.Records().Put(t.Context(), r))
	}
	for i := range 100 {
		put(storage.Record{Key: "expires " + strconv.Itoa(i), TTL: time.Minute})
	}
	kept := put(storage.Record{Key: "kept"})
	now = now.Add(time.Hour)
	keys := s.keys.namespace("ns")
	for left := 100 - 16; ; left = max(left-16, 0) {
		kept = put(kept)
		c := s.server.link.Load().reads
		values, names, expiries := c.HLen(t.Context(), keys[1]).Val(), c.ZCard(t.Context(), keys[2]).Val(), c.ZCard(t.Context(), keys[3]).Val()
		if values != int64(left+1) || names != int64(left+1) || expiries != int64(left) {
			t.Fatalf("%d values, %d keys and %d expiries are left, want %d, %[4]d and %d", values, names, expiries, left+1, left)
		}
		if left == 0 {
			return
		}
	}
}

// A server that is full refuses a write whole, and reads and deletions of records go on.
func TestRecordsOfAFullServer(t *testing.T) {
	server := realserver.NewRedis(t)
	s := opened(t, server.URL(), nil)
	made := must(s.Records().Put(t.Context(), storage.Record{Namespace: "ns", Key: "key", Value: []byte("secret"), TTL: time.Hour}))
	server.Do(t, "CONFIG", "SET", "maxmemory", "1")
	before := server.Do(t, "DEBUG", "DIGEST")
	_, err := s.Records().Put(t.Context(), made)
	if !errors.Is(err, motacilla.ErrUnavailable) || !strings.Contains(err.Error(), "OOM") || strings.Contains(err.Error(), "secret") {
		t.Errorf("put: %v", err)
	}
	if now := server.Do(t, "DEBUG", "DIGEST"); now != before {
		t.Error("it wrote something")
	}
	if r, err := s.Records().Get(t.Context(), "ns", "key"); err != nil || r.Version != made.Version {
		t.Errorf("get: %+v (%v)", r, err)
	}
	if list, err := s.Records().List(t.Context(), "ns", "", "", 0); err != nil || len(list) != 1 {
		t.Errorf("list: %d (%v)", len(list), err)
	}
}

// In a cluster, namespaces are on all nodes, each with all its keys in one slot, and Namespaces finds them all.
func testClusterRecords(t *testing.T, s *Store, nodes []*realserver.Redis) {
	const namespaces = 30
	for i := range namespaces {
		_ = must(s.Records().Put(t.Context(), storage.Record{Namespace: "n" + strconv.Itoa(i), Key: "key", TTL: time.Hour}))
	}
	list := must(s.Records().Namespaces(t.Context(), "", 1000))
	if len(list) != namespaces || list[0].Name != "n0" || list[1].Name != "n1" || list[2].Name != "n10" {
		t.Errorf("%d namespaces, want %d: %v", len(list), namespaces, list)
	}
	for i := range namespaces {
		slots := make(map[string]bool)
		for _, key := range s.keys.namespace("n" + strconv.Itoa(i)) {
			slots[nodes[0].Do(t, "CLUSTER", "KEYSLOT", key)] = true
		}
		if len(slots) != 1 {
			t.Errorf("namespace %d is in %d slots", i, len(slots))
		}
	}
	for _, node := range nodes {
		c := goredis.NewClient(&goredis.Options{Addr: node.Addr()})
		if keys := must(c.Keys(t.Context(), escapeGlob(string(s.keys))+"records:*").Result()); len(keys) == 0 {
			t.Errorf("node %s has no namespace", node.Addr())
		}
		_ = c.Close()
	}
}

func TestRecordsAreDurable(t *testing.T) {
	if os.Getenv(serverEnv) == "" {
		t.Setenv(serverEnv, realserver.NewRedis(t, realserver.DurableRedis()...).URL())
	}
	storagetest.RunDurableRecords(t, func(ctx context.Context, path string) (storage.Store, error) {
		url, o := patient(os.Getenv(serverEnv), &Options{Prefix: path + ":"})
		return Open(ctx, url, o)
	})
}
