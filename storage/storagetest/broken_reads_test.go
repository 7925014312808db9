package storagetest_test

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// The stores below read wrongly.

// tornPage reads the head after the posts.
type tornPage struct{ storage.Store }

func (s tornPage) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	page, err := s.Store.Posts(ctx, ch, q)
	if err != nil {
		return page, err
	}
	pause()
	c, err := s.Store.Channel(ctx, ch)
	page.Head = c.Head
	return page, err
}

// tornChanges reads the posts after the revisions.
type tornChanges struct{ storage.Store }

func (s tornChanges) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	c, err := s.Store.Changes(ctx, ch, since, limit)
	if err != nil {
		return c, err
	}
	pause()
	later, err := s.Store.Changes(ctx, ch, since, limit)
	c.Posts, c.Removed = later.Posts, later.Removed
	return c, err
}

// showsLate shows a revision only after a later one, as a bare sequence does.
type showsLate struct {
	storage.Store
	n atomic.Int64
}

func (s *showsLate) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	c, err := s.Store.Changes(ctx, ch, since, limit)
	if len(c.Issued) > 1 && s.n.Add(1)%2 == 0 {
		late := c.Issued[0]
		c.Issued = c.Issued[1:]
		c.Posts = slices.DeleteFunc(c.Posts, func(p motacilla.Post) bool { return p.Revision == late })
		c.Removed = slices.DeleteFunc(c.Removed, func(r motacilla.Removal) bool { return r.Revision == late })
	}
	return c, err
}

// knowsAll says of every cursor up to the head that it knows it.
type knowsAll struct{ storage.Store }

func (s knowsAll) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	c, err := s.Store.Changes(ctx, ch, since, limit)
	c.Known = since > 0 && since <= c.Head
	return c, err
}

// forgetsEarly remembers fewer than 4,096 revisions.
type forgetsEarly struct{ storage.Store }

func (s forgetsEarly) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	c, err := s.Store.Changes(ctx, ch, since, 0)
	if len(c.Issued) == motacilla.MaxIssued {
		c.Known = false
	}
	return c, err
}

// listsAll lists more revisions than it may.
type listsAll struct{ storage.Store }

func (s listsAll) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	c, err := s.Store.Changes(ctx, ch, since, limit)
	if len(c.Issued) == motacilla.MaxIssued {
		c.Issued = append([]motacilla.Revision{c.Issued[0] - 1}, c.Issued...)
	}
	return c, err
}

// hidesHidden tells of visible posts alone.
type hidesHidden struct{ storage.Store }

func (s hidesHidden) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	c, err := s.Store.Changes(ctx, ch, since, limit)
	c.Posts = slices.DeleteFunc(c.Posts, func(p motacilla.Post) bool { return !p.Show })
	return c, err
}

// pagesByTime takes up a list by Created alone.
type pagesByTime struct{ storage.Store }

func (s pagesByTime) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	q.Before.ID = ""
	return s.Store.Posts(ctx, ch, q)
}
