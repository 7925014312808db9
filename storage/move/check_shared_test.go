package move_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/move"
)

// spoilt is a store whose shared records are spoilt on their way out.
type spoilt struct {
	movable
	spaces func([]storage.Namespace) []storage.Namespace
	list   func([]storage.Record) []storage.Record
	get    func(*storage.Record) error
}

func (s *spoilt) Records() storage.Records { return spoiltRecords{s.movable.Records(), s} }

type spoiltRecords struct {
	storage.Records
	by *spoilt
}

func (s spoiltRecords) Namespaces(ctx context.Context, after string, n int) ([]storage.Namespace, error) {
	list, err := s.Records.Namespaces(ctx, after, n)
	if s.by.spaces != nil {
		list = s.by.spaces(list)
	}
	return list, err
}

func (s spoiltRecords) List(ctx context.Context, ns, prefix, after string, n int) ([]storage.Record, error) {
	list, err := s.Records.List(ctx, ns, prefix, after, n)
	if s.by.list != nil && ns == "accounts" {
		list = s.by.list(list)
	}
	return list, err
}

func (s spoiltRecords) Get(ctx context.Context, ns, key string) (storage.Record, error) {
	r, err := s.Records.Get(ctx, ns, key)
	if s.by.get != nil && ns == "accounts" && err == nil {
		err = s.by.get(&r)
	}
	return r, err
}

// checked returns what Check says is wrong.
func checked(t *testing.T, s storage.Store) (move.Report, string) {
	t.Helper()
	report, err := move.Check(t.Context(), s, &move.CheckOptions{Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, v := range report.Violations {
		said = append(said, v.String())
	}
	return report, strings.Join(said, "\n")
}

// fill puts five accounts, a session that expires, and a namespace whose record was deleted.
func fill(t *testing.T, s storage.Store) {
	t.Helper()
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		put(t, s, "accounts", key, "value of "+key, time.Time{})
	}
	put(t, s, "sessions", "one", "1", time.Now().Add(time.Hour))
	put(t, s, "empty", "key", "", time.Time{})
	drop(t, s, "empty", "key")
}

// Check finds what is wrong with the records that nodes share.
func TestCheckFindsSpoiltRecords(t *testing.T) {
	each := func(spoil func(r *storage.Record)) func([]storage.Record) []storage.Record {
		return func(list []storage.Record) []storage.Record {
			for i := range list {
				spoil(&list[i])
			}
			return list
		}
	}
	first := true
	for _, tt := range []struct {
		name string
		flaw spoilt
		says string
	}{
		{"nothing", spoilt{}, ""},
		{"a version after the newest", spoilt{list: each(func(r *storage.Record) { r.Version += 1e15 })}, "must be from the first version of its namespace"},
		{"a version before the first", spoilt{list: each(func(r *storage.Record) { r.Version = 1 })}, "must be from the first version of its namespace"},
		{"a version twice", spoilt{list: func(l []storage.Record) []storage.Record {
			if len(l) > 1 {
				l[1].Version = l[0].Version
			}
			return l
		}}, `namespace "accounts", key "b", version `},
		{"keys out of order", spoilt{list: func(l []storage.Record) []storage.Record { slices.Reverse(l); return l }}, "not the order of their keys"},
		{"a value that is too long", spoilt{list: each(func(r *storage.Record) { r.Value = make([]byte, storage.MaxRecordValue+1) })}, "value: must be at most"},
		{"an expiry with nanoseconds", spoilt{list: each(func(r *storage.Record) { r.Expires = time.Unix(1e10, 1).UTC() })}, "to the microsecond"},
		{"another value by key", spoilt{get: func(r *storage.Record) error { r.Value = nil; return nil }}, "is another one by its key"},
		{"not there by key", spoilt{get: func(*storage.Record) error { return motacilla.ErrNotFound }}, "is not found by its key"},
		{"a namespace that is none", spoilt{spaces: func(l []storage.Namespace) []storage.Namespace {
			if len(l) > 0 {
				l[0].Name = "A/B"
			}
			return l
		}}, `namespace "A/B": can't be the name`},
		{"namespaces out of order", spoilt{spaces: func(l []storage.Namespace) []storage.Namespace { slices.Reverse(l); return l }}, "not the order of their names"},
		{"born after its newest version", spoilt{spaces: func(l []storage.Namespace) []storage.Namespace {
			for i := range l {
				l[i].Born = l[i].Version + 1
			}
			return l
		}}, "is its first version"},
		{"a namespace that is lost", spoilt{spaces: func(l []storage.Namespace) []storage.Namespace {
			if !first {
				return nil
			}
			first = false
			return l
		}}, "is not listed any more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.flaw.movable = filled(t)
			fill(t, tt.flaw.movable)
			report, said := checked(t, &tt.flaw)
			if tt.says == "" && said != "" || !strings.Contains(said, tt.says) {
				t.Fatalf("it says\n%s\nwant %q", said, tt.says)
			}
			if tt.says == "" && report.Shared != 6 {
				t.Errorf("%d records, want 6", report.Shared)
			}
		})
	}
}

// Check reads the records of every store that it can check.
func TestCheckReadsRecordsOfEachStore(t *testing.T) {
	for name, open := range map[string]func(*testing.T) movable{
		"memory": filled, "sqlite": openSQLite, "postgres": openPostgres, "redis": openRedis,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			fill(t, s)
			if report, said := checked(t, s); said != "" || report.Shared != 6 {
				t.Errorf("%d records, want 6; it says %q", report.Shared, said)
			}
		})
	}
}

// A namespace that is written to during every try is named, and what is seen of it is not taken for damage.
func TestCheckOfRecordsThatChange(t *testing.T) {
	s := &spoilt{movable: filled(t)}
	fill(t, s.movable)
	s.get = func(r *storage.Record) error {
		put(t, s.movable, "accounts", r.Key, "another", time.Time{})
		put(t, s.movable, "accounts", r.Key+"+", "new", time.Time{})
		return motacilla.ErrNotFound
	}
	report, said := checked(t, s)
	if said != "" || !slices.Equal(report.MovingNamespaces, []string{"accounts"}) || report.Shared != 1 {
		t.Errorf("%+v", report)
	}
}
