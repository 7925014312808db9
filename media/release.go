package media

import (
	"context"
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla"
)

// UsesOf calls use with the IDs of the images that a block has.
func (c *Collector) UsesOf(b motacilla.Block, use func(id string)) { UsesOf(b, use) }

// Release removes those of the images that nothing uses, at once, and returns their IDs. It does not wait for Options.Grace: whoever is
// about to use one of them in a post finds it gone. If it fails in between, it may be called again.
func (c *Collector) Release(ctx context.Context, ids []string) (removed []string, err error) {
	var left []string
	for _, id := range ids {
		switch _, err := c.library.read(ctx, id); {
		case err == nil:
			left = append(left, id)
		case !errors.Is(err, motacilla.ErrNotFound):
			return nil, fmt.Errorf("remove image %q: %w", id, err)
		}
	}
	if len(left) == 0 {
		return nil, nil
	}
	used := map[string]bool{}
	if err := c.uses(ctx, func(id string) { used[id] = true }); err != nil {
		return nil, fmt.Errorf("look for images in posts: %w", err)
	}
	for _, id := range left {
		if used[id] {
			continue
		}
		if err := c.release(ctx, id); err != nil {
			return removed, fmt.Errorf("remove image %q: %w", id, err)
		}
		removed = append(removed, id)
	}
	return removed, nil
}

// release removes an image, whatever its state.
func (c *Collector) release(ctx context.Context, id string) error {
	const attempts = 20
	for range attempts {
		e, err := c.library.read(ctx, id)
		if errors.Is(err, motacilla.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		e.State = doomed
		err = c.library.write(ctx, e)
		if errors.Is(err, motacilla.ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		return c.remove(ctx, e, &Collected{})
	}
	return motacilla.ErrConflict
}
