package publisher

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/motacilla-live/motacilla"
)

// Window is what Wagtail Live's client can hold: the newest posts of a channel at one head, hidden ones as stubs. It is
// shared; nobody changes it.
type Window struct {
	Head  motacilla.Revision
	Posts []motacilla.Render // newest first

	more bool // there are older posts
	feed *Feed
	mu   sync.Mutex
	made map[motacilla.Revision][]byte
}

// Window returns the channel's window, from memory while nothing is new.
func (f *Feed) Window(ctx context.Context, id motacilla.ChannelID) (*Window, error) {
	c, err := f.open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer c.release()
	if err := c.fresh(ctx, 0); err != nil {
		return nil, err
	}
	c.mu.Lock()
	w, gone := c.window, c.gone
	newest := w != nil && w.Head == c.recent.head
	c.mu.Unlock()
	switch {
	case gone:
		return nil, fmt.Errorf("channel %q: %w", id, motacilla.ErrNotFound)
	case newest:
		return w, nil
	}
	ctx, cancel := f.patient(ctx)
	defer cancel()
	return await(ctx, c, &c.windows, func(mine uint64) (*Window, bool) {
		if c.window != nil && c.window.Head == c.recent.head {
			return c.window, true
		}
		return c.seen, c.windows.had(mine)
	}, c.readWindow)
}

func (c *channel) readWindow(ctx context.Context) (*Window, error) {
	var newest motacilla.Page
	f, before := c.feed, c.atHead()
	err := f.call(ctx, func(ctx context.Context) (err error) {
		newest, err = f.source.Posts(ctx, c.id, motacilla.Query{Limit: f.options.Window})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read window of channel %q: %w", c.id, err)
	}
	w := &Window{Head: newest.Head, Posts: c.renderAll(newest.Posts), more: newest.More, feed: f}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = w
	if w.Head == c.recent.head {
		c.window = w
	}
	c.met(w.Head, before)
	return w, nil
}

// Encode returns what build makes of the window for readers at after, built once. The bytes are shared.
func (w *Window) Encode(after motacilla.Revision, build func() []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if body, ok := w.made[after]; ok {
		return body
	}
	body := build()
	w.feed.counters.encodings.Add(1)
	if w.made == nil {
		w.made = make(map[motacilla.Revision][]byte)
	}
	if len(w.made) < mostSteps {
		w.made[after] = body
	}
	return body
}

// moved returns the window after changes, without a read of the store; nil where that can't be.
func (w *Window) moved(changes motacilla.Changes, renders []motacilla.Render, size int) *Window {
	if w == nil || len(changes.Issued) == 0 || len(changes.Issued) == motacilla.MaxIssued || changes.Issued[0] <= w.Head {
		return nil
	}
	next := &Window{Head: changes.Head, more: w.more, feed: w.feed}
	drop := make(map[motacilla.PostID]bool, len(renders)+len(changes.Removed))
	for _, r := range renders {
		drop[r.ID] = true
	}
	for _, gone := range changes.Removed {
		drop[gone.ID] = true
	}
	for _, r := range w.Posts {
		if !drop[r.ID] {
			next.Posts = append(next.Posts, r)
		}
	}
	full := len(w.Posts) > 0 && w.more
	for _, r := range renders {
		if full && r.Key().Compare(w.Posts[len(w.Posts)-1].Key()) < 0 {
			continue // older than the window reaches
		}
		next.Posts = append(next.Posts, r)
	}
	slices.SortFunc(next.Posts, func(a, b motacilla.Render) int { return b.Key().Compare(a.Key()) })
	if len(next.Posts) > size {
		next.Posts, next.more = slices.Clip(next.Posts[:size]), true
	}
	if len(next.Posts) < size && w.more {
		return nil // older posts move up, which only the store knows
	}
	return next
}
