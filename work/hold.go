package work

import (
	"context"
	"errors"
	"time"

	"github.com/motacilla-live/motacilla"
)

// HoldOptions are the settings of Hold. nil and zero fields mean the defaults.
type HoldOptions struct {
	TTL time.Duration // after so long without a sign of its node the lease is free; default 30 s
}

// Hold lets one node at a time do what name says, 1 to 512 bytes. It waits until the lease of that name is this node's, and then
// calls do. The context of do ends when the lease is lost, or when ctx ends. After do has returned, Hold gives the lease back, and
// begins again after some time. It returns when ctx ends.
func Hold(ctx context.Context, records motacilla.Records, name string, o *HoldOptions, do func(ctx context.Context)) {
	ttl := 30 * time.Second
	if o != nil && o.TTL > 0 {
		ttl = o.TTL
	}
	for ctx.Err() == nil {
		r, err := records.Put(ctx, motacilla.Record{Namespace: leases, Key: name, TTL: ttl})
		if err == nil {
			hold(ctx, records, r, ttl, do)
		}
		sleep(ctx, jitter(ttl/4))
	}
}

// leases is the namespace of leases.
const leases = "leases"

// hold calls do while r is this node's lease.
func hold(ctx context.Context, records motacilla.Records, r motacilla.Record, ttl time.Duration, do func(ctx context.Context)) {
	began := time.Now()
	holding, lose := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer lose()
		do(holding)
	}()
	tick := time.NewTicker(ttl / 3)
	defer tick.Stop()
	for holding.Err() == nil {
		select {
		case <-holding.Done():
			continue
		case <-tick.C:
		}
		asked := time.Now()
		next, err := records.Put(ctx, motacilla.Record{Namespace: leases, Key: r.Key, Version: r.Version, TTL: ttl})
		switch {
		case err == nil:
			r, began = next, asked
		case errors.Is(err, motacilla.ErrConflict), time.Since(began) > ttl*2/3:
			lose()
		}
	}
	<-done
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	_ = records.Delete(back, leases, r.Key, r.Version) // otherwise it ends by itself
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
