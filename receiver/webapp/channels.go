package webapp

import (
	"errors"
	"net/http"

	"github.com/motacilla-live/motacilla"
	editing "github.com/motacilla-live/motacilla/internal/edit"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
)

func (a *Webapp) listChannels(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	q, err := query(r, "after", "before", "limit")
	if err != nil {
		return err
	}
	limit, err := limitOf(q)
	if err != nil {
		return err
	}
	var after motacilla.ChannelID
	if q.Has("after") {
		if after, err = a.listing.After(q.Get("after")); err != nil {
			return err
		}
	}
	page, next, err := a.listing.Page(r.Context(), a.sink.Channels, after, limit,
		func(c motacilla.Channel) (bool, error) { return a.listed(r, c) })
	if err != nil {
		return err
	}
	out := channelsJSON{}
	if next != "" {
		out.Next = &next
	}
	for _, c := range page {
		out.Channels = append(out.Channels, encodeChannel(c))
	}
	return rest.Write(w, http.StatusOK, out)
}

// listed reports whether r may read c. It does not read c again.
func (a *Webapp) listed(r *http.Request, c motacilla.Channel) (bool, error) {
	grant, err := a.api.Authorize(route.Tentative(route.WithChannel(r, c)), c.ID, route.Read)
	switch {
	case errors.Is(err, motacilla.ErrUnauthorized), errors.Is(err, motacilla.ErrForbidden),
		errors.Is(err, motacilla.ErrNotFound): // the channel was deleted meanwhile
		return false, nil
	case err != nil:
		return false, err
	}
	return !grant.WhilePublic || c.Access == motacilla.Public, nil
}

func (a *Webapp) createChannel(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	var in channelBody
	if err := rest.ReadBody(w, r, &in); err != nil {
		return err
	}
	c, err := in.channel()
	if err != nil {
		return err
	}
	if _, err := a.api.Authorize(r, c.ID, route.Write); err != nil {
		return err
	}
	if c, err = a.sink.PutChannel(r.Context(), c, 0); err != nil {
		return err
	}
	w.Header().Set("Location", a.base+channelPath(c.ID))
	return rest.Write(w, http.StatusCreated, encodeChannel(c))
}

func (a *Webapp) getChannel(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	c, err := a.sink.Channel(r.Context(), ch)
	if err != nil {
		return err
	}
	if err := stillReadable(r, c); err != nil {
		return err
	}
	return rest.Write(w, http.StatusOK, encodeChannel(c))
}

func (a *Webapp) patchChannel(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	var in channelPatch
	if err := rest.ReadBody(w, r, &in); err != nil {
		return err
	}
	edit, err := in.edit()
	if err != nil {
		return err
	}
	c, err := editing.Channel(r.Context(), a.sink, ch, edit)
	if err != nil {
		return err
	}
	return rest.Write(w, http.StatusOK, encodeChannel(c))
}

func (a *Webapp) deleteChannel(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	if _, err := a.sink.DeleteChannel(r.Context(), ch); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
