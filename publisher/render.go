package publisher

import (
	"fmt"
	"sync"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// Renderer turns a post into its HTML: one element, <div class="live-post" data-post-id="ID">. A renderer vouches for its
// HTML by motacilla.TrustedHTML. So it must escape everything of the post that is not HTML already, such as the author and
// URLs, as html/template does. RenderPost must be pure, and is called from many goroutines at once. Feed calls it once per
// revision of a post, and never for a hidden post. If it fails or panics, readers get a stub.
type Renderer interface {
	RenderPost(p motacilla.Post) (motacilla.HTML, error)
}

// ChannelRenderer is a Renderer that must know the channel of a post, such as for its language. Feed calls RenderPostIn,
// which has the contract of RenderPost, instead of RenderPost.
type ChannelRenderer interface {
	Renderer
	RenderPostIn(ch motacilla.ChannelID, p motacilla.Post) (motacilla.HTML, error)
}

// renderCache keeps a channel's rendered posts: those used lately, in two generations of at most cacheSize each.
type renderCache struct {
	mu    sync.Mutex // not held while a post is rendered: a slow one delays only those who need it
	young map[motacilla.PostID]*rendered
	old   map[motacilla.PostID]*rendered
}

const cacheSize = 1024

// rendered is one revision of a post. The first who needs it renders it. The others wait for that.
type rendered struct {
	revision motacilla.Revision
	once     sync.Once
	render   motacilla.Render // made by once
}

// of returns the entry of p, a new one if there is none of p's revision.
func (c *renderCache) of(p *motacilla.Post) *rendered {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.young[p.ID]
	if r == nil {
		r = c.old[p.ID]
	}
	if r == nil || r.revision != p.Revision {
		r = &rendered{revision: p.Revision}
	}
	if c.young == nil || len(c.young) >= cacheSize {
		c.old, c.young = c.young, make(map[motacilla.PostID]*rendered)
	}
	c.young[p.ID] = r
	return r
}

// renderAll renders posts, each revision once.
func (l *loader) renderAll(posts []motacilla.Post) []motacilla.Render {
	renders := make([]motacilla.Render, len(posts))
	for i := range posts {
		renders[i] = l.render(&posts[i])
	}
	return renders
}

func (l *loader) render(p *motacilla.Post) motacilla.Render {
	r := l.renders.of(p)
	r.once.Do(func() {
		r.render = motacilla.Render{
			ID: p.ID, Show: p.Show, Created: p.Created, Modified: p.Modified, Pinned: p.Pinned, Revision: p.Revision,
			Content: l.channel.feed.html(l.channel.id, *p),
		}
	})
	return r.render
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
	render := f.renderer.RenderPost
	if r, ok := f.renderer.(ChannelRenderer); ok {
		render = func(p motacilla.Post) (motacilla.HTML, error) { return r.RenderPostIn(id, p) }
	}
	content, err := render(p.Clone())
	if err != nil {
		fail(err)
		return html
	}
	return content.String()
}
