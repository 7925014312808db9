package publisher

import (
	"fmt"
	"sync"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// Renderer turns a post into its HTML: one element, <div class="live-post" data-post-id="ID">. RenderPost
// must be pure, and is called from many goroutines at once. Feed calls it once per revision of a post, and never for a hidden
// post. If it fails or panics, readers get a stub.
type Renderer interface {
	RenderPost(p motacilla.Post) (string, error)
}

// renderCache keeps a channel's rendered posts: those used lately, in two generations of at most cacheSize each.
type renderCache struct {
	mu    sync.Mutex
	young map[motacilla.PostID]motacilla.Render
	old   map[motacilla.PostID]motacilla.Render
}

const cacheSize = 1024

// renderAll renders posts one after the other, so that no revision is rendered twice at once.
func (l *loader) renderAll(posts []motacilla.Post) []motacilla.Render {
	l.renders.mu.Lock()
	defer l.renders.mu.Unlock()
	renders := make([]motacilla.Render, len(posts))
	for i, p := range posts {
		renders[i] = l.render(p)
	}
	return renders
}

func (l *loader) render(p motacilla.Post) motacilla.Render {
	cache := &l.renders
	r, ok := cache.young[p.ID]
	if !ok {
		r, ok = cache.old[p.ID]
	}
	if !ok || r.Revision != p.Revision {
		r = motacilla.Render{
			ID: p.ID, Show: p.Show, Created: p.Created, Modified: p.Modified, Pinned: p.Pinned, Revision: p.Revision,
			Content: l.channel.feed.html(l.channel.id, p),
		}
	}
	if cache.young == nil || len(cache.young) >= cacheSize {
		cache.old, cache.young = cache.young, make(map[motacilla.PostID]motacilla.Render)
	}
	cache.young[p.ID] = r
	return r
}

func (f *Feed) html(id motacilla.ChannelID, p motacilla.Post) (html string) {
	if !p.Show {
		return motacilla.Stub(p.ID)
	}
	f.metrics.renders.Add(1)
	fail := func(err error) {
		f.options.Logger.Error("rendering a post failed; readers get a stub", zap.String("channel", string(id)),
			zap.String("post", string(p.ID)), zap.Int64("revision", int64(p.Revision)), zap.Error(err))
		html = motacilla.Stub(p.ID)
	}
	defer func() {
		if r := recover(); r != nil { // the renderer is the application's
			fail(fmt.Errorf("panic: %v", r))
		}
	}()
	html, err := f.renderer.RenderPost(p.Clone())
	if err != nil {
		fail(err)
	}
	return html
}
