package drafts

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/byline"
	"github.com/motacilla-live/motacilla/internal/postbody"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
)

// visitor is who sends a request.
type visitor struct {
	byline.Person

	editor bool // may write on the channel
}

func (d *Drafts) visitor(r *http.Request, ch motacilla.ChannelID) (visitor, error) {
	var v visitor
	if h := route.GrantOf(r).Holder; h != nil {
		v.Person = byline.Person{Who: h.Who, Name: h.Name}
	}
	var err error
	v.editor, err = d.api.May(r, ch, route.Write)
	return v, err
}

// sees reports whether a draft is there for the visitor.
func (v visitor) sees(d draft) bool { return v.editor || v.Who != "" && v.Who == d.By.Who }

// mine returns an ErrNotFound unless v sees d.
func (v visitor) mine(d draft) error {
	if v.sees(d) {
		return nil
	}
	return fmt.Errorf("draft %q of channel %q: %w", d.id, d.channel, motacilla.ErrNotFound)
}

func (d *Drafts) create(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	v, err := d.visitor(r, ch)
	if err != nil {
		return err
	}
	if v.Who == "" && !v.editor {
		return fmt.Errorf("%w: only somebody with an account can have drafts", motacilla.ErrForbidden)
	}
	var in draftBody
	if err := rest.ReadBody(w, r, &in); err != nil {
		return err
	}
	key, err := postbody.Key(r.Header)
	if err != nil {
		return err
	}
	if len(key) > motacilla.MaxID {
		return motacilla.Invalid(postbody.IdempotencyKey, "must be at most %d bytes", motacilla.MaxID)
	}
	if _, err := d.sink.Channel(r.Context(), ch); err != nil {
		return err
	}
	now := motacilla.Micro(d.now())
	next := draft{channel: ch, id: motacilla.NewPostID(now), By: v.Person, State: Written, Drafted: now, Modified: now}
	if in.Edits.Set {
		err = d.begin(r.Context(), &next, in.Edits.Value, v)
	} else if !in.Text.Set && !in.Content.Set {
		err = motacilla.Invalid("text", "must not be blank if there is no content")
	}
	if err != nil {
		return err
	}
	edit, err := d.edit(r.Context(), in.fields)
	if err == nil {
		err = edit(&next)
	}
	if err != nil {
		return err
	}
	made, fresh, err := d.keep(r.Context(), next, key)
	if err != nil {
		return err
	}
	if !fresh {
		return write(w, http.StatusOK, made)
	}
	location := string(made.id) // relative, so it holds below any path
	if !strings.HasSuffix(r.URL.Path, "/") {
		location = "drafts/" + location
	}
	w.Header().Set("Location", location)
	return write(w, http.StatusCreated, made)
}

// begin makes of next a draft that changes a post. Whoever does not see the post can't change it.
func (d *Drafts) begin(ctx context.Context, next *draft, edits string, v visitor) error {
	id, err := motacilla.ParsePostID(edits)
	if err != nil {
		return motacilla.Invalid("edits", "must be the ID of a post")
	}
	p, err := d.sink.Post(ctx, next.channel, id)
	if absent(err) || err == nil && !p.Show && !v.editor {
		return motacilla.Invalid("edits", "must be the ID of a post of this channel")
	}
	if err != nil {
		return err
	}
	next.take(p)
	next.Created = time.Time{} // the post keeps its own
	next.Edits, next.Base = id, p.Revision
	return nil
}

func (d *Drafts) read(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	one, _, err := d.target(r, ch)
	if err != nil {
		return err
	}
	known, err := route.ConditionOf(r.Header, "If-None-Match")
	if err != nil {
		return err
	}
	if known.Weak(etag(one)) {
		w.Header().Set("ETag", etag(one))
		rest.Private(w.Header())
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return write(w, http.StatusOK, one)
}

// target returns the draft of a request, and who sends it.
func (d *Drafts) target(r *http.Request, ch motacilla.ChannelID) (draft, visitor, error) {
	id, err := draftID(r.PathValue("draft_id"))
	if err != nil {
		return draft{}, visitor{}, err
	}
	v, err := d.visitor(r, ch)
	if err != nil {
		return draft{}, v, err
	}
	one, err := d.get(r.Context(), ch, id)
	if err == nil {
		err = v.mine(one)
	}
	return one, v, err
}

func (d *Drafts) patch(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	var in draftPatch
	if err := rest.ReadBody(w, r, &in); err != nil {
		return err
	}
	edit, err := d.edit(r.Context(), in.fields)
	if err != nil {
		return err
	}
	return d.changes(w, r, ch, func(one *draft, v visitor) error {
		if !one.State.open() && (one.State != Scheduled || !v.editor) {
			return stands(one, "change")
		}
		if in.Base.Set {
			if one.Edits == "" {
				return motacilla.Invalid("base", "is only for a draft that edits a post")
			}
			one.Base = in.Base.Value
		}
		return edit(one)
	})
}

// changes changes the draft of a request, and answers with it.
func (d *Drafts) changes(
	w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, edit func(one *draft, v visitor) error,
) error {
	one, err := d.changed(r, ch, edit)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, one)
}

// changed changes the draft of a request. If nothing changes, the draft is as the client wants it, and the precondition need not hold.
func (d *Drafts) changed(r *http.Request, ch motacilla.ChannelID, edit func(one *draft, v visitor) error) (draft, error) {
	one, v, err := d.target(r, ch)
	if err != nil {
		return one, err
	}
	match, err := route.ConditionOf(r.Header, "If-Match")
	if err != nil {
		return one, err
	}
	return d.change(r.Context(), ch, one.id, func(next *draft) error {
		was := *next
		if err := v.mine(was); err != nil {
			return err
		}
		if err := edit(next, v); err != nil {
			return err
		}
		if next.same(was) {
			return nil
		}
		return unchanged(match, was)
	})
}

func (d *Drafts) delete(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	one, v, err := d.target(r, ch)
	if err != nil {
		return err
	}
	match, err := route.ConditionOf(r.Header, "If-Match")
	if err == nil {
		err = unchanged(match, one)
	}
	if err != nil {
		return err
	}
	if one.State == Publishing || !one.State.open() && !v.editor {
		return stands(&one, "remove")
	}
	if err := d.remove(r.Context(), one); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// stands is the answer to what can't be done with a draft in its state.
func stands(d *draft, what string) error {
	return &rest.Refusal{Problem: route.Problem{Status: http.StatusConflict, Field: "state",
		Detail: fmt.Sprintf("can't %s a draft that is %s", what, d.State)}}
}

// unchanged checks the precondition of a write. The error is a 412.
func unchanged(match route.Condition, d draft) error {
	if !match.Sent || match.Strong(etag(d)) {
		return nil
	}
	return &rest.Refusal{Problem: route.Problem{Status: http.StatusPreconditionFailed, Field: "If-Match",
		Detail: "the draft has changed: its ETag is " + etag(d)}}
}

// etag is the strong validator of a version (RFC 9110, section 8.8.3).
func etag(d draft) string { return `"` + strconv.FormatInt(d.version, 10) + `"` }
