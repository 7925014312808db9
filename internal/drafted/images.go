package drafted

import (
	"context"
	"fmt"

	"github.com/motacilla-live/motacilla"
)

// Images returns a function that calls use with the ID of each image that a draft has. It is a media.Uses. of is media.UsesOf.
func Images(
	records motacilla.Records, of func(b motacilla.Block, use func(id string)),
) func(ctx context.Context, use func(id string)) error {
	return func(ctx context.Context, use func(id string)) error {
		return each(ctx, records, "", func(r motacilla.Record) error {
			d, err := parse(r)
			if err == nil {
				err = d.blocks(func(b motacilla.Block) { of(b, use) })
			}
			if err != nil {
				return fmt.Errorf("look for images in draft %q: %w", r.Key, err)
			}
			return nil
		})
	}
}

// Find calls do with each block of the drafts of a post, and returns how many drafts there are.
func Find(ctx context.Context, records motacilla.Records, a About, do func(motacilla.Block)) (n int, err error) {
	err = each(ctx, records, string(a.Channel)+"/", func(r motacilla.Record) error {
		d, err := parse(r)
		if err != nil || !a.is(r.Key, d) {
			return err
		}
		n++
		return d.blocks(do)
	})
	return n, err
}
