package move

import (
	"context"
	"errors"
	"slices"

	"github.com/motacilla-live/motacilla"
)

// checkByID reads every post by its ID and message ID, and looks for those of the tombstones.
func (c *checking) checkByID(ctx context.Context) error {
	for id, kept := range c.posts {
		p, err := c.store.Post(ctx, c.record.ID, id)
		if err := c.sameAs(id, *kept, p, err, "its ID"); err != nil {
			return err
		}
		if kept.MessageID == "" {
			continue
		}
		p, err = c.store.PostByMessage(ctx, c.record.ID, kept.MessageID)
		if err := c.sameAs(id, *kept, p, err, "its message ID"); err != nil {
			return err
		}
	}
	for id, t := range c.tombs {
		_, err := c.store.Post(ctx, c.record.ID, id)
		switch {
		case err == nil:
			c.found(id, t.revision, "was removed, and is there")
		case !errors.Is(err, motacilla.ErrNotFound):
			return err
		}
		if t.MessageID == "" {
			continue
		}
		_, err = c.store.PostByMessage(ctx, c.record.ID, t.MessageID)
		switch {
		case err == nil:
			c.found(id, t.revision, "was removed, and is there by its message ID")
		case errors.Is(err, motacilla.ErrNotFound):
			c.found(id, t.revision, "was removed, and its message ID %q is not remembered", t.MessageID)
		case !errors.Is(err, motacilla.ErrDeleted):
			return err
		}
	}
	return nil
}

func (c *checking) sameAs(id motacilla.PostID, kept, p motacilla.Post, err error, by string) error {
	switch {
	case errors.Is(err, motacilla.ErrNotFound), errors.Is(err, motacilla.ErrDeleted):
		c.found(id, kept.Revision, "is not found by %s", by)
	case err != nil:
		return err
	case !samePost(p, kept):
		c.found(id, kept.Revision, "is another one by %s than is kept", by)
	}
	return nil
}

func samePost(a, b motacilla.Post) bool {
	return a.ID == b.ID && a.MessageID == b.MessageID && a.SourceVersion == b.SourceVersion && a.Source == b.Source &&
		a.Author == b.Author && a.Show == b.Show && a.Pinned == b.Pinned && a.KeyEvent == b.KeyEvent &&
		a.Revision == b.Revision && a.Created.Equal(b.Created) && a.Modified.Equal(b.Modified) && slices.Equal(a.Content, b.Content)
}

// checkListings reads every list of posts to its end.
func (c *checking) checkListings(ctx context.Context) error {
	if c.record.Deleted {
		_, err := c.store.Posts(ctx, c.record.ID, motacilla.Query{Limit: 1})
		if err == nil {
			c.found("", c.record.Head, "was deleted, and Posts lists its posts")
		} else if !errors.Is(err, motacilla.ErrNotFound) {
			return err
		}
		return nil
	}
	for _, l := range []struct {
		name   string
		query  motacilla.Query
		belong func(p *motacilla.Post) bool
	}{
		{"the list of posts", motacilla.Query{}, func(*motacilla.Post) bool { return true }},
		{"the list of visible posts", motacilla.Query{Visible: true}, func(p *motacilla.Post) bool { return p.Show }},
		{"the list of pinned posts", motacilla.Query{Pinned: true}, func(p *motacilla.Post) bool { return p.Pinned }},
	} {
		if err := c.checkListing(ctx, l.name, l.query, l.belong); err != nil {
			return err
		}
	}
	return nil
}

func (c *checking) checkListing(
	ctx context.Context, name string, q motacilla.Query, belong func(p *motacilla.Post) bool,
) error {
	q.Limit = c.options.Batch
	listed := make(map[motacilla.PostID]bool)
	for more := true; more; {
		page, err := c.store.Posts(ctx, c.record.ID, q)
		if errors.Is(err, motacilla.ErrNotFound) {
			return nil // checkState has said so
		}
		if err != nil {
			return err
		}
		if page.Head != c.record.Head {
			c.found("", page.Head, "%s has this as the head, which is %d", name, c.record.Head)
		}
		for _, p := range page.Posts {
			if !q.Before.IsZero() && p.Key().Compare(q.Before) >= 0 {
				c.found(p.ID, p.Revision, "%s is not in order: it comes after post %s, which is not newer", name, q.Before.ID)
				return nil // it would not end
			}
			q.Before = p.Key()
			listed[p.ID] = true
			if kept := c.posts[p.ID]; kept == nil || !samePost(p, *kept) {
				c.found(p.ID, p.Revision, "%s has it otherwise than it is kept", name)
			}
			if !belong(&p) {
				c.found(p.ID, p.Revision, "does not belong into %s", name)
			}
		}
		more = page.More && len(page.Posts) > 0
	}
	for id, p := range c.posts {
		if belong(p) && !listed[id] {
			c.found(id, p.Revision, "is missing in %s", name)
		}
	}
	return nil
}
