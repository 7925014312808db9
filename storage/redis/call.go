package redis

import (
	"context"
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
	goredis "github.com/redis/go-redis/v9"
)

// errSlow is the cause of a context that was ended by the store's own time-out.
var errSlow = errors.New("no answer in time")

// call runs one call of the store: not after Close, for no longer than the store's time-out, and with an error that
// says what it was.
func call[T any](
	ctx context.Context, s *Store, f func(ctx context.Context) (T, error), format string, args ...any,
) (T, error) {
	var none T
	err := s.gate.Begin(ctx)
	if err == nil {
		defer s.gate.Done()
		bounded, cancel := context.WithTimeoutCause(ctx, s.timeout, errSlow)
		defer cancel()
		var v T
		if v, err = f(bounded); err == nil {
			return v, nil
		}
		none = v
	}
	return none, calls.Said(err, format, args...)
}

// await asks the server by f and returns soon after ctx ends, even if f does not: go-redis looks only at a context's
// deadline while it waits for an answer. f ends by the connection's time-outs, and Close waits for it. It must be
// called within call. An error of f becomes ErrUnavailable, except redis.Nil.
func await[T any](ctx context.Context, s *Store, f func(ctx context.Context) (T, error)) (T, error) {
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	s.gate.Add()
	go func() {
		defer s.gate.Done()
		v, err := f(ctx)
		done <- outcome{v, err}
	}()
	var out outcome
	select {
	case out = <-done:
	case <-ctx.Done():
		select {
		case out = <-done: // both at once
		default:
			out.err = ctx.Err()
		}
	}
	return out.v, s.fault(ctx, out.err)
}

// read is await for an f that only reads. If the connections were given up while the server was asked, f runs again on
// new ones.
func read[T any](ctx context.Context, s *Store, f func(ctx context.Context, c goredis.UniversalClient) (T, error)) (T, error) {
	return await(ctx, s, func(ctx context.Context) (T, error) {
		for {
			l := s.link.Load()
			v, err := f(ctx, l.reads)
			if err == nil || ctx.Err() != nil || l == s.link.Load() {
				return v, err
			}
		}
	})
}

// fault makes the server's faults ErrUnavailable.
func (s *Store) fault(ctx context.Context, err error) error {
	switch {
	case err == nil, errors.Is(err, goredis.Nil):
		return err
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), errSlow):
		return ctx.Err() // the caller gave up
	case ctx.Err() != nil:
		return fmt.Errorf("%w: no answer within %v", motacilla.ErrUnavailable, s.timeout)
	}
	return fmt.Errorf("%w: %w", motacilla.ErrUnavailable, err)
}
