package redis

import (
	"context"

	"github.com/motacilla-live/motacilla/storage/internal/calls"
)

// call runs one call of the store: not after Close, for no longer than the store's time-out, and with an error that
// says what it was.
func call[T any](
	ctx context.Context, s *Store, f func(ctx context.Context) (T, error), format string, args ...any,
) (T, error) {
	var none T
	err := s.gate.Begin(ctx)
	if err == nil {
		defer s.gate.Done()
		bounded, cancel := context.WithTimeoutCause(ctx, s.server.timeout, errSlow)
		defer cancel()
		var v T
		if v, err = f(bounded); err == nil {
			return v, nil
		}
		none = v
	}
	return none, calls.Said(err, format, args...)
}
