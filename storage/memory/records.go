package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// sweep is how many expired records a write removes at most.
const sweep = 16

// records is the storage.Records of a Store.
type records struct {
	store *Store

	mu     sync.RWMutex
	spaces map[string]*space
}

var _ storage.Records = (*records)(nil)

// space is what there is of one namespace.
type space struct {
	storage.Namespace
	all     map[string]storage.Record // those that have expired and are not yet removed too
	keys    []string                  // of all, sorted
	expires []expiry                  // of those that expire, sorted
}

type expiry struct {
	at  time.Time
	key string
}

func (e expiry) compare(other expiry) int {
	return cmp.Or(e.at.Compare(other.at), cmp.Compare(e.key, other.key))
}

// Records returns the store's records.
func (s *Store) Records() storage.Records { return s.records }

// Get returns the record.
func (r *records) Get(ctx context.Context, namespace, key string) (storage.Record, error) {
	if err := r.store.usable(ctx, "get record %q of %q", key, namespace); err != nil {
		return storage.Record{}, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	found, there := r.spaces[namespace].get(key, r.store.clock.Now())
	if !there {
		return storage.Record{}, failed(motacilla.ErrNotFound, "get record %q of %q", key, namespace)
	}
	return own(found), nil
}

// Put stores the record.
func (r *records) Put(ctx context.Context, rec storage.Record) (storage.Record, error) {
	if err := r.store.usable(ctx, "put record %q of %q", rec.Key, rec.Namespace); err != nil {
		return storage.Record{}, err
	}
	if err := rec.Validate(); err != nil {
		return storage.Record{}, failed(err, "put record %q of %q", rec.Key, rec.Namespace)
	}
	rec = own(rec.Normalize())
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.store.clock.Now()
	s := r.spaces[rec.Namespace]
	if old, _ := s.get(rec.Key, now); old.Version != rec.Version {
		return storage.Record{}, failed(motacilla.ErrConflict, "put record %q of %q", rec.Key, rec.Namespace)
	}
	if s == nil {
		s = &space{Namespace: storage.Namespace{Name: rec.Namespace}, all: make(map[string]storage.Record)}
		r.spaces[rec.Namespace] = s
	}
	rec.Version = s.issue(now)
	if rec.TTL > 0 {
		rec.Expires, rec.TTL = now.Truncate(time.Microsecond).Add(rec.TTL), 0
	}
	s.remove(rec.Key)
	s.add(rec)
	s.sweep(now)
	return own(rec), nil
}

// Delete removes the record of this version.
func (r *records) Delete(ctx context.Context, namespace, key string, version int64) error {
	if err := r.store.usable(ctx, "delete record %q of %q", key, namespace); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.store.clock.Now()
	s := r.spaces[namespace]
	old, there := s.get(key, now)
	switch {
	case !there:
		return failed(motacilla.ErrNotFound, "delete record %q of %q", key, namespace)
	case old.Version != version:
		return failed(motacilla.ErrConflict, "delete record %q of %q", key, namespace)
	}
	s.issue(now)
	s.remove(key)
	s.sweep(now)
	return nil
}

// List returns at most limit records with the prefix after the given key.
func (r *records) List(ctx context.Context, namespace, prefix, after string, limit int) ([]storage.Record, error) {
	if err := r.store.usable(ctx, "list records of %q", namespace); err != nil {
		return nil, err
	}
	limit = cmp.Or(max(limit, 0), motacilla.DefaultLimit)
	r.mu.RLock()
	defer r.mu.RUnlock()
	s := r.spaces[namespace]
	if s == nil {
		return nil, nil
	}
	var list []storage.Record
	now := r.store.clock.Now()
	from, to := storage.KeyRange(prefix, after)
	at, _ := slices.BinarySearch(s.keys, from)
	for _, key := range s.keys[at:] {
		if key >= to || len(list) == limit {
			break
		}
		if found, there := s.get(key, now); there {
			list = append(list, own(found))
		}
	}
	return list, nil
}

// Namespaces returns at most limit namespaces after the given one.
func (r *records) Namespaces(ctx context.Context, after string, limit int) ([]storage.Namespace, error) {
	if err := r.store.usable(ctx, "list namespaces"); err != nil {
		return nil, err
	}
	limit = cmp.Or(max(limit, 0), motacilla.DefaultLimit)
	r.mu.RLock()
	defer r.mu.RUnlock()
	var list []storage.Namespace
	for _, name := range slices.Sorted(maps.Keys(r.spaces)) {
		if name > after && len(list) < limit {
			list = append(list, r.spaces[name].Namespace)
		}
	}
	return list, nil
}

// get returns the record if it has not expired. A nil space is empty.
func (s *space) get(key string, now time.Time) (storage.Record, bool) {
	if s == nil {
		return storage.Record{}, false
	}
	found, there := s.all[key]
	if !there || !found.Expires.IsZero() && !found.Expires.After(now) {
		return storage.Record{}, false
	}
	return found, true
}

// issue gives a write its version.
func (s *space) issue(now time.Time) int64 {
	s.Version = max(s.Version+1, now.UnixMicro())
	if s.Born == 0 {
		s.Born = s.Version
	}
	return s.Version
}

func (s *space) add(rec storage.Record) {
	s.all[rec.Key] = rec
	at, _ := slices.BinarySearch(s.keys, rec.Key)
	s.keys = slices.Insert(s.keys, at, rec.Key)
	if !rec.Expires.IsZero() {
		e := expiry{rec.Expires, rec.Key}
		at, _ := slices.BinarySearchFunc(s.expires, e, expiry.compare)
		s.expires = slices.Insert(s.expires, at, e)
	}
}

func (s *space) remove(key string) {
	old, there := s.all[key]
	if !there {
		return
	}
	delete(s.all, key)
	at, _ := slices.BinarySearch(s.keys, key)
	s.keys = slices.Delete(s.keys, at, at+1)
	if !old.Expires.IsZero() {
		at, _ := slices.BinarySearchFunc(s.expires, expiry{old.Expires, key}, expiry.compare)
		s.expires = slices.Delete(s.expires, at, at+1)
	}
}

// sweep removes some of the records that have expired.
func (s *space) sweep(now time.Time) {
	for range sweep {
		if len(s.expires) == 0 || s.expires[0].at.After(now) {
			return
		}
		s.remove(s.expires[0].key)
	}
}

// own returns the record with a value of its own.
func own(rec storage.Record) storage.Record {
	rec.Value = slices.Clone(rec.Value)
	return rec
}
