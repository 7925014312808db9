package move_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/storage/move"
	"pgregory.net/rapid"
)

// held returns what there is of a namespace, without versions.
func held(t interface {
	Helper()
	Fatalf(string, ...any)
}, s storage.Store, namespace string) []string {
	t.Helper()
	list, err := s.Records().List(context.Background(), namespace, "", "", 10_000)
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	texts := make([]string, len(list))
	for i, r := range list {
		texts[i] = fmt.Sprintf("%s=%s until %v", r.Key, r.Value, r.Expires)
	}
	return texts
}

func put(t *testing.T, s storage.Store, namespace, key, value string, expires time.Time) {
	t.Helper()
	r, err := s.Records().Get(t.Context(), namespace, key)
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := s.Records().Put(t.Context(), storage.Record{
		Namespace: namespace, Key: key, Value: []byte(value), Version: r.Version, Expires: expires}); err != nil {
		t.Fatal(err)
	}
}

func drop(t *testing.T, s storage.Store, namespace, key string) {
	t.Helper()
	r, err := s.Records().Get(t.Context(), namespace, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Records().Delete(t.Context(), namespace, key, r.Version); err != nil {
		t.Fatal(err)
	}
}

// Records are brought to every other store, and what has gone since goes there too.
func TestRecordsAreBrought(t *testing.T) {
	for name, open := range map[string]func(*testing.T) movable{
		"sqlite": openSQLite, "postgres": openPostgres, "redis": openRedis,
	} {
		t.Run(name, func(t *testing.T) {
			from, to, back := memory.New(nil), open(t), memory.New(nil)
			hour := time.Now().Add(time.Hour).UTC()
			put(t, to, "own", "key", "the target's", time.Time{})
			for i := range 250 {
				put(t, from, "accounts", fmt.Sprintf("account %03d", i), "\x00\xff", time.Time{})
			}
			put(t, from, "sessions", "one", "1", hour)
			put(t, from, "sessions", "two", "2", hour)
			put(t, from, "empty", "key", "", time.Time{})
			drop(t, from, "empty", "key")
			level := func(shared int64) {
				t.Helper()
				result, err := move.Copy(t.Context(), from, to, nil)
				if err != nil || result.Shared != shared {
					t.Fatalf("copy: %+v (%v), want %d records", result, err, shared)
				}
				for _, ns := range []string{"accounts", "sessions", "empty"} {
					if a, b := held(t, from, ns), held(t, to, ns); !slices.Equal(a, b) {
						t.Errorf("%s are %v, want %v", ns, b, a)
					}
				}
				if own := held(t, to, "own"); len(own) != 1 {
					t.Errorf("the target's own records are %v", own)
				}
			}
			level(252)
			level(0)
			put(t, from, "accounts", "account 007", "changed", time.Time{})
			put(t, from, "accounts", "account 0075", "new", time.Time{})
			drop(t, from, "accounts", "account 249")
			put(t, from, "sessions", "two", "2", hour.Add(time.Hour))
			drop(t, from, "sessions", "one")
			level(5)
			level(0)
			if _, err := move.Copy(t.Context(), to, back, nil); err != nil {
				t.Fatal(err)
			}
			if a, b := held(t, from, "accounts"), held(t, back, "accounts"); !slices.Equal(a, b) {
				t.Errorf("back again they are %v, want %v", b, a)
			}
			if notes := held(t, back, "storage.copy"); len(notes) != 3 { // accounts, own and sessions: the target has no namespace that was empty
				t.Errorf("the notes are %v", notes)
			}
		})
	}
}

// Records that were written at the target are a conflict, before anything is written.
func TestRecordsOfTheTarget(t *testing.T) {
	for name, prepare := range map[string]func(from, to, other storage.Store){
		"written before": func(_, to, _ storage.Store) { put(t, to, "accounts", "b", "the target's", time.Time{}) },
		"written since": func(from, to, _ storage.Store) {
			_, _ = move.Copy(t.Context(), from, to, nil)
			put(t, to, "accounts", "b", "the target's", time.Time{})
		},
		"written since to what was empty": func(from, to, _ storage.Store) {
			drop(t, from, "accounts", "a")
			_, _ = move.Copy(t.Context(), from, to, nil)
			put(t, to, "accounts", "b", "the target's", time.Time{})
		},
		"of another source": func(_, to, other storage.Store) {
			put(t, other, "accounts", "b", "the other's", time.Time{})
			_, _ = move.Copy(t.Context(), other, to, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			from, to, other := memory.New(nil), memory.New(nil), memory.New(nil)
			put(t, from, "accounts", "a", "the source's", time.Time{})
			prepare(from, to, other)
			if _, err := from.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
				t.Fatal(err)
			}
			before := held(t, to, "accounts")
			if _, err := move.Copy(t.Context(), from, to, nil); !errors.Is(err, motacilla.ErrConflict) {
				t.Fatalf("copy: %v", err)
			}
			if now := held(t, to, "accounts"); !slices.Equal(now, before) {
				t.Errorf("the records are %v, were %v", now, before)
			}
			if _, err := to.Channel(t.Context(), "c"); !errors.Is(err, motacilla.ErrNotFound) {
				t.Errorf("the channel was brought: %v", err)
			}
			if _, err := move.Copy(t.Context(), from, to, &move.Options{Replace: true}); err != nil {
				t.Fatalf("copy with Replace: %v", err)
			}
			if a, b := held(t, from, "accounts"), held(t, to, "accounts"); !slices.Equal(a, b) {
				t.Errorf("the records are %v, want %v", b, a)
			}
		})
	}
}

