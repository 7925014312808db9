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
	w, mine, err := c.cachedWindow(0)
	if w != nil || err != nil {
		return w, err
	}
	if err := c.lockReading(ctx); err != nil {
		return nil, err
	}
	defer c.unlockReading()
	if w, _, err = c.cachedWindow(mine); w != nil || err != nil {
		return w, err
	}
	c.mu.Lock()
	c.windows.began++
	c.mu.Unlock()
	var newest motacilla.Page
	err = f.call(ctx, func(ctx context.Context) (err error) {
		newest, err = f.source.Posts(ctx, id, motacilla.Query{Limit: f.options.Window})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read window of channel %q: %w", id, err)
	}
	w = &Window{Head: newest.Head, Posts: c.renderAll(newest.Posts), more: newest.More, feed: f}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.windows.done, c.seen = c.windows.began, w
	switch head := c.recent.head; {
	case w.Head == head:
		c.window = w
	case w.Head > head:
		c.hint = max(c.hint, w.Head)
		c.kick()
	default: // the store has lost what memory has
		c.recheck = true
		c.kick()
	}
	return w, nil
}

// cachedWindow returns the window where it is new enough, else which reading of it would be: mine is what it returned
// when the reader came, 0 when it comes.
func (c *channel) cachedWindow(mine uint64) (*Window, uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.gone:
		return nil, 0, fmt.Errorf("channel %q: %w", c.id, motacilla.ErrNotFound)
	case c.window != nil && c.window.Head == c.recent.head:
		return c.window, 0, nil
	case mine > 0 && c.windows.done >= mine:
		return c.seen, 0, nil
	}
	return nil, c.windows.next(), nil
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
	if w == nil || len(changes.Issued) == 0 || changes.Issued[0] <= w.Head {
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
