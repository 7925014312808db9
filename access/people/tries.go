package people

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
)

// triesSpace counts tries. Its keys are KIND/LOGIN, and device/ID.
const triesSpace = "access-tries"

const (
	mostTries   = 10
	triesWindow = time.Hour // from the first try on
)

// try counts a try before it is made, so that many at a time are not more than mostTries. undo takes it back if it was right. A
// RetryError that is an ErrTooMany: there were too many in this window, on all nodes together.
func (p *People) try(ctx context.Context, key string) (undo func(context.Context), err error) {
	_, err = p.count(ctx, key, 1)
	return func(ctx context.Context) { _, _ = p.count(ctx, key, -1) }, err
}

func (p *People) count(ctx context.Context, key string, by int) (tries int, err error) {
	for range mostConflicts {
		r, err := p.records.Get(ctx, triesSpace, key)
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return 0, err
		}
		n, _ := strconv.Atoi(string(r.Value))
		if by > 0 && n >= mostTries {
			return n, &motacilla.RetryError{
				Err:   fmt.Errorf("%w: there were too many tries to sign in to this account", motacilla.ErrTooMany),
				After: max(time.Until(r.Expires), time.Second) + rand.N(10*time.Second),
			}
		}
		next := motacilla.Record{Namespace: triesSpace, Key: key, Version: r.Version, Expires: r.Expires}
		if r.Version == 0 {
			if by < 0 {
				return 0, nil // its window has passed
			}
			next.TTL = triesWindow
		}
		if n = max(n+by, 0); n == 0 {
			err = p.records.Delete(ctx, triesSpace, key, r.Version)
		} else {
			next.Value = []byte(strconv.Itoa(n))
			_, err = p.records.Put(ctx, next)
		}
		if err == nil || errors.Is(err, motacilla.ErrNotFound) {
			return n, nil
		}
		if !errors.Is(err, motacilla.ErrConflict) {
			return 0, err
		}
	}
	// So many try at once that it is a flood.
	return 0, &motacilla.RetryError{
		Err:   fmt.Errorf("%w: too many sign in to this account at once", motacilla.ErrTooMany),
		After: 2*time.Second + rand.N(4*time.Second),
	}
}
