package work

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// errLost is the cause with which the context of what a lost lease permitted ends.
var errLost = errors.New("the lease is no longer this node's")

// lease is a record that is this node's until it expires or is released. Its value names its owner: so a node whose write was
// stored, but not answered, recognises its own lease.
type lease struct {
	records motacilla.Records
	ttl     time.Duration
	owner   string

	// ctx ends before another node can have the lease: when a renewal fails for too long, or at a release.
	ctx     context.Context
	lose    context.CancelCauseFunc
	end     *time.Timer // loses the lease
	release func()

	mu     sync.Mutex
	record motacilla.Record
	clock  time.Time // the store's, when the record was written, or a bit earlier
	read   time.Time // this node's, when that was known
	until  time.Time // this node's, when it is lost unless it is renewed
}

// acquire makes the lease of this key the owner's, and renews it until it is released or lost. owner must be unique. The error is
// an ErrConflict if another has the lease. The caller must call release, which waits for the goroutine.
func acquire(ctx context.Context, records motacilla.Records, namespace, key, owner string, ttl time.Duration) (*lease, error) {
	l := &lease{records: records, ttl: ttl, owner: owner}
	l.record = motacilla.Record{Namespace: namespace, Key: key}
	l.ctx, l.lose = context.WithCancelCause(context.Background())
	l.end = time.AfterFunc(ttl, func() { l.lose(errLost) })
	if err := l.write(ctx); err != nil {
		l.end.Stop()
		l.lose(err)
		return nil, err
	}
	var renewing sync.WaitGroup
	renewing.Go(l.keep)
	l.release = func() {
		l.end.Stop()
		l.lose(context.Canceled)
		renewing.Wait()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		defer cancel()
		_ = records.Delete(ctx, namespace, key, l.record.Version) // otherwise it expires
	}
	return l, nil
}

// write makes the record last for another ttl.
func (l *lease) write(ctx context.Context) error {
	asked := time.Now()
	r, err := l.records.Put(ctx, motacilla.Record{
		Namespace: l.record.Namespace, Key: l.record.Key, Value: []byte(l.owner), Version: l.record.Version, TTL: l.ttl,
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record, l.clock, l.read = r, r.Expires.Add(-l.ttl), time.Now()
	// The record does not expire before asked+ttl. What remains is for what the lease permits, to end.
	l.until = asked.Add(l.ttl - l.ttl/6)
	l.end.Reset(time.Until(l.until))
	return nil
}

// keep renews the lease. A renewal that fails is tried again soon.
func (l *lease) keep() {
	timer := time.NewTimer(l.ttl / 4)
	defer timer.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-timer.C:
		}
		if l.renew() == nil {
			timer.Reset(l.ttl / 4)
		} else {
			timer.Reset(l.ttl / 20)
		}
	}
}

// renew writes the record again. If it has another version, an earlier write was stored without an answer, or it is another's.
func (l *lease) renew() error {
	err := l.write(l.ctx)
	if !errors.Is(err, motacilla.ErrConflict) {
		return err
	}
	r, err := l.records.Get(l.ctx, l.record.Namespace, l.record.Key)
	switch {
	case errors.Is(err, motacilla.ErrNotFound), err == nil && string(r.Value) != l.owner:
		l.lose(errLost)
		return errLost
	case err != nil:
		return err
	}
	l.mu.Lock()
	l.record.Version = r.Version
	l.mu.Unlock()
	return l.write(l.ctx)
}

// version is that of the newest write.
func (l *lease) version() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.record.Version
}

// now returns the store's time, or a time that is a bit earlier.
func (l *lease) now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clock.Add(time.Since(l.read))
}

// during returns a context that ends with ctx and with the lease.
func (l *lease) during(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	undo := context.AfterFunc(l.ctx, func() { cancel(context.Cause(l.ctx)) })
	return ctx, func() {
		undo()
		cancel(nil)
	}
}
