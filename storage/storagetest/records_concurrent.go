package storagetest

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// raceRecords checks that of many writers of the same version one succeeds, and that the others get ErrConflict.
func (s *suite) raceRecords(stores ...storage.Records) {
	s.Helper()
	type outcome struct {
		r   storage.Record
		err error
	}
	// once has all of them write at once, and returns what the one that succeeded has written.
	once := func(what string, write func(records storage.Records, w int) (storage.Record, error)) storage.Record {
		s.Helper()
		all := make([]outcome, 2*writers)
		begin := make(chan struct{})
		var wg sync.WaitGroup
		for w := range all {
			wg.Go(func() {
				<-begin
				all[w].r, all[w].err = write(stores[w%len(stores)], w)
			})
		}
		close(begin)
		wg.Wait()
		won := -1
		for w, o := range all {
			switch {
			case o.err == nil && won >= 0:
				s.Fatalf("%s: writers %d and %d both succeeded", what, won, w)
			case o.err == nil:
				won = w
			case !errors.Is(o.err, motacilla.ErrConflict) && !errors.Is(o.err, motacilla.ErrNotFound):
				s.Fatalf("%s: writer %d: %v", what, w, o.err)
			}
		}
		if won < 0 {
			s.Fatalf("%s: no writer succeeded, of %d", what, len(all))
		}
		return all[won].r
	}
	stored := func(what string, key string, expected storage.Record) {
		s.Helper()
		for _, records := range stores {
			sameRecord(s, what, must[storage.Record](s)(records.Get(s.ctx, "race", key)), expected)
		}
	}
	for round := range 15 {
		key := fmt.Sprintf("key %d", round)
		put := func(version int64, ttl time.Duration) func(storage.Records, int) (storage.Record, error) {
			return func(records storage.Records, w int) (storage.Record, error) {
				return records.Put(s.ctx, storage.Record{
					Namespace: "race", Key: key, Value: []byte(strconv.Itoa(w)), Version: version, TTL: ttl})
			}
		}
		made := once("make a record", put(0, 0))
		stored("the record that was made", key, made)
		changed := once("replace a record", put(made.Version, time.Second))
		stored("the record that was replaced", key, changed)
		s.hand.Move(time.Second)
		again := once("make an expired record again", put(0, 0))
		stored("the record that was made again", key, again)
		last := once("replace or delete", func(records storage.Records, w int) (storage.Record, error) {
			if w%2 == 0 {
				return put(again.Version, 0)(records, w)
			}
			return storage.Record{}, records.Delete(s.ctx, "race", key, again.Version)
		})
		_, err := stores[0].Get(s.ctx, "race", key)
		switch {
		case last.Version != 0:
			stored("the record that was not deleted", key, last)
		case !errors.Is(err, motacilla.ErrNotFound):
			s.Fatalf("get a record that was deleted: %v", err)
		}
	}
}

// countRecords checks that no increment is lost that was made by compare-and-swap.
func (s *suite) countRecords(stores ...storage.Records) {
	s.Helper()
	const each = 15
	var versions sync.Map
	var wg sync.WaitGroup
	increment := func(records storage.Records) error {
		for {
			r, err := records.Get(s.ctx, "count", "counter")
			if errors.Is(err, motacilla.ErrNotFound) {
				r, err = storage.Record{Namespace: "count", Key: "counter", Value: []byte("0")}, nil
			}
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(string(r.Value))
			if err != nil {
				return err
			}
			runtime.Gosched() // lets others in
			r.Value = []byte(strconv.Itoa(n + 1))
			r, err = records.Put(s.ctx, r)
			if errors.Is(err, motacilla.ErrConflict) {
				continue
			}
			if _, twice := versions.LoadOrStore(r.Version, true); err == nil && twice {
				err = fmt.Errorf("version %d was issued twice", r.Version)
			}
			return err
		}
	}
	for w := range writers {
		wg.Go(func() {
			for range each {
				if err := increment(stores[w%len(stores)]); err != nil {
					s.Errorf("count: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	if s.Failed() {
		return
	}
	equal(s, "counter", string(must[storage.Record](s)(stores[0].Get(s.ctx, "count", "counter")).Value), strconv.Itoa(writers*each))
}

// leaseRecords checks that a lease, as it is held by a record, has one holder at a time, and that versions order its
// holders.
func (s *suite) leaseRecords(stores ...storage.Records) {
	s.Helper()
	var holders, held atomic.Int64
	var mu sync.Mutex
	var last int64 // the newest version by which the lease was held
	var wg sync.WaitGroup
	for w := range writers {
		records := stores[w%len(stores)]
		wg.Go(func() {
			lease := storage.Record{Namespace: "leases", Key: "lease", Value: []byte(strconv.Itoa(w)), TTL: time.Minute}
			for taken := 0; taken < 5; {
				got, err := records.Put(s.ctx, lease)
				if errors.Is(err, motacilla.ErrConflict) {
					runtime.Gosched()
					continue
				}
				if err != nil {
					s.Errorf("acquire: %v", err)
					return
				}
				taken++
				if n := holders.Add(1); n != 1 {
					s.Errorf("the lease has %d holders", n)
				}
				mu.Lock()
				if got.Version <= last {
					s.Errorf("the lease was held by version %d, and then by %d", last, got.Version)
				}
				got.TTL = time.Minute
				renewed, err := records.Put(s.ctx, got)
				last = renewed.Version
				mu.Unlock()
				held.Add(1)
				holders.Add(-1)
				if err == nil {
					err = records.Delete(s.ctx, "leases", "lease", renewed.Version)
				}
				if err != nil {
					s.Errorf("renew and release: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	if !s.Failed() {
		equal(s, "times that the lease was held", held.Load(), int64(5*writers))
	}
}
