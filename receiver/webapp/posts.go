package webapp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
)

func (a *Webapp) listPosts(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	q, err := query(r)
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
	all, err := a.may(r, ch, route.Write)
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
	return write(w, http.StatusOK, out)
}

func (a *Webapp) createPost(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	var in postBody
	if err := readBody(w, r, &in); err != nil {
		return err
	}
	m, err := in.message(r.Header)
	if err != nil {
		return err
	}
	p, created, err := a.ingest.Post(r.Context(), ch, m)
	if err != nil {
		return err
	}
	if !created {
		return writePost(w, http.StatusOK, ch, p)
	}
	w.Header().Set("Location", postPath(ch, p.ID))
	return writePost(w, http.StatusCreated, ch, p)
}

func (b postBody) message(h http.Header) (receiver.Message, error) {
	id, err := messageID(b.MessageID, h)
	if err != nil {
		return receiver.Message{}, err
	}
	patch := b.patch()
	content, err := patch.content()
	if err != nil {
		return receiver.Message{}, err
	}
	created, err := patch.created()
	if err != nil {
		return receiver.Message{}, err
	}
	return receiver.Message{
		ID: id, Author: b.Author.Value, Created: created, Text: b.Text.Value, Content: content,
		Hidden: !b.Show.or(true), Pinned: b.Pinned.Value, KeyEvent: b.KeyEvent.Value,
	}, nil
}

// messageID is the body's, or the Idempotency-Key as it was sent.
func messageID(sent maybe[string], h http.Header) (string, error) {
	const header = "Idempotency-Key"
	if sent.Set && sent.Value == "" {
		return "", motacilla.Invalid("message_id", "must not be empty")
	}
	keys := h.Values(header)
	switch {
	case len(keys) == 0:
		return sent.Value, nil
	case len(keys) > 1 || keys[0] == "":
		return "", motacilla.Invalid(header, "must be there once, and not empty")
	case sent.Set && sent.Value != keys[0]:
		return "", motacilla.Invalid(header, "must not differ from message_id")
	}
	probe := motacilla.Post{MessageID: keys[0]}
	if _, err := probe.Admit(1); err != nil {
		var wrong *motacilla.FieldError
		if errors.As(err, &wrong) && !sent.Set {
			return "", motacilla.Invalid(header, "%s", wrong.Problem)
		}
		return "", err
	}
	return keys[0], nil
}

func (a *Webapp) getPost(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	id, err := motacilla.ParsePostID(r.PathValue("post_id"))
	if err != nil {
		return err
	}
	known, err := conditionOf(r.Header, "If-None-Match")
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
		all, err := a.may(r, ch, route.Write)
		if err != nil {
			return err
		}
		if !all {
			return fmt.Errorf("post %q: %w", id, motacilla.ErrNotFound)
		}
	}
	if known.there && known.weak(p.Revision) {
		w.Header().Set("ETag", etag(p.Revision))
		cacheable(w.Header())
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
	var in postPatch
	if err := readBody(w, r, &in); err != nil {
		return err
	}
	edit, err := a.edit(in)
	if err != nil {
		return err
	}
	p, err := a.sink.UpdatePost(r.Context(), ch, id, func(p *motacilla.Post) error {
		if err := match.check(*p); err != nil {
			return err
		}
		return edit(p)
	})
	if err != nil {
		return nameText(err, in.Text.Set)
	}
	return writePost(w, http.StatusOK, ch, p)
}

// edit returns the change that a patch is.
func (a *Webapp) edit(in postPatch) (func(*motacilla.Post) error, error) {
	content, err := in.content()
	if err != nil {
		return nil, err
	}
	if in.Text.Set || in.Content.Set {
		if content, err = a.ingest.Content(in.Text.Value, content); err != nil {
			return nil, err
		}
	}
	created, err := in.created()
	if err != nil {
		return nil, err
	}
	probe := motacilla.Post{Author: in.Author.Value, Created: created, Content: content}
	if _, err := probe.Admit(1); err != nil {
		return nil, nameText(err, in.Text.Set)
	}
	return func(p *motacilla.Post) error {
		p.Author = in.Author.or(p.Author)
		p.Show, p.Pinned, p.KeyEvent = in.Show.or(p.Show), in.Pinned.or(p.Pinned), in.KeyEvent.or(p.KeyEvent)
		if in.Created.Set {
			p.Created = created
		}
		if in.Text.Set || in.Content.Set {
			p.Content = content
		}
		return nil
	}, nil
}

// nameText names the text shorthand where the content that is wrong was made from it.
func nameText(err error, text bool) error {
	var wrong *motacilla.FieldError
	if text && errors.As(err, &wrong) && strings.HasPrefix(wrong.Field, "content") {
		return motacilla.Invalid("text", "%s", wrong.Problem)
	}
	return err
}

func (a *Webapp) deletePost(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	id, match, err := target(r)
	if err != nil {
		return err
	}
	if _, err := a.sink.DeletePost(r.Context(), ch, id, match.check); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// target reads what a write to a post is about.
func target(r *http.Request) (motacilla.PostID, condition, error) {
	id, err := motacilla.ParsePostID(r.PathValue("post_id"))
	if err != nil {
		return "", condition{}, err
	}
	match, err := conditionOf(r.Header, "If-Match")
	return id, match, err
}
