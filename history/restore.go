package history

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/edit"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
)

func (h *History) restore(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	match, err := route.ConditionOf(r.Header, "If-Match")
	if err != nil {
		return err
	}
	v, err := h.version(r.Context(), ch, r)
	if err == nil && v.Removed {
		err = fmt.Errorf("revision %d is the removal of the post: %w", v.Revision, motacilla.ErrNotFound)
	}
	if err != nil {
		return err
	}
	p, err := edit.Post(r.Context(), h.site.Sink, ch, v.Post.ID, func(p *motacilla.Post) error {
		was := p.Clone()
		p.Author, p.Content = v.Post.Author, v.Post.Clone().Content
		if _, changed, wrong := was.Amend(*p, was.Revision+1); (changed || wrong != nil) && match.Sent && !match.Strong(etag(was.Revision)) {
			return &rest.Refusal{Problem: route.Problem{Status: http.StatusPreconditionFailed, Field: "If-Match",
				Detail: "the post has changed: its ETag is " + etag(was.Revision)}}
		}
		return nil
	})
	status := http.StatusOK
	if errors.Is(err, motacilla.ErrNotFound) {
		p, err = h.again(r.Context(), ch, v)
		status = http.StatusCreated
		w.Header().Set("Location", h.site.Base+"/api/channels/"+url.PathEscape(string(ch))+"/posts/"+string(p.ID))
	}
	if err != nil {
		w.Header().Del("Location")
		return err
	}
	out, err := encodePost(ch, p)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(p.Revision))
	return rest.Write(w, status, out)
}

func etag(r motacilla.Revision) string { return `"` + r.String() + `"` }

// What a post has that was made of a version of a removed one.
const (
	source   = "history"
	restored = "restored/" // POST/REVISION
)

// restoredFrom returns the removed post that p was restored from, or "".
func restoredFrom(p motacilla.Post) motacilla.PostID {
	rest, is := strings.CutPrefix(p.MessageID, restored)
	if !is || p.Source != source {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return motacilla.PostID(id)
}

// unlessGone removes a post that was made of a version, if the post of that was removed for good meanwhile. Then it is an ErrNotFound.
func (h *History) unlessGone(ctx context.Context, ch motacilla.ChannelID, v version, made motacilla.PostID) error {
	e, begun, err := h.erasure(ctx, postKey(ch, v.Post.ID))
	if err != nil || !begun || e.Through > 0 && v.Revision > e.Through {
		return err
	}
	if _, err := h.ErasePost(ctx, h.site.Store, ch, made, 0); err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		return err
	}
	return fmt.Errorf("restore post %q: %w", v.Post.ID, motacilla.ErrNotFound)
}

// mostAgain is how often one version of a removed post can be made a new post, if each of these is removed in turn.
const mostAgain = 100

// again makes a new post of a version whose post was removed. The message ID says which version it is, so that a request that comes twice
// makes one post.
func (h *History) again(ctx context.Context, ch motacilla.ChannelID, v version) (motacilla.Post, error) {
	p := v.Post.Clone()
	p.ID, p.Source, p.Modified, p.Revision = "", source, p.Created, 0
	for n := range mostAgain {
		p.MessageID = fmt.Sprintf("%s%s/%d", restored, v.Post.ID, v.Revision)
		if n > 0 {
			p.MessageID += fmt.Sprintf("/%d", n)
		}
		stored, err := h.site.Sink.PutPost(ctx, ch, p, 0)
		if errors.Is(err, motacilla.ErrExists) {
			return stored, nil
		}
		if err == nil {
			err = h.unlessGone(ctx, ch, v, stored.ID)
		}
		if !errors.Is(err, motacilla.ErrDeleted) {
			return stored, err
		}
	}
	return motacilla.Post{}, fmt.Errorf("restore post %q: %w", v.Post.ID, motacilla.ErrDeleted)
}
