package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff computes how long to wait before the next attempt.
type backoff struct {
	shortest, longest time.Duration
	told              time.Duration // from an event stream's retry field; 0 if there was none
	failures          int           // in a row
	last              time.Duration
}

// retry replaces the shortest wait by that of an event stream's retry field. 0 changes nothing.
func (b *backoff) retry(d time.Duration) {
	if d > 0 {
		b.told = d
	}
}

// lived must be called when a connection that brought an update has ended after d. If d is at least the last wait, the
// backoff starts again.
func (b *backoff) lived(d time.Duration) {
	if d >= b.last {
		b.failures, b.last = 0, 0
	}
}

// next returns how long to wait. It is never shorter than asked.
func (b *backoff) next(asked time.Duration) time.Duration {
	wait := b.shortest
	if b.told > 0 {
		wait = b.told
	}
	for range min(b.failures, 32) {
		if wait >= b.longest/2 { // twice as much could overflow
			wait = max(wait, b.longest)
			break
		}
		wait *= 2
	}
	if b.failures > 0 {
		wait = min(wait, max(b.longest, b.told))
	}
	b.failures++
	b.last = wait
	wait -= rand.N(wait/2 + 1)
	if asked > 0 { // readers that were told the same time must not all come back at once
		wait = max(wait, asked+rand.N(asked/4+1))
	}
	return wait
}

// spread returns d, up to a fifth more or less.
func spread(d time.Duration) time.Duration { return d - d/5 + rand.N(2*d/5+1) }

// sleep waits for d, or returns ctx's error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
