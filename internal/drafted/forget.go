package drafted

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla"
)

// Forget removes the drafts that a post was made from, and those that edit it, whatever their state is. It is for posts that are removed
// for good, and may be called again. It must be called after the post was removed: a draft that comes out meanwhile then changes nothing.
func Forget(ctx context.Context, records motacilla.Records, ch motacilla.ChannelID, post motacilla.PostID) error {
	const page = 100
	prefix := string(ch) + "/"
	for after := ""; ; {
		list, err := records.List(ctx, Namespace, prefix, after, page)
		if err != nil {
			return fmt.Errorf("list drafts of channel %q: %w", ch, err)
		}
		for _, r := range list {
			if err := forget(ctx, records, r, post); err != nil {
				return fmt.Errorf("remove draft %q: %w", r.Key, err)
			}
		}
		if len(list) < page {
			return nil
		}
		after = list[len(list)-1].Key
	}
}

// forget removes a draft that is of the post. A draft that changes meanwhile is looked at again.
func forget(ctx context.Context, records motacilla.Records, r motacilla.Record, post motacilla.PostID) error {
	for {
		var draft struct {
			Post  motacilla.PostID `json:"post"`
			Edits motacilla.PostID `json:"edits"`
		}
		if err := json.Unmarshal(r.Value, &draft); err != nil {
			return err
		}
		if draft.Post != post && draft.Edits != post {
			return nil
		}
		err := records.Delete(ctx, Namespace, r.Key, r.Version)
		if errors.Is(err, motacilla.ErrConflict) {
			r, err = records.Get(ctx, Namespace, r.Key)
			if err == nil {
				continue
			}
		}
		if errors.Is(err, motacilla.ErrNotFound) {
			return nil
		}
		return err
	}
}
