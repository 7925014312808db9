package storagetest_test

import (
	"bytes"
	"context"
	"errors"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// recordFlaws are stores whose records are right but for one thing.
var recordFlaws = []flaw{
	{"a version that is not compared", "RecordConflicts", brokenRecords(func(r storage.Records) storage.Records { return overwrites{r} })},
	{"a version that is not compared, in a race", "RecordRaces", brokenRecords(func(r storage.Records) storage.Records { return comparesFirst{r} })},
	{"a lost increment", "RecordCounter", brokenRecords(func(r storage.Records) storage.Records { return comparesFirst{r} })},
	{"a lease with two holders", "RecordLeases", brokenRecords(func(r storage.Records) storage.Records { return comparesFirst{r} })},
	{"a delete of any version", "RecordConflicts", brokenRecords(func(r storage.Records) storage.Records { return deletesAny{r} })},
	{"a version that comes twice", "RecordVersions", brokenRecords(func(r storage.Records) storage.Records { return &countsFromOne{Records: r} })},
	{"a TTL that is ignored", "RecordTTL", brokenRecords(func(r storage.Records) storage.Records { return ignoresTTL{r} })},
	{"an expired record in a list", "RecordExpiry", brokenRecords(func(r storage.Records) storage.Records { return &listsExpired{Records: r} })},
	{"an expired record in the way", "RecordExpiry", brokenRecords(func(r storage.Records) storage.Records { return &keepsExpired{Records: r} })},
	{"a list that ends at an expired record", "RecordListExpired", brokenRecords(func(r storage.Records) storage.Records { return listsTooFew{r} })},
	{"a prefix that is a pattern", "RecordList", brokenRecords(func(r storage.Records) storage.Records { return matches{r} })},
	{"a list in another order", "RecordList", brokenRecords(func(r storage.Records) storage.Records { return foldsCase{r} })},
	{"a shared value", "RecordOwnership", brokenRecords(func(r storage.Records) storage.Records { return &sharesValue{Records: r} })},
	{"a value that is text", "Records", brokenRecords(func(r storage.Records) storage.Records { return storesText{r} })},
	{"a namespace that is forgotten", "RecordNamespaces", brokenRecords(func(r storage.Records) storage.Records { return forgetsNamespace{r} })},
	{"invalid records", "RecordValidation", brokenRecords(func(r storage.Records) storage.Records { return acceptsAll{r} })},
	{"a record that is replaced by an old version, at random", "RecordModel", brokenRecords(func(r storage.Records) storage.Records { return overwrites{r} })},
	{"a TTL that is ignored, at random", "RecordModel", brokenRecords(func(r storage.Records) storage.Records { return ignoresTTL{r} })},
}

// withRecords is a store with other records.
type withRecords struct {
	storage.Store
	records storage.Records
}

func (s withRecords) Records() storage.Records { return s.records }

func brokenRecords(spoil func(storage.Records) storage.Records) func(storage.Store) storage.Store {
	return func(s storage.Store) storage.Store { return withRecords{s, spoil(s.Records())} }
}

// overwrites puts whatever version there is.
type overwrites struct{ storage.Records }

func (b overwrites) Put(ctx context.Context, r storage.Record) (storage.Record, error) {
	if r.Version != 0 {
		if there, err := b.Get(ctx, r.Namespace, r.Key); err == nil {
			r.Version = there.Version
		}
	}
	return b.Records.Put(ctx, r)
}

// comparesFirst reads, compares and then writes whatever there is meanwhile.
type comparesFirst struct{ storage.Records }

func (b comparesFirst) Put(ctx context.Context, r storage.Record) (storage.Record, error) {
	there, err := b.Get(ctx, r.Namespace, r.Key)
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		return there, err
	}
	if there.Version != r.Version {
		return storage.Record{}, motacilla.ErrConflict
	}
	pause()
	for {
		made, err := b.Records.Put(ctx, r)
		if !errors.Is(err, motacilla.ErrConflict) {
			return made, err
		}
		there, err := b.Get(ctx, r.Namespace, r.Key)
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return there, err
		}
		r.Version = there.Version
	}
}

// deletesAny deletes whatever version there is.
type deletesAny struct{ storage.Records }

func (b deletesAny) Delete(ctx context.Context, namespace, key string, _ int64) error {
	there, err := b.Get(ctx, namespace, key)
	if err != nil {
		return err
	}
	return b.Records.Delete(ctx, namespace, key, there.Version)
}

// countsFromOne gives the first record of a key the version 1, each time.
type countsFromOne struct {
	storage.Records
	mu   sync.Mutex
	real map[string]int64 // of each key, what the store says
	mine map[string]int64
}

