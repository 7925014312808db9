package publisher

// Wagtail Live's client holds a window of a channel's newest posts, and asks with the timestamp of the head that it has seen.
// Only polling needs this file.

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/flight"
)

// Window is the newest posts of a channel at one head, hidden posts as stubs. It is shared and must not be changed.
type Window struct {
	Head  motacilla.Revision
	Posts []motacilla.Render // newest first

	more      bool // there are older posts
	encodings *atomic.Int64

	mu   sync.Mutex
	made map[windowForm][]byte // at most mostEncoded bytes
	kept int
}

// windowForm is how a window was encoded.
type windowForm struct {
	name  string
	after motacilla.Revision
}

// windows keeps a channel's newest window.
type windows struct {
	channel *channel
	loads   flight.Flight[*Window]
	newest  atomic.Pointer[Window]
}

func (ws *windows) init(c *channel) {
	ws.channel = c
	ws.loads.Spawn, ws.loads.Load = c.feed.work.spawn, ws.read
}

// at returns the window at the head of s if that needs no read; nil if it does.
func (ws *windows) at(s *state) *Window {
	w := ws.newest.Load()
	if w == nil || w.Head == s.head() {
		return w
	}
	d, _ := s.delta(w.Head)
	if d == nil || d.Reset || d.Gone {
		return nil
	}
	next := w.moved(d.Update, ws.channel.feed.options.Window)
	if next != nil && !ws.newest.CompareAndSwap(w, next) {
		if first := ws.newest.Load(); first.Head == next.Head { // all share one, which is encoded once
			return first
		}
	}
	return next
}

func (ws *windows) read() (*Window, error) {
	f, id, s := ws.channel.feed, ws.channel.id, ws.channel.state()
	if w := ws.at(s); w != nil {
		return w, nil
	}
	newest, err := f.reads.posts(id, motacilla.Query{Limit: f.options.Window})
	if err != nil {
		return nil, fmt.Errorf("read window of channel %q: %w", id, err)
	}
	w := &Window{
		Head: newest.Head, Posts: ws.channel.loader.renderAll(newest.Posts), more: newest.More, encodings: &f.metrics.encodings,
	}
	ws.newest.Store(w)
	ws.channel.loader.compare(w.Head, s.head())
	return w, nil
}

// moved returns the window after u, which begins at its head; nil if only the store knows that.
func (w *Window) moved(u *motacilla.Update, size int) *Window {
	next := &Window{Head: u.Revision, more: w.more, encodings: w.encodings}
	drop := make(map[motacilla.PostID]bool, len(u.Renders)+len(u.Removals))
	for _, r := range u.Renders {
		drop[r.ID] = true
	}
	for _, id := range u.Removals {
		drop[id] = true
	}
	for _, r := range w.Posts {
		if !drop[r.ID] {
			next.Posts = append(next.Posts, r)
		}
	}
	full := len(w.Posts) > 0 && w.more
	for _, r := range u.Renders {
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
		return nil // older posts move up
	}
	return next
}

// Encode returns what build makes of the window for readers at after. It is built once for each form, which is a name of the
// caller's, and the bytes are shared: they must not be changed.
func (w *Window) Encode(form string, after motacilla.Revision, build func() []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := windowForm{form, after}
	if body, ok := w.made[key]; ok {
		return body
	}
	body := build()
	w.encodings.Add(1)
	if w.kept += cap(body); w.kept > mostEncoded {
		return body
	}
	if w.made == nil {
		w.made = make(map[windowForm][]byte)
	}
	w.made[key] = body
	return body
}

// Wagtail reads a feed as Wagtail Live's client needs it.
type Wagtail struct{ feed *Feed }

// WagtailOf returns the reading of feed.
func WagtailOf(feed *Feed) Wagtail { return Wagtail{feed} }

// Window returns the channel's window. That costs no read unless something is new. ErrNotFound: there is no such channel.
func (w Wagtail) Window(ctx context.Context, id motacilla.ChannelID) (*Window, error) {
	c, err := w.feed.channels.open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer c.release()
	if err := c.fresh(ctx, 0); err != nil {
		return nil, err
	}
	s := c.state()
	if s.gone {
		return nil, notFound(id)
	}
	if window := c.windows.at(s); window != nil {
		return window, nil
	}
	return wait(ctx, c, &c.windows.loads, w.feed.patience())
}

// Wait returns the channel's head when it is beyond after, or has gone back behind it because the store has lost writes. An
// after that is beyond the head at first counts as the head. The errors are those of [Feed.Next], and ErrNotFound if the
// channel is deleted.
func (w Wagtail) Wait(ctx context.Context, id motacilla.ChannelID, after motacilla.Revision) (motacilla.Revision, error) {
	c, err := w.feed.channels.open(ctx, id)
	if err != nil {
		return 0, err
	}
	defer c.release()
	for first := true; ; first = false {
		if err := c.fresh(ctx, 0); err != nil {
			return 0, err
		}
		s := c.state()
		if s.gone {
			return 0, notFound(id)
		}
		if first {
			after = min(after, s.head())
		}
		if s.head() != after {
			return s.head(), nil
		}
		if err := c.hold(ctx, s); err != nil {
			return 0, err
		}
	}
}
