package webapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/postbody"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
)

func (a *Webapp) listPosts(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	q, err := query(r, "after", "before", "limit")
	if err != nil {
		return err
	}
	limit, err := limitOf(q)
	if err != nil {
		return err
	}
	before, err := a.before(r.Context(), ch, q)
	if err != nil {
		return err
	}
	all, err := a.api.May(r, ch, route.Write)
	if err != nil {
		return err
	}
	page, err := a.sink.Posts(r.Context(), ch, motacilla.Query{Before: before, Limit: limit, Visible: !all})
	if err == nil {
		err = a.readable(r, ch)
	}
	if err != nil {
		return err
	}
	out := postsJSON{Head: page.Head}
	for _, p := range page.Posts {
		out.Posts = append(out.Posts, encodePost(ch, p))
	}
	if page.More && len(page.Posts) > 0 {
		next := cursor(page.Posts[len(page.Posts)-1].Key())
		out.Next = &next
	}
	return rest.Write(w, http.StatusOK, out)
}

func (a *Webapp) createPost(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	var in postbody.Post
	if err := rest.ReadBody(w, r, &in); err != nil {
		return err
	}
	m, err := in.Message(r.Header)
	if err != nil {
		return err
	}
	p, created, err := a.ingest.Post(r.Context(), ch, m)
	if wrong := (*motacilla.FieldError)(nil); errors.As(err, &wrong) && wrong.Field == "message_id" && !in.MessageID.Set {
		return motacilla.Invalid(postbody.IdempotencyKey, "%s", wrong.Problem)
	}
	if err != nil {
		return err
	}
	if !created {
		return writePost(w, http.StatusOK, ch, p)
	}
	w.Header().Set("Location", a.base+postPath(ch, p.ID))
	return writePost(w, http.StatusCreated, ch, p)
}

func (a *Webapp) getPost(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	id, err := motacilla.ParsePostID(r.PathValue("post_id"))
	if err != nil {
		return err
	}
	known, err := route.ConditionOf(r.Header, "If-None-Match")
	if err != nil {
		return err
	}
	p, err := a.sink.Post(r.Context(), ch, id)
	if err == nil {
		err = a.readable(r, ch)
	}
	if err != nil {
		return err
	}
	if !p.Show {
		all, err := a.api.May(r, ch, route.Write)
		if err != nil {
			return err
		}
		if !all {
			return fmt.Errorf("post %q: %w", id, motacilla.ErrNotFound)
		}
	}
	if known.Weak(etag(p.Revision)) {
		w.Header().Set("ETag", etag(p.Revision))
		rest.Private(w.Header())
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return writePost(w, http.StatusOK, ch, p)
}

func (a *Webapp) patchPost(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	id, match, err := target(r)
	if err != nil {
		return err
	}
	var in postbody.Patch
	if err := rest.ReadBody(w, r, &in); err != nil {
		return err
	}
	edit, err := in.Edit(a.ingest)
	if err != nil {
		return err
	}
	p, err := a.ingest.Change(r.Context(), ch, id, func(p *motacilla.Post) error {
		was := p.Clone()
		edit(p)
		if alters(was, *p) {
			return unchanged(match, was)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return writePost(w, http.StatusOK, ch, p)
}

func (a *Webapp) deletePost(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	id, match, err := target(r)
	if err != nil {
		return err
	}
	q, err := query(r, forGood)
	if err != nil {
		return err
	}
	if q.Has(forGood) {
		return a.erasePost(w, r, ch, id, match)
	}
	if err := a.remove(r.Context(), ch, id, match); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// remove removes a post that meets the precondition. If another write comes in between, the post has changed.
func (a *Webapp) remove(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, match route.Condition,
) error {
	if !match.Sent || match.Any() {
		_, err := a.sink.DeletePost(ctx, ch, id, 0) // whatever it is
		return err
	}
	p, err := a.sink.Post(ctx, ch, id)
	if err == nil {
		err = unchanged(match, p)
	}
	if err != nil {
		return err
	}
	_, err = a.sink.DeletePost(ctx, ch, id, p.Revision)
	if !errors.Is(err, motacilla.ErrConflict) {
		return err
	}
	if p, err = a.sink.Post(ctx, ch, id); err != nil {
		return err
	}
	return changed(p)
}

// target reads which post a write is about, and its precondition.
func target(r *http.Request) (motacilla.PostID, route.Condition, error) {
	id, err := motacilla.ParsePostID(r.PathValue("post_id"))
	if err != nil {
		return "", route.Condition{}, err
	}
	match, err := route.ConditionOf(r.Header, "If-Match")
	return id, match, err
}

// alters reports whether a patch that makes next of p changes anything. If it does not, p is as the client wants it, and
// the precondition need not hold. So a client whose answer was lost may send its patch again (RFC 9110, section 13.1.1).
func alters(p, next motacilla.Post) bool {
	_, changed, err := p.Amend(next, p.Revision+1)
	return changed || err != nil
}

// unchanged checks the precondition of a write. The error is a 412.
func unchanged(match route.Condition, p motacilla.Post) error {
	if !match.Sent || match.Strong(etag(p.Revision)) {
		return nil
	}
	return changed(p)
}

func changed(p motacilla.Post) error {
	return &rest.Refusal{Problem: route.Problem{Status: http.StatusPreconditionFailed, Field: "If-Match",
		Detail: "the post has changed: its ETag is " + etag(p.Revision)}}
}

// etag is the strong validator of a revision (RFC 9110, section 8.8.3).
func etag(r motacilla.Revision) string { return `"` + r.String() + `"` }
