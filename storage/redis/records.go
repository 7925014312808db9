package redis

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	goredis "github.com/redis/go-redis/v9"
)

// A script looks at so many records of a list at least and at most. Those that have expired are passed over.
const (
	fewest = 20
	most   = 500
)

// recordLua are the scripts on records. Their first lines say what each takes and returns.
var recordLua = struct{ get, list, put, delete *script }{
	get:    newScript(false, "numbers", "records", "get_record"),
	list:   newScript(false, "numbers", "records", "list_records"),
	put:    newScript(true, "numbers", "records", "write_record", "put_record"),
	delete: newScript(true, "numbers", "records", "write_record", "delete_record"),
}

// records is the storage.Records of a Store.
type records struct{ *Store }

var _ storage.Records = records{}

// Records returns the store's records.
func (s *Store) Records() storage.Records { return records{s} }

// Get returns the record.
func (r records) Get(ctx context.Context, namespace, key string) (storage.Record, error) {
	return call(ctx, r.Store, func(ctx context.Context) (storage.Record, error) {
		if !storage.PossibleRecord(namespace, key) {
			return storage.Record{}, motacilla.ErrNotFound
		}
		found, err := r.server.run(ctx, recordLua.get, r.keys.namespace(namespace), r.now(), key)
		switch {
		case err != nil:
			return storage.Record{}, err
		case found.text(0) == "missing":
			return storage.Record{}, motacilla.ErrNotFound
		}
		return parseStored(namespace, key, found.text(1))
	}, "get record %q of %q", key, namespace)
}

// Put stores the record.
func (r records) Put(ctx context.Context, rec storage.Record) (storage.Record, error) {
	return call(ctx, r.Store, func(ctx context.Context) (storage.Record, error) {
		if err := rec.Validate(); err != nil {
			return storage.Record{}, err
		}
		stored := rec.Normalize()
		put, err := r.server.run(ctx, recordLua.put, r.keys.namespace(rec.Namespace), r.now(), rec.Key, number(rec.Version),
			expiryText(stored.Expires), number(stored.TTL.Microseconds()), string(stored.Value))
		switch {
		case err != nil:
			return storage.Record{}, err
		case put.text(0) == "conflict":
			return storage.Record{}, motacilla.ErrConflict
		}
		return parseStored(rec.Namespace, rec.Key, put.text(1)+put.text(2)+string(stored.Value))
	}, "put record %q of %q", rec.Key, rec.Namespace)
}

// Delete removes the record of this version.
func (r records) Delete(ctx context.Context, namespace, key string, version int64) error {
	_, err := call(ctx, r.Store, func(ctx context.Context) (struct{}, error) {
		none := struct{}{}
		if !storage.PossibleRecord(namespace, key) {
			return none, motacilla.ErrNotFound
		}
		deleted, err := r.server.run(ctx, recordLua.delete, r.keys.namespace(namespace), r.now(), key, number(version))
		switch {
		case err != nil:
			return none, err
		case deleted.text(0) == "missing":
			return none, motacilla.ErrNotFound
		case deleted.text(0) == "conflict":
			return none, motacilla.ErrConflict
		}
		return none, nil
	}, "delete record %q of %q", key, namespace)
	return err
}

// List returns at most limit records with the prefix after the given key. Records that have expired may make it more than
// one script; it is no snapshot then.
func (r records) List(ctx context.Context, namespace, prefix, after string, limit int) ([]storage.Record, error) {
	limit = cmp.Or(max(limit, 0), motacilla.DefaultLimit)
	return call(ctx, r.Store, func(ctx context.Context) ([]storage.Record, error) {
		if !storage.PossibleRecord(namespace, "any") {
			return nil, nil
		}
		var list []storage.Record
		from, to := storage.KeyRange(prefix, after)
		for len(list) < limit {
			step := min(max(limit-len(list), fewest), most)
			found, err := r.server.run(ctx, recordLua.list, r.keys.namespace(namespace), r.now(), from, to, strconv.Itoa(step))
			if err != nil {
				return nil, err
			}
			for pairs := found.list(1); len(pairs) > 1 && len(list) < limit; pairs = pairs[2:] {
				rec, err := parseStored(namespace, pairs.text(0), pairs.text(1))
				if err != nil {
					return nil, err
				}
				list = append(list, rec)
			}
			last := found.text(2)
			if last == "" {
				break
			}
			from = last + "\x00"
		}
		return list, nil
	}, "list records of %q", namespace)
}

// Namespaces returns at most limit namespaces after the given one. It looks through all keys of the server: a list of
// namespaces would be another key to keep, and tools alone ask for them.
func (r records) Namespaces(ctx context.Context, after string, limit int) ([]storage.Namespace, error) {
	limit = cmp.Or(max(limit, 0), motacilla.DefaultLimit)
	return call(ctx, r.Store, func(ctx context.Context) ([]storage.Namespace, error) {
		names, err := r.names(ctx)
		if err != nil {
			return nil, err
		}
		var list []storage.Namespace
		for _, name := range names {
			if name <= after || len(list) == limit {
				continue
			}
			fields, err := read(ctx, r.server, func(ctx context.Context, c goredis.UniversalClient) ([]any, error) {
				return c.HMGet(ctx, r.keys.namespace(name)[0], "born", "version").Result()
			})
			if err != nil {
				return nil, err
			}
			born, err1 := parseRevision(reply(fields).text(0))
			version, err2 := parseRevision(reply(fields).text(1))
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			list = append(list, storage.Namespace{Name: name, Born: int64(born), Version: int64(version)})
		}
		return list, nil
	}, "list namespaces")
}

// names returns the names of all namespaces, sorted.
func (r records) names(ctx context.Context) ([]string, error) {
	return read(ctx, r.server, func(ctx context.Context, c goredis.UniversalClient) ([]string, error) {
		var mu sync.Mutex
		var names []string
		scan := func(ctx context.Context, c *goredis.Client) error {
			begin, end := r.keys.namespaces(), "}:namespace"
			for cursor := uint64(0); ; {
				keys, next, err := c.ScanType(ctx, cursor, escapeGlob(begin)+"*"+end, page, "hash").Result()
				if err != nil {
					return err
				}
				mu.Lock()
				for _, key := range keys {
					names = append(names, strings.TrimSuffix(strings.TrimPrefix(key, begin), end))
				}
				mu.Unlock()
				if cursor = next; cursor == 0 {
					return nil
				}
			}
		}
		var err error
		switch c := c.(type) {
		case *goredis.ClusterClient:
			err = c.ForEachMaster(ctx, scan)
		case *goredis.Client:
			err = scan(ctx, c)
		}
		slices.Sort(names) // SCAN may return a key twice
		return slices.Compact(names), err
	})
}

// number is a version or a number of microseconds as scripts take it.
func number(n int64) string { return revisionText(motacilla.Revision(n)) }

// expiryText is zero for a record that does not expire.
func expiryText(t time.Time) string {
	if t.IsZero() {
		return number(0)
	}
	return number(t.UnixMicro())
}

func parseStored(namespace, key, text string) (storage.Record, error) {
	rec := storage.Record{Namespace: namespace, Key: key}
	if len(text) < 2*digits {
		return storage.Record{}, malformed("record %q of %q", key, namespace)
	}
	version, err1 := parseRevision(text[:digits])
	expires, err2 := parseRevision(text[digits : 2*digits])
	if err := errors.Join(err1, err2); err != nil {
		return storage.Record{}, err
	}
	rec.Version, rec.Value = int64(version), []byte(text[2*digits:])
	if expires != 0 {
		rec.Expires = expires.Time()
	}
	return rec, nil
}