// cut is a store whose records break after a number of writes.
type cut struct {
	*memory.Store
	records *cutRecords
}

func (c cut) Records() storage.Records { return c.records }

type cutRecords struct {
	storage.Records
	left int
}

func (c *cutRecords) Put(ctx context.Context, r storage.Record) (storage.Record, error) {
	if c.left--; c.left < 0 {
		return storage.Record{}, motacilla.ErrUnavailable
	}
	return c.Records.Put(ctx, r)
}

func (c *cutRecords) Delete(ctx context.Context, namespace, key string, version int64) error {
	if c.left--; c.left < 0 {
		return motacilla.ErrUnavailable
	}
	return c.Records.Delete(ctx, namespace, key, version)
}

// Random records arrive, in a copy that is cut off and goes on, again after the source was written to.
func TestRandomRecords(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		from, to := memory.New(nil), memory.New(nil)
		for range rapid.IntRange(1, 4).Draw(rt, "times") {
			for range rapid.IntRange(0, 20).Draw(rt, "writes") {
				r := storage.Record{
					Namespace: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "namespace"),
					Key:       rapid.SampledFrom([]string{"1", "10", "2", "3", "é"}).Draw(rt, "key"),
					Value:     []byte(rapid.SampledFrom([]string{"", "x", "y"}).Draw(rt, "value")),
				}
				there, err := from.Records().Get(t.Context(), r.Namespace, r.Key)
				r.Version = there.Version
				if err == nil && rapid.Bool().Draw(rt, "delete") {
					err = from.Records().Delete(t.Context(), r.Namespace, r.Key, r.Version)
				} else {
					_, err = from.Records().Put(t.Context(), r)
				}
				if err != nil {
					rt.Fatalf("write: %v", err)
				}
			}
			options := &move.Options{Batch: rapid.IntRange(1, 5).Draw(rt, "batch")}
			dying := cut{to, &cutRecords{to.Records(), rapid.IntRange(0, 10).Draw(rt, "left")}}
			if _, err := move.Copy(t.Context(), from, dying, options); err != nil && !errors.Is(err, motacilla.ErrUnavailable) {
				rt.Fatalf("copy that is cut off: %v", err)
			}
			if _, err := move.Copy(t.Context(), from, to, options); err != nil {
				rt.Fatalf("copy: %v", err)
			}
			for _, ns := range []string{"a", "b"} {
				if a, b := held(rt, from, ns), held(rt, to, ns); !slices.Equal(a, b) {
					rt.Fatalf("records of %s are %v, want %v", ns, b, a)
				}
			}
		}
	})
}
