package redis

import (
	"context"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// reindex adds channels that are missing to the index. On a single server none is missing: if it loses writes, it loses
// the channel before the entry. In a cluster index and channel are on different nodes, and a failover of one may lose
// an entry.
func (s *Store) reindex(ctx context.Context) error {
	_, err := read(ctx, s.server, func(ctx context.Context, c goredis.UniversalClient) (struct{}, error) {
		cluster, ok := c.(*goredis.ClusterClient)
		if !ok {
			return struct{}{}, nil
		}
		return struct{}{}, cluster.ForEachMaster(ctx, func(ctx context.Context, c *goredis.Client) error {
			return s.reindexNode(ctx, c, cluster)
		})
	})
	return err
}

func (s *Store) reindexNode(ctx context.Context, c *goredis.Client, all *goredis.ClusterClient) error {
	begin, end := s.keys.channels(), "}:channel"
	pattern := escapeGlob(begin) + "*" + end
	for cursor := uint64(0); ; {
		keys, next, err := c.ScanType(ctx, cursor, pattern, page, "hash").Result()
		if refused(err) {
			s.logger.Info("the user may not SCAN: the list of channels is not repaired after a failover")
			return nil
		}
		if err != nil {
			return err
		}
		var members []goredis.Z
		for _, key := range keys {
			members = append(members, goredis.Z{Member: strings.TrimSuffix(strings.TrimPrefix(key, begin), end)})
		}
		if len(members) > 0 {
			if err := all.ZAddNX(ctx, s.keys.index(), members...).Err(); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// escapeGlob makes a text match itself alone.
func escapeGlob(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`).Replace(text)
}
