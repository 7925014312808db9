package drafted

import (
	"context"
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla"
)

// Forget removes the drafts that a post was made from, and those that edit it, whatever their state is, and returns how many there were.
// It is for posts that are removed for good, and may be called again. It must be called after the post was removed: a draft that comes
// out meanwhile then changes nothing.
func Forget(ctx context.Context, records motacilla.Records, a About) (n int, err error) {
	err = each(ctx, records, string(a.Channel)+"/", func(r motacilla.Record) error {
		gone, err := a.forget(ctx, records, r)
		if err != nil {
			return fmt.Errorf("remove draft %q: %w", r.Key, err)
		}
		if gone {
			n++
		}
		return nil
	})
	return n, err
}

// forget removes a draft that is about the post. A draft that changes meanwhile is looked at again.
func (a About) forget(ctx context.Context, records motacilla.Records, r motacilla.Record) (gone bool, err error) {
	for {
		d, err := parse(r)
		if err != nil || !a.is(r.Key, d) {
			return false, err
		}
		err = records.Delete(ctx, Namespace, r.Key, r.Version)
		if errors.Is(err, motacilla.ErrConflict) {
			if r, err = records.Get(ctx, Namespace, r.Key); err == nil {
				continue
			}
		}
		if errors.Is(err, motacilla.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}
}
