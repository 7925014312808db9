package webapp

import (
	"errors"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

func (a *Webapp) listChannels(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	limit, err := limitOf(q)
	if err != nil {
		return err
	}
	var after motacilla.ChannelID
	if q.Has("after") {
		if after, err = motacilla.ParseChannelID(q.Get("after")); err != nil {
			return motacilla.Invalid("after", "must be the next of a listing, or a channel's id")
		}
	}
	// One more than asked for tells whether there is a next page. next is the last channel that is shown, so that it
	// gives away none of those that are left out.
	readable, err := a.listed(r, after, limit+1)
	if err != nil {
		return err
	}
	out := channelsJSON{}
	if len(readable) > limit {
		readable = readable[:limit]
		out.Next = &readable[limit-1].ID
	}
	for _, c := range readable {
		out.Channels = append(out.Channels, encodeChannel(c))
	}
	return write(w, http.StatusOK, out)
}

// listed returns the first n channels after the given one that the hook lets r read.
func (a *Webapp) listed(r *http.Request, after motacilla.ChannelID, n int) ([]motacilla.Channel, error) {
	ahead := max(n, maxLimit) // past many private channels in few reads, however little is asked for
	var readable []motacilla.Channel
	for {
		list, err := a.sink.Channels(r.Context(), after, ahead)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			after = c.ID
			ok, err := a.may(r, c.ID, route.Read)
			if err != nil && !errors.Is(err, motacilla.ErrNotFound) { // it may have been deleted meanwhile
				return nil, err
			}
			if !ok {
				continue
			}
			if readable = append(readable, c); len(readable) == n {
				return readable, nil
			}
		}
		if len(list) < ahead {
			return readable, nil
		}
	}
}

func (a *Webapp) createChannel(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	var in channelBody
	if err := readBody(w, r, &in); err != nil {
		return err
	}
	c, err := in.channel()
	if err != nil {
		return err
	}
	if c, err = a.sink.CreateChannel(r.Context(), c); err != nil {
		return err
	}
	w.Header().Set("Location", channelPath(c.ID))
	return write(w, http.StatusCreated, encodeChannel(c))
}

func (a *Webapp) getChannel(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	c, err := a.sink.Channel(r.Context(), ch)
	if err == nil {
		err = a.readable(r, ch)
	}
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, encodeChannel(c))
}

func (a *Webapp) patchChannel(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	var in channelPatch
	if err := readBody(w, r, &in); err != nil {
		return err
	}
	edit, err := in.edit()
	if err != nil {
		return err
	}
	c, err := a.sink.UpdateChannel(r.Context(), ch, edit)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, encodeChannel(c))
}

func (a *Webapp) deleteChannel(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	if _, err := a.sink.DeleteChannel(r.Context(), ch); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
