package webapp

import (
	"errors"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
)

// forGood is the parameter of a DELETE that leaves nothing of a post.
const forGood = "for_good"

type erasedJSON struct {
	Post     motacilla.PostID `json:"post"`
	Versions int              `json:"versions"`
	Drafts   int              `json:"drafts"`
	Images   []string         `json:"images"`
}

// erasePost removes a post with its versions, drafts and images. That asks for more than to remove a post.
func (a *Webapp) erasePost(
	w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, id motacilla.PostID, match route.Condition,
) error {
	switch value := r.URL.Query().Get(forGood); value {
	case "", "true":
	default:
		return motacilla.Invalid(forGood, "must be true, or be left out")
	}
	if _, err := a.api.Authorize(r, ch, route.Manage); err != nil {
		return err
	}
	eraser, ok := a.sink.(receiver.Eraser)
	if !ok {
		return noHistory()
	}
	var replaces motacilla.Revision
	if match.Sent && !match.Any() {
		p, err := a.sink.Post(r.Context(), ch, id)
		if err == nil {
			err = unchanged(match, p)
		}
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) { // a post that is removed may have versions
			return err
		}
		replaces = p.Revision
	}
	e, err := eraser.ErasePost(r.Context(), ch, id, replaces)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return noHistory()
	case errors.Is(err, motacilla.ErrConflict):
		p, err := a.sink.Post(r.Context(), ch, id)
		if err != nil {
			return err
		}
		return changed(p)
	case err != nil:
		return err
	}
	return rest.Write(w, http.StatusOK, erasedJSON{e.Post, e.Versions, e.Drafts, e.Images})
}

func noHistory() error {
	return &rest.Refusal{Problem: route.Problem{Status: http.StatusNotImplemented,
		Detail: "this server keeps no versions of posts: remove the post without for_good"}}
}
