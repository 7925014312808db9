package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/motacilla-live/motacilla"
	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// oldest is the first version of Redis that knows of scripts' flags.
const oldest = 7

// inspect checks the server, and warns of its settings. If the server belongs to a cluster, the store uses the cluster.
func (s *Store) inspect(ctx context.Context) error {
	info, err := s.server.info(ctx)
	if err != nil {
		return err
	}
	if s.server.target.single != nil && info["cluster_enabled"] == "1" {
		s.server.cluster()
	}
	if err := recent(info["redis_version"]); err != nil {
		return err
	}
	servers, err := s.server.settings(ctx)
	if err != nil {
		return err
	}
	for _, addr := range slices.Sorted(maps.Keys(servers)) {
		s.warn(addr, servers[addr])
	}
	r, err := s.run(ctx, lua.allowed, "motacilla", s.topic)
	if err != nil {
		return fmt.Errorf("run a script on keys %s*: %w", s.keys, err)
	}
	if len(r) > 0 {
		refused := make([]string, len(r))
		for i := range r {
			refused[i] = r.text(i)
		}
		return fmt.Errorf("%w: the user may not use %s on keys %s* and channel %s",
			motacilla.ErrUnavailable, strings.Join(refused, ", "), s.keys, s.topic)
	}
	return s.reindex(ctx)
}

// recent returns an error if version is known and too old.
func recent(version string) error {
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < oldest {
		return fmt.Errorf("the server is Redis %s; needed is %d.0 or later, or Valkey", version, oldest)
	}
	return nil
}

// warn logs the settings under which acknowledged writes may be lost.
func (s *Store) warn(addr string, settings map[string]string) {
	if settings["appendfsync"] == "" {
		s.logger.Info("the server does not tell its settings: see docs/redis.md for those that keep acknowledged writes",
			zap.String("server", addr))
	}
	for _, r := range risksOf(settings) {
		s.logger.Warn("acknowledged writes may be lost", zap.String("server", addr), zap.String("setting", r.setting),
			zap.String("value", r.value), zap.String("lost", r.lost))
	}
}

// info is the answer to INFO. It is empty if the user may not ask.
func (s *server) info(ctx context.Context) (map[string]string, error) {
	return read(ctx, s, func(ctx context.Context, c goredis.UniversalClient) (map[string]string, error) {
		text, err := c.Info(ctx).Result()
		if refused(err) {
			err = nil
		}
		return parseInfo(text), err
	})
}

// settings is what each server that takes writes says of itself, by INFO and CONFIG, as far as it may be asked.
func (s *server) settings(ctx context.Context) (map[string]map[string]string, error) {
	return read(ctx, s, func(ctx context.Context, c goredis.UniversalClient) (map[string]map[string]string, error) {
		var mu sync.Mutex
		all := make(map[string]map[string]string)
		ask := func(ctx context.Context, c *goredis.Client) error {
			text, err := c.Info(ctx).Result()
			if err != nil && !refused(err) {
				return err
			}
			settings := parseInfo(text)
			for _, name := range []string{
				"appendonly", "appendfsync", "no-appendfsync-on-rewrite", "maxmemory-policy", "save", "min-replicas-to-write",
			} {
				config, err := c.ConfigGet(ctx, name).Result()
				if err != nil && !refused(err) {
					return err
				}
				maps.Copy(settings, config)
			}
			mu.Lock()
			defer mu.Unlock()
			all[c.Options().Addr] = settings
			return nil
		}
		switch c := c.(type) {
		case *goredis.ClusterClient:
			return all, c.ForEachMaster(ctx, ask)
		case *goredis.Client:
			return all, ask(ctx, c)
		}
		return all, nil
	})
}

// refused reports whether the server knows the user, and refuses the command or does not have it.
func refused(err error) bool {
	var answer goredis.Error
	return errors.As(err, &answer) && !errors.Is(err, goredis.Nil) &&
		(strings.HasPrefix(err.Error(), "NOPERM") || strings.HasPrefix(err.Error(), "ERR unknown"))
}

func parseInfo(text string) map[string]string {
	all := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			all[name] = value
		}
	}
	return all
}

// risk is a setting by which acknowledged writes may be lost.
type risk struct{ setting, value, lost string }

// risksOf looks through what INFO and CONFIG GET say.
func risksOf(settings map[string]string) []risk {
	var list []risk
	add := func(setting, lost string) { list = append(list, risk{setting, settings[setting], lost}) }
	switch {
	case settings["appendonly"] == "no", settings["appendonly"] == "" && settings["aof_enabled"] == "0":
		settings["appendonly"] = "no"
		lost := "everything since the last snapshot, when the server dies; set appendonly yes and appendfsync always"
		if save, known := settings["save"]; known && save == "" {
			lost = "everything, when the server dies: there are no snapshots either; set appendonly yes and appendfsync always"
		}
		add("appendonly", lost)
	case settings["appendfsync"] == "everysec":
		add("appendfsync", "up to two seconds of writes, when the machine dies; set appendfsync always")
	case settings["appendfsync"] == "no":
		add("appendfsync", "some thirty seconds of writes, when the machine dies; set appendfsync always")
	}
	if settings["appendfsync"] == "always" && settings["no-appendfsync-on-rewrite"] == "yes" {
		add("no-appendfsync-on-rewrite", "all since a rewrite of the log began, when the machine dies; set it to no")
	}
	policy := "maxmemory-policy"
	if settings[policy] == "" {
		policy = "maxmemory_policy"
	}
	if strings.HasPrefix(settings[policy], "allkeys-") {
		add(policy, "posts and whole channels, when memory is full; set maxmemory-policy noeviction")
	}
	if settings["role"] == "slave" {
		add("role", "nothing, for it takes no writes: it is a replica; connect to its master")
	}
	if n := settings["connected_slaves"]; n != "" && n != "0" && settings["min-replicas-to-write"] == "0" {
		add("min-replicas-to-write", "what no replica had yet, when one takes over; set min-replicas-to-write 1")
	}
	return list
}