func (b *countsFromOne) Put(ctx context.Context, r storage.Record) (storage.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.real == nil {
		b.real, b.mine = make(map[string]int64), make(map[string]int64)
	}
	if r.Version != 0 && r.Version == b.mine[r.Key] {
		r.Version = b.real[r.Key]
	}
	made, err := b.Records.Put(ctx, r)
	if err != nil {
		return made, err
	}
	if b.mine[r.Key]++; r.Version == 0 {
		b.mine[r.Key] = 1
	}
	b.real[r.Key], made.Version = made.Version, b.mine[r.Key]
	return made, nil
}

// ignoresTTL lets records live for ever.
type ignoresTTL struct{ storage.Records }

func (b ignoresTTL) Put(ctx context.Context, r storage.Record) (storage.Record, error) {
	r.TTL = 0
	return b.Records.Put(ctx, r)
}

// listsExpired remembers what was put, and lists it.
type listsExpired struct {
	storage.Records
	mu  sync.Mutex
	put []storage.Record
}

func (b *listsExpired) Put(ctx context.Context, r storage.Record) (storage.Record, error) {
	made, err := b.Records.Put(ctx, r)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.put = append(b.put, made)
	}
	return made, err
}

func (b *listsExpired) List(ctx context.Context, namespace, prefix, after string, limit int) ([]storage.Record, error) {
	list, err := b.Records.List(ctx, namespace, prefix, after, limit)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil && len(list) == 0 && len(b.put) > 0 {
		list = b.put[:1]
	}
	return list, err
}

// keepsExpired refuses to make a record of a key that has had one with an expiry.
type keepsExpired struct {
	storage.Records
	mu      sync.Mutex
	expires map[string]bool
}

func (b *keepsExpired) Put(ctx context.Context, r storage.Record) (storage.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Version == 0 && b.expires[r.Key] {
		return storage.Record{}, motacilla.ErrConflict
	}
	made, err := b.Records.Put(ctx, r)
	if b.expires == nil {
		b.expires = make(map[string]bool)
	}
	if err == nil {
		b.expires[r.Key] = !made.Expires.IsZero()
	}
	return made, err
}

// listsTooFew loses the last record of a list.
type listsTooFew struct{ storage.Records }

func (b listsTooFew) List(ctx context.Context, namespace, prefix, after string, limit int) ([]storage.Record, error) {
	list, err := b.Records.List(ctx, namespace, prefix, after, limit)
	return list[:max(len(list)-1, 0)], err
}

// matches takes a prefix for a pattern.
type matches struct{ storage.Records }

func (b matches) List(ctx context.Context, namespace, prefix, after string, limit int) ([]storage.Record, error) {
	list, err := b.Records.List(ctx, namespace, "", after, limit)
	return slices.DeleteFunc(list, func(r storage.Record) bool {
		ok, _ := path.Match(prefix+"*", r.Key)
		return !ok
	}), err
}

// foldsCase lists as a collation does.
type foldsCase struct{ storage.Records }

func (b foldsCase) List(ctx context.Context, namespace, prefix, after string, limit int) ([]storage.Record, error) {
	list, err := b.Records.List(ctx, namespace, prefix, after, limit)
	slices.SortStableFunc(list, func(x, y storage.Record) int {
		return bytes.Compare(bytes.ToLower([]byte(x.Key)), bytes.ToLower([]byte(y.Key)))
	})
	return list, err
}

// sharesValue hands out the value that it keeps.
type sharesValue struct {
	storage.Records
	mu   sync.Mutex
	kept storage.Record
}

func (b *sharesValue) Get(ctx context.Context, namespace, key string) (storage.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := b.Records.Get(ctx, namespace, key)
	if err == nil && r.Version == b.kept.Version {
		return b.kept, nil
	}
	b.kept = r
	return r, err
}

// storesText takes values for UTF-8.
type storesText struct{ storage.Records }

func (b storesText) Put(ctx context.Context, r storage.Record) (storage.Record, error) {
	r.Value = bytes.ToValidUTF8(r.Value, []byte("?"))
	return b.Records.Put(ctx, r)
}

// forgetsNamespace lists the namespaces that have records.
type forgetsNamespace struct{ storage.Records }

func (b forgetsNamespace) Namespaces(ctx context.Context, after string, limit int) ([]storage.Namespace, error) {
	list, err := b.Records.Namespaces(ctx, after, limit)
	return slices.DeleteFunc(list, func(n storage.Namespace) bool {
		records, _ := b.List(ctx, n.Name, "", "", 1)
		return len(records) == 0
	}), err
}

// acceptsAll puts the nearest record that is valid.
type acceptsAll struct{ storage.Records }

func (b acceptsAll) Put(ctx context.Context, r storage.Record) (storage.Record, error) {
	if r.Expires.Year() > 9999 {
		r.Expires = time.Time{}
	}
	return b.Records.Put(ctx, r)
}
