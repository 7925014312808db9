package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

// turns numbers the readings of one thing, which readers share. Who has waited for the reading lock takes what was read
// meanwhile, where that reading began after he came: it has all that was there when he asked, whatever has come since.
// While there is always something new, and the store is slow, he would otherwise wait for a reading of everyone before
// him. Failures are shared as well: after one nobody reads again for a while.
type turns struct {
	began, done uint64
	retry       time.Time // no reading before; zero unless the last one failed
}

// next is the first reading that is new enough for who comes now.
func (t *turns) next() uint64 { return t.began + 1 }

// had reports whether mine, which next has said, or one after it was read.
func (t *turns) had(mine uint64) bool { return mine > 0 && t.done >= mine }

// failed reports whether the last reading has just failed.
func (t *turns) failed(now time.Time) bool { return now.Before(t.retry) }

func (t *turns) begin() { t.began++ }

func (t *turns) end() { t.done, t.retry = t.began, time.Time{} }

// fail ends a reading that failed. Where its reader has left, or the store says that there is no such channel, it is not
// the store that failed. c.mu is held.
func (c *channel) fail(ctx context.Context, t *turns, err error) {
	if ctx.Err() == nil && !errors.Is(err, motacilla.ErrNotFound) {
		t.retry = c.feed.options.Clock.Now().Add(c.feed.options.Repair)
	}
}

// share returns what last has, where that is new enough, else what read reads, once for all who wait. t and last are
// guarded by c.mu, which read, that has the reading lock, is called without.
func share[T any](ctx context.Context, c *channel, t *turns, last func() (v *T, newest bool), read func() (*T, error)) (*T, error) {
	c.mu.Lock()
	v, newest := last()
	mine := t.next()
	c.mu.Unlock()
	if newest {
		return v, nil
	}
	if err := c.lockReading(ctx); err != nil {
		return nil, err
	}
	defer c.unlockReading()
	c.mu.Lock()
	v, newest = last()
	had, failed := v != nil && t.had(mine), t.failed(c.feed.options.Clock.Now())
	switch {
	case newest || had:
		c.mu.Unlock()
		return v, nil
	case failed:
		c.mu.Unlock()
		return nil, fmt.Errorf("channel %q: %w", c.id, motacilla.ErrUnavailable)
	}
	t.begin()
	c.mu.Unlock()
	v, err := read()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.fail(ctx, t, err)
		return nil, err
	}
	t.end()
	return v, nil
}
