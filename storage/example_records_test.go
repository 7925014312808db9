package storage_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// A lease lets one node at a time do something, such as follow a source. It is a record that expires.
type lease struct {
	records storage.Records
	record  storage.Record // as it was last put
	until   time.Time      // by this node's clock; it must not act for the lease after that
}

const leaseTTL = 10 * time.Second

// acquire takes the lease if nobody holds it, and returns ErrConflict if somebody does. A node that waits for it calls
// acquire every few seconds.
func acquire(ctx context.Context, records storage.Records, name, node string) (*lease, error) {
	l := &lease{records: records, record: storage.Record{Namespace: "leases", Key: name, Value: []byte(node)}}
	return l, l.put(ctx)
}

// renew must be called well before the lease ends. After ErrConflict another node holds it, or may.
func (l *lease) renew(ctx context.Context) error { return l.put(ctx) }

func (l *lease) put(ctx context.Context) error {
	began := time.Now() // before the call: the TTL counts from the write, which is later
	next := l.record
	next.TTL = leaseTTL
	put, err := l.records.Put(ctx, next)
	if errors.Is(err, motacilla.ErrUnavailable) {
		// It may have been stored. The value tells whose write it was.
		found, missing := l.records.Get(ctx, next.Namespace, next.Key)
		if missing == nil && string(found.Value) == string(next.Value) && found.Version > next.Version {
			put, err = found, nil
		}
	}
	if err != nil {
		return err
	}
	l.record, l.until = put, began.Add(leaseTTL)
	return nil
}

// token is larger for each later holder. What the lease protects can refuse a holder that is late by it.
func (l *lease) token() int64 { return l.record.Version }

// release lets the next node in at once, rather than when the lease expires.
func (l *lease) release(ctx context.Context) error {
	return l.records.Delete(ctx, l.record.Namespace, l.record.Key, l.record.Version)
}

// One of two nodes holds a lease. The other gets it when the first releases it, or when it stops renewing it.
func ExampleRecords_lease() {
	ctx := context.Background()
	now := time.Date(2026, 11, 26, 20, 0, 0, 0, time.UTC)
	store := memory.New(&memory.Options{Clock: func() time.Time { return now }})
	defer store.Close()

	first, err := acquire(ctx, store.Records(), "slack", "node-1")
	fmt.Println("node-1 acquires:", err)
	_, err = acquire(ctx, store.Records(), "slack", "node-2")
	fmt.Println("node-2 acquires:", errors.Is(err, motacilla.ErrConflict))

	now = now.Add(leaseTTL / 3)
	fmt.Println("node-1 renews:", first.renew(ctx))
	fmt.Println("node-1 releases:", first.release(ctx))

	second, err := acquire(ctx, store.Records(), "slack", "node-2")
	fmt.Println("node-2 acquires:", err, second.token() > first.token())

	now = now.Add(leaseTTL) // node-2 hangs
	_, err = acquire(ctx, store.Records(), "slack", "node-1")
	fmt.Println("node-1 acquires:", err)
	fmt.Println("node-2 renews too late:", errors.Is(second.renew(ctx), motacilla.ErrConflict))
	// Output:
	// node-1 acquires: <nil>
	// node-2 acquires: true
	// node-1 renews: <nil>
	// node-1 releases: <nil>
	// node-2 acquires: <nil> true
	// node-1 acquires: <nil>
	// node-2 renews too late: true
}

// A change of a record is a compare-and-swap. If another was faster, the change is made again to what there is now.
func ExampleRecords_edit() {
	ctx := context.Background()
	store := memory.New(nil)
	defer store.Close()
	records := store.Records()

	visit := func(name string) error {
		for {
			draft, err := records.Get(ctx, "drafts", "match-42")
			if errors.Is(err, motacilla.ErrNotFound) {
				draft, err = storage.Record{Namespace: "drafts", Key: "match-42"}, nil
			}
			if err != nil {
				return err
			}
			draft.Value = append(draft.Value, name+" was here. "...)
			if _, err = records.Put(ctx, draft); !errors.Is(err, motacilla.ErrConflict) {
				return err
			}
		}
	}
	fmt.Println(visit("Ann"), visit("Bob"))
	draft, err := records.Get(ctx, "drafts", "match-42")
	fmt.Println(string(draft.Value), err)
	// Output:
	// <nil> <nil>
	// Ann was here. Bob was here.  <nil>
}
