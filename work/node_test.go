package work_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/work"
)

func TestMain(m *testing.M) { realserver.Main(m) }

// link leads to the records of a store. It can be cut, and it can lose calls and answers.
type link struct {
	motacilla.Records

	mu     sync.Mutex
	cut    bool
	losing float64 // the share of writes that fail, half of them after they were stored
	calls  int     // that reached the store
}

func (l *link) set(cut bool, losing float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.losing = cut, losing
}

func (l *link) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

// pass reports what becomes of a call.
func (l *link) pass(ctx context.Context, write bool) (before, after error) {
	if err := ctx.Err(); err != nil {
		return err, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	lost := fmt.Errorf("%w: a test", motacilla.ErrUnavailable)
	if l.cut {
		return lost, nil
	}
	if p := rand.Float64(); write && p < l.losing/2 {
		return lost, nil
	} else if write && p < l.losing {
		after = lost
	}
	l.calls++
	return nil, after
}

func (l *link) Get(ctx context.Context, namespace, key string) (motacilla.Record, error) {
	if err, _ := l.pass(ctx, false); err != nil {
		return motacilla.Record{}, err
	}
	return l.Records.Get(ctx, namespace, key)
}

func (l *link) Put(ctx context.Context, r motacilla.Record) (motacilla.Record, error) {
	before, after := l.pass(ctx, true)
	if before != nil {
		return motacilla.Record{}, before
	}
	r, err := l.Records.Put(ctx, r)
	if after != nil {
		return motacilla.Record{}, after
	}
	return r, err
}

func (l *link) Delete(ctx context.Context, namespace, key string, version int64) error {
	before, after := l.pass(ctx, true)
	if before != nil {
		return before
	}
	if err := l.Records.Delete(ctx, namespace, key, version); after == nil {
		return err
	}
	return after
}

func (l *link) List(ctx context.Context, namespace, prefix, after string, limit int) ([]motacilla.Record, error) {
	if err, _ := l.pass(ctx, false); err != nil {
		return nil, err
	}
	return l.Records.List(ctx, namespace, prefix, after, limit)
}

// store returns records of a store whose clock is ahead of the nodes' clocks.
func store(t testing.TB, ahead time.Duration) motacilla.Records {
	s := memory.New(&memory.Options{Clock: func() time.Time { return time.Now().Add(ahead) }})
	t.Cleanup(func() { _ = s.Close() })
	return s.Records()
}

// start starts a queue, which is shut down at the test's end.
func start(t *testing.T, records motacilla.Records, do func(context.Context, work.Job) error, o *work.QueueOptions) *work.Queue {
	t.Helper()
	q := work.NewQueue(records, "test", do, o)
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return q
}

func add(t *testing.T, q *work.Queue, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := q.Add(t.Context(), key, []byte(`"`+key+`"`)); err != nil {
			t.Fatal(err)
		}
	}
}

// left fails the test unless so many jobs are in the queue.
func left(t *testing.T, q *work.Queue, want int) {
	t.Helper()
	if n, err := q.Len(t.Context()); err != nil || n != want {
		t.Errorf("there are %d jobs (%v), want %d", n, err, want)
	}
}
