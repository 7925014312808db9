package history

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/drafted"
	"go.uber.org/zap"
)

// sweepEvery is how often a node looks for erasures that were not completed. One that began less than sweepAfter ago is its node's.
const (
	sweepEvery = 5 * time.Minute
	sweepAfter = time.Minute
)

func (h *History) sweep(ctx context.Context) {
	for wait := sweepAfter; ; wait = sweepEvery {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := h.Sweep(ctx); err != nil && ctx.Err() == nil {
			h.o.Logger.Warn("what was removed for good can't be looked for", zap.Error(err))
		}
	}
}

// Sweep completes the erasures that nodes have begun and not ended, and removes versions that were kept after an erasure. A node does so
// every few minutes.
func (h *History) Sweep(ctx context.Context) error {
	const page = 100
	var failed error
	for after := ""; ; {
		list, err := h.records.List(ctx, erasures, "", after, page)
		if err != nil {
			return errors.Join(failed, err)
		}
		for _, r := range list {
			after = r.Key
			failed = errors.Join(failed, h.complete(ctx, r))
		}
		if len(list) < page {
			return failed
		}
	}
}

// complete ends what one record of an erasure says.
func (h *History) complete(ctx context.Context, r motacilla.Record) error {
	channel, post, is := strings.Cut(r.Key, "/")
	ch, id := motacilla.ChannelID(channel), motacilla.PostID(post)
	if !is {
		return h.purgeChannel(ctx, h.site.Store, ch)
	}
	var e erasure
	if err := json.Unmarshal(r.Value, &e); err != nil {
		return err
	}
	switch {
	case time.Since(e.At) < sweepAfter:
		return nil
	case e.Done:
		_, err := h.purge(ctx, postPrefix(ch, id), e.Through)
		_, late := drafted.Forget(ctx, h.records, drafted.About{Channel: ch, Post: id})
		return errors.Join(err, late)
	}
	_, err := h.erase(ctx, h.site.Store, ch, id, e)
	if errors.Is(err, motacilla.ErrConflict) {
		return nil // the post has changed before it was removed, and stays
	}
	return err
}

// Blocks calls do with each block of each version that is kept, for whoever looks for images.
func (h *History) Blocks(ctx context.Context, do func(motacilla.Block)) error {
	return h.scan(ctx, "", "", func(one kept, wrong error) (bool, error) {
		if wrong != nil && !errors.Is(wrong, motacilla.ErrNotFound) {
			return false, wrong
		}
		for _, b := range one.Post.Content {
			do(b)
		}
		return true, nil
	})
}

// imagesOf returns list with the images of content.
func (h *History) imagesOf(list []string, content []motacilla.Block) []string {
	if h.site.Images == nil {
		return nil
	}
	for _, b := range content {
		h.site.Images.UsesOf(b, func(id string) { list = with(list, id) })
	}
	return list
}

// with returns list with id in it.
func with(list []string, id string) []string {
	if slices.Contains(list, id) {
		return list
	}
	return append(list, id)
}
