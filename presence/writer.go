package presence

import (
	"context"
	"errors"
	"time"

	"github.com/motacilla-live/motacilla"
)

// writer writes the counts of this node. A record is written again if its counts have changed or it is old. That of the node is soon
// old, so that a node that has died is soon forgotten. The shards last longer, since they do not count without it.
type writer struct {
	records motacilla.Records
	id      string
	name    string
	ttl     time.Duration       // of the node's record
	written map[string]*written // by key
}

// written is what is known of a record.
type written struct {
	version int64
	digest  uint64
	at      time.Time // zero: it may not be stored as it is here
}

// write stores a tally. The node's record is the last one, since it says which shards count.
func (w *writer) write(ctx context.Context, t *tally) error {
	if t.total == 0 && len(t.channels) == 0 {
		return w.remove(ctx)
	}
	n := &node{ID: w.id, Name: w.name, Total: t.total, Shards: shardsFor(t)}
	parts := divide(t, n.Shards)
	used := map[string]bool{nodePrefix + w.id: true}
	digest := uint64(n.Total)<<16 + uint64(n.Shards)
	if n.Shards == 0 {
		n.Channels = parts[0].Channels
		digest += parts[0].digest()
	}
	for i, part := range parts {
		if n.Shards == 0 || len(part.Channels) == 0 {
			continue
		}
		key := n.shardKey(i)
		used[key] = true
		if err := w.put(ctx, key, part.digest(), part, shardLife*w.ttl, shardLife*w.ttl/2); err != nil {
			return err
		}
	}
	if err := w.put(ctx, nodePrefix+w.id, digest, n, w.ttl, w.ttl/4); err != nil {
		return err
	}
	for key := range w.written {
		if !used[key] {
			if err := w.drop(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// shardLife is how many times as long as the record of a node its shards last.
const shardLife = 6

// put writes a record that lasts for ttl, unless the same was written not longer than old ago.
func (w *writer) put(ctx context.Context, key string, digest uint64, v any, ttl, old time.Duration) error {
	now := time.Now()
	was := w.written[key]
	if was == nil {
		was = &written{}
		if w.written == nil {
			w.written = map[string]*written{}
		}
		w.written[key] = was
	}
	if !was.at.IsZero() && was.digest == digest && now.Sub(was.at) < old {
		return nil
	}
	data, err := encode(v)
	if err != nil {
		return err
	}
	was.at = time.Time{}
	r := motacilla.Record{Namespace: namespace, Key: key, Value: data, Version: was.version, TTL: ttl}
	stored, err := w.records.Put(ctx, r)
	if errors.Is(err, motacilla.ErrConflict) { // it has expired, or an earlier write was stored without an answer
		if r.Version, err = versionOf(ctx, w.records, namespace, key); err == nil {
			stored, err = w.records.Put(ctx, r)
		}
	}
	if err != nil {
		return err
	}
	*was = written{stored.Version, digest, now}
	return nil
}

// versionOf returns the version of a record; 0 if there is none.
func versionOf(ctx context.Context, records motacilla.Records, namespace, key string) (int64, error) {
	r, err := records.Get(ctx, namespace, key)
	if errors.Is(err, motacilla.ErrNotFound) {
		return 0, nil
	}
	return r.Version, err
}

// remove removes all records of the node.
func (w *writer) remove(ctx context.Context) error {
	if w.written[nodePrefix+w.id] != nil { // without it, the shards do not count
		if err := w.drop(ctx, nodePrefix+w.id); err != nil {
			return err
		}
	}
	for key := range w.written {
		if err := w.drop(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) drop(ctx context.Context, key string) error {
	err := w.records.Delete(ctx, namespace, key, w.written[key].version)
	if errors.Is(err, motacilla.ErrConflict) {
		var version int64
		if version, err = versionOf(ctx, w.records, namespace, key); err == nil && version > 0 {
			err = w.records.Delete(ctx, namespace, key, version)
		}
	}
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		return err
	}
	delete(w.written, key)
	return nil
}
