package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/drafted"
)

// erasures has one record for each post that is or was removed for good, under CHANNEL/POST, and for each deleted channel, under its ID.
// A node that keeps a version looks here afterwards, so that none is left.
const erasures = "history-erased"

// erasure is such a record.
type erasure struct {
	At       time.Time          `json:"at"`
	Replaces motacilla.Revision `json:"replaces,omitzero"` // the revision that the post must have to be removed
	// Through is the last revision whose versions are removed. 0: the post is not removed yet.
	Through motacilla.Revision `json:"through,omitzero"`
	Done    bool               `json:"done,omitzero"`
	// What else is to be removed, until it is done.
	Images []string         `json:"images,omitempty"`
	Draft  motacilla.PostID `json:"draft,omitzero"`  // that the post was made from
	Before motacilla.PostID `json:"before,omitzero"` // the removed post of which it was restored
}

// of adds what is to be known of a version.
func (e *erasure) of(h *History, p motacilla.Post) {
	e.Images = h.imagesOf(e.Images, p.Content)
	e.Draft, e.Before = cmp.Or(e.Draft, drafted.Origin(p)), cmp.Or(e.Before, restoredFrom(p))
}

// How long an erasure is remembered, once it is done and before. Nodes take much less than the first to keep a version.
const (
	rememberDone  = 24 * time.Hour
	rememberBegun = 90 * 24 * time.Hour
)

func postKey(ch motacilla.ChannelID, id motacilla.PostID) string {
	return string(ch) + "/" + string(id)
}

// purge removes all versions up to a revision, of a post or a channel, and returns how many there were.
func (h *History) purge(ctx context.Context, prefix string, through motacilla.Revision) (n int, err error) {
	const page = 50
	for after := ""; ; {
		list, err := h.records.List(ctx, namespace, prefix, after, page)
		if err != nil {
			return n, fmt.Errorf("list versions: %w", err)
		}
		for _, r := range list {
			after = r.Key
			at, ok := parseKey(r.Key)
			if !ok || at.revision > through {
				continue
			}
			if err := h.removeRecord(ctx, r); err != nil {
				return n, fmt.Errorf("remove version %q: %w", r.Key, err)
			}
			if at.part == "" {
				n++
			}
		}
		if len(list) < page {
			return n, nil
		}
	}
}

// unlessErased removes a version that was kept although its post was removed for good meanwhile.
func (h *History) unlessErased(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, r motacilla.Revision) error {
	e, _, err := h.erasure(ctx, postKey(ch, id))
	if err != nil || r > e.Through {
		return err
	}
	_, err = h.purge(ctx, postPrefix(ch, id)+place(r), r)
	return err
}

// erasure returns what is known of the removal of a post or channel, and whether there is something.
func (h *History) erasure(ctx context.Context, key string) (e erasure, found bool, err error) {
	r, err := h.records.Get(ctx, erasures, key)
	if errors.Is(err, motacilla.ErrNotFound) {
		return e, false, nil
	}
	if err == nil {
		err = json.Unmarshal(r.Value, &e)
	}
	return e, err == nil, err
}

// remember writes an erasure over another one, whatever that is.
func (h *History) remember(ctx context.Context, key string, e erasure) error {
	ttl := rememberBegun
	if e.Done {
		ttl = rememberDone
	}
	value, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return h.overwrite(ctx, motacilla.Record{Namespace: erasures, Key: key, Value: value, TTL: ttl})
}

func (h *History) forget(ctx context.Context, key string) error {
	r, err := h.records.Get(ctx, erasures, key)
	if err == nil {
		err = h.records.Delete(ctx, erasures, key, r.Version)
	}
	if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrConflict) {
		return nil
	}
	return err
}
