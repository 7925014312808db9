package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

// turns numbers the readings of one thing, which readers share. Who has waited for the lock takes what was read
// meanwhile, where that reading began after he came: it has all that was there when he asked, whatever has come since.
// While there is always something new, and the store is slow, he would otherwise wait for a reading of everyone before
// him. Failures are shared in the same way.
type turns struct {
	lock  lock // held by the one goroutine that reads
	began uint64
	done  uint64    // the last that succeeded
	lost  uint64    // the last that failed
	retry time.Time // when to try again after a failure; zero unless the last one failed
}

// lock is one that gives up with a context.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

func (l lock) take(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l lock) free() { <-l }

// next is the first reading that is new enough for who comes now.
func (t *turns) next() uint64 { return t.began + 1 }

// had reports whether mine, which next has said, or one after it was read; 0 was not.
func (t *turns) had(mine uint64) bool { return mine > 0 && t.done >= mine }

// turn is one reading of t. That there is no such channel is an answer, not a failure. t.lock is held.
func (c *channel) turn(t *turns, read func(ctx context.Context) error) error {
	c.mu.Lock()
	t.began++
	c.mu.Unlock()
	err := read(c.feed.ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		t.done, t.retry = t.began, time.Time{}
	case !errors.Is(err, motacilla.ErrNotFound):
		t.lost, t.retry = t.began, c.feed.options.Clock.Now().Add(c.feed.options.Repair)
	}
	return err
}

// await returns what have has, where that is enough, else what read reads of the store, once for all who wait. have is
// called under c.mu: first with 0, later with the turn that is new enough for this reader. The reading belongs to
// nobody: a reader who leaves, or whose ctx ends, does not end it for the others.
func await[T any](
	ctx context.Context, c *channel, t *turns, have func(mine uint64) (v T, enough bool), read func(ctx context.Context) (T, error),
) (T, error) {
	var none T
	c.mu.Lock()
	v, enough := have(0)
	mine := t.next()
	c.mu.Unlock()
	if enough {
		return v, nil
	}
	if err := t.lock.take(ctx); err != nil {
		return none, c.tooLate(ctx)
	}
	c.mu.Lock()
	v, enough = have(mine)
	lost := t.lost >= mine
	c.mu.Unlock()
	if enough || lost {
		t.lock.free()
		if !enough {
			return none, fmt.Errorf("channel %q: %w", c.id, motacilla.ErrUnavailable)
		}
		return v, nil
	}
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	begun := c.feed.spawn(func() {
		defer t.lock.free()
		var out outcome
		out.err = c.turn(t, func(ctx context.Context) (err error) {
			out.v, err = read(ctx)
			return err
		})
		done <- out
	})
	if !begun {
		t.lock.free()
		return none, motacilla.ErrClosed
	}
	select {
	case out := <-done:
		if out.err != nil && c.feed.ctx.Err() != nil {
			out.err = motacilla.ErrClosed
		}
		return out.v, out.err
	case <-ctx.Done():
		return none, c.tooLate(ctx)
	}
}

var errImpatient = errors.New("the store takes too long")

// patience is how long a reader may wait for the store: two calls, one that was under way and his own.
func (f *Feed) patience() time.Duration { return 2 * f.options.Timeout }

// patient is ctx for no longer than a reader may wait.
func (f *Feed) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, f.patience(), errImpatient)
}

// tooLate is the error of a reader whose ctx has ended while he waited.
func (c *channel) tooLate(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errImpatient) {
		return fmt.Errorf("channel %q: %w: %w", c.id, motacilla.ErrUnavailable, errImpatient)
	}
	return ctx.Err()
}
