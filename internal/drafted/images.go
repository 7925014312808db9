// Package drafted says what is in drafts, to those who need to know without having drafts themselves.
package drafted

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/motacilla-live/motacilla"
)

// Namespace is where drafts are, among the records that nodes share.
const Namespace = "drafts"

// Images returns a function that calls use with the ID of each image that a draft has. It is a media.Uses.
func Images(records motacilla.Records) func(ctx context.Context, use func(id string)) error {
	return func(ctx context.Context, use func(id string)) error {
		const page = 100
		for after := ""; ; {
			list, err := records.List(ctx, Namespace, "", after, page)
			if err != nil {
				return fmt.Errorf("list drafts: %w", err)
			}
			for _, r := range list {
				if err := imagesOf(r, use); err != nil {
					return err
				}
			}
			if len(list) < page {
				return nil
			}
			after = list[len(list)-1].Key
		}
	}
}

func imagesOf(r motacilla.Record, use func(id string)) error {
	var draft struct {
		Content []struct {
			Value struct {
				Media string `json:"media"`
			} `json:"value"`
		} `json:"content"`
	}
	if err := json.Unmarshal(r.Value, &draft); err != nil {
		return fmt.Errorf("read draft %q: %w", r.Key, err)
	}
	for _, b := range draft.Content {
		if b.Value.Media != "" {
			use(b.Value.Media)
		}
	}
	return nil
}
