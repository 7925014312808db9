package page

import (
	"fmt"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// Renderer renders posts as HTML, with the template post.html of a look. It is a publisher.ChannelRenderer. It may be used
// by several goroutines at once.
type Renderer struct {
	look  *Look
	place place
}

// NewRenderer returns the Renderer of the look without options.
func NewRenderer() *Renderer { return mustLook().Renderer() }

// Renderer returns the Renderer of the look.
func (l *Look) Renderer() *Renderer { return l.RendererBelow("") }

// RendererBelow returns the Renderer of the look for a site below a path, such as /news/live. See Options.Base.
func (l *Look) RendererBelow(base string) *Renderer { return &Renderer{l, place{base, base + "/"}} }

// renderedPost is the data of post.html.
type renderedPost struct {
	motacilla.Post
	speech
	Channel motacilla.ChannelID // empty if it is not known
	frames  Frames
}

// RenderPost returns p as one element, <div class="live-post" data-post-id="ID">, in the site's language. It shows
// HTML as it is, and escapes everything else.
func (r *Renderer) RenderPost(p motacilla.Post) (motacilla.HTML, error) {
	e, _ := r.look.edition() // while files are broken, the last edition renders
	return e.renderPost(r.place, "", e.spoken.site, p)
}

// RenderPostIn is RenderPost in the language of a channel.
func (r *Renderer) RenderPostIn(ch motacilla.ChannelID, p motacilla.Post) (motacilla.HTML, error) {
	e, _ := r.look.edition()
	return e.renderPost(r.place, ch, e.spoken.of(ch), p)
}

func (e *edition) renderPost(at place, ch motacilla.ChannelID, l *Language, p motacilla.Post) (motacilla.HTML, error) {
	html, err := e.render(at, "post.html", renderedPost{p, e.speech(l), ch, e.frames})
	if err != nil {
		return motacilla.HTML{}, fmt.Errorf("render post %q: %w", p.ID, err)
	}
	return motacilla.TrustedHTML(strings.TrimSpace(string(html))), nil
}
