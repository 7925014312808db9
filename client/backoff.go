package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff says how long to wait before trying again.
type backoff struct {
	shortest, longest time.Duration
	told              time.Duration // what an event stream's retry said; 0 is nothing
	failures          int           // in a row
	last              time.Duration
}

// retry takes what an event stream said, in the place of the shortest wait; 0 is nothing.
func (b *backoff) retry(d time.Duration) {
	if d > 0 {
		b.told = d
	}
}

// lived says that a connection brought something and then broke after d; one that holds longer than the wait before it
// begins the backoff anew.
func (b *backoff) lived(d time.Duration) {
	if d >= b.last {
		b.failures, b.last = 0, 0
	}
}

// next returns how long to wait, at least asked.
func (b *backoff) next(asked time.Duration) time.Duration {
	wait := b.shortest
	if b.told > 0 {
		wait = b.told
	}
	for range min(b.failures, 32) {
		if wait >= b.longest {
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
	if asked > 0 { // all who were sent away with the same number come back spread
		wait = max(wait, asked+rand.N(asked/4+1))
	}
	return wait
}

// spread is d, a fifth more or less.
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
