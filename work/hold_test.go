package work_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// holders runs nodes that hold one lease, until the test's end.
type holders struct {
	holding atomic.Int64 // how many hold it now
	began   atomic.Int64 // how often one has begun
	links   []*link
	last    atomic.Int64 // the link whose node has begun last
}

func hold(t *testing.T, records motacilla.Records, nodes int) *holders {
	h := &holders{}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range nodes {
		l := &link{Records: records}
		h.links = append(h.links, l)
		all.Go(func() {
			work.Hold(ctx, l, "the job", nil, func(ctx context.Context, _ *work.Term) {
				if h.holding.Add(1) > 1 {
					t.Error("two nodes hold the lease")
				}
				h.last.Store(int64(i))
				h.began.Add(1)
				<-ctx.Done()
				time.Sleep(time.Second) // it ends soon, and not at once
				h.holding.Add(-1)
			})
		})
	}
	t.Cleanup(func() {
		stop()
		all.Wait()
		if list, err := records.List(context.Background(), "leases", "", "", 0); err != nil || len(list) != 0 {
			t.Errorf("a stop leaves %d leases (%v)", len(list), err)
		}
	})
	return h
}

func TestHold(t *testing.T) {
	for _, ahead := range []time.Duration{0, 24 * time.Hour, -24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			h := hold(t, store(t, ahead), 3)
			time.Sleep(24 * time.Hour)
			if n := h.began.Load(); n != 1 {
				t.Errorf("in a day without faults %d nodes held the lease, one after the other", n)
			}
			for range 20 { // nodes are cut off, and come back
				before := h.began.Load()
				holder := h.links[h.last.Load()]
				holder.set(true, 0)
				time.Sleep(45 * time.Second) // the lease ends after 30 s at most, and is looked for each 9.4 s
				if h.began.Load() == before || h.holding.Load() != 1 {
					t.Error("no other node took the lease")
				}
				holder.set(false, 0)
			}
			for _, l := range h.links {
				l.set(false, 0.5) // lost answers alone do not end a lease, or rarely
			}
			before := h.began.Load()
			time.Sleep(time.Hour)
			if n := h.began.Load() - before; n > 40 {
				t.Errorf("the lease has changed %d times in an hour", n)
			}
			for _, l := range h.links {
				l.set(false, 0)
			}
			time.Sleep(time.Minute)
		})
	}
}

// A short outage does not end a lease. A job that returns is begun again, here or elsewhere. A stop gives the lease back.
func TestHoldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := store(t, 0)
		l := &link{Records: records}
		h := hold(t, l, 1)
		synctest.Wait()
		for range 10 {
			l.set(true, 0)
			time.Sleep(15 * time.Second)
			l.set(false, 0)
			time.Sleep(15 * time.Second)
		}
		if n := h.began.Load(); n != 1 {
			t.Errorf("short outages: the node has begun %d times", n)
		}
		ctx, stop := context.WithCancel(t.Context())
		var times atomic.Int64
		done := make(chan struct{})
		go func() {
			defer close(done)
			work.Hold(ctx, records, "short", nil, func(context.Context, *work.Term) { times.Add(1) })
		}()
		time.Sleep(time.Minute)
		if n := times.Load(); n < 6 || n > 9 {
			t.Errorf("in a minute a short job has run %d times, want each 7.5 to 9.4 s", n)
		}
		stop()
		<-done
	})
}

func TestHoldOfAnImpossibleName(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	work.Hold(t.Context(), store(t, 0), "", &work.HoldOptions{Logger: zap.New(core)}, func(context.Context, *work.Term) { t.Error("it is held") })
	if logs.Len() != 1 {
		t.Errorf("it is logged %d times", logs.Len())
	}
}
