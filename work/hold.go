package work

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// HoldOptions are the settings of Hold. nil and zero fields mean the defaults.
type HoldOptions struct {
	TTL    time.Duration // after so long without a sign of its node the lease is free; default 30 s
	Logger *zap.Logger   // nil logs nothing
}

// leases is the namespace of the leases of Hold.
const leases = "leases"

// Term is the time during which a lease is this node's.
type Term struct {
	// Token is greater than that of every earlier term of the lease, on whichever node: a fencing token.
	Token int64

	lease *lease
}

// Held reports whether the lease is still this node's, by this node's clock. So a process that was stopped, and goes on, can ask
// before its timers have run.
func (t *Term) Held() bool {
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	return t.lease.ctx.Err() == nil && time.Now().Before(t.lease.until)
}

// Context returns a context that ends when the lease is lost or given back, and carries the values of ctx. It does not end with
// ctx: it is for what a node that stops should still bring to an end.
func (t *Term) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, over := t.lease.during(context.WithoutCancel(ctx))
	return ctx, over
}

// Hold lets one node at a time do what name says, 1 to 512 bytes. It waits until the lease of that name is this node's, and then
// calls do. The context of do ends when the lease is lost, or when ctx ends; do must return soon then. While do runs, the lease
// is renewed. After do has returned, Hold gives the lease back, and begins again after a quarter of TTL. It returns when ctx has
// ended and do has returned, or at once if name is impossible.
//
// A lease is lost if the store can't be reached for most of TTL. The context of do ends before another node can have the lease,
// unless this process is stopped for so long that it does not notice in time.
func Hold(ctx context.Context, records motacilla.Records, name string, o *HoldOptions, do func(ctx context.Context, term *Term)) {
	ttl, log := 30*time.Second, zap.NewNop()
	if o != nil && o.TTL > 0 {
		ttl = o.TTL
	}
	if o != nil && o.Logger != nil {
		log = o.Logger
	}
	for ctx.Err() == nil {
		err := hold(ctx, records, name, ttl, do)
		switch {
		case errors.Is(err, motacilla.ErrInvalid):
			log.Error("a lease of this name is impossible", zap.Error(err))
			return
		case err != nil && !errors.Is(err, motacilla.ErrConflict) && ctx.Err() == nil:
			log.Warn("a lease can't be had", zap.String("lease", name), zap.Error(err))
		}
		sleep(ctx, jitter(ttl/4))
	}
}

// hold calls do if the lease is free.
func hold(ctx context.Context, records motacilla.Records, name string, ttl time.Duration, do func(context.Context, *Term)) error {
	if _, err := records.Get(ctx, leases, name); err == nil {
		return motacilla.ErrConflict // a read costs the store less than a write that fails
	}
	l, err := acquire(ctx, records, leases, name, rand.Text(), ttl)
	if err != nil {
		return err
	}
	defer l.release()
	term := &Term{Token: l.version(), lease: l}
	ctx, over := l.during(ctx)
	defer over()
	do(ctx, term)
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
