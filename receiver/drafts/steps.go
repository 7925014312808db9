package drafts

import (
	"errors"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
)

func (d *Drafts) submit(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	if err := rest.ReadBody(w, r, &struct{}{}); err != nil {
		return err
	}
	return d.changes(w, r, ch, func(one *draft, _ visitor) error {
		if !one.State.open() {
			return stands(one, "submit")
		}
		one.State = Submitted
		return nil
	})
}

// giveBack returns a draft to its author.
func (d *Drafts) giveBack(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	var in returnBody
	if err := rest.ReadBody(w, r, &in); err != nil {
		return err
	}
	note, err := in.note()
	if err != nil {
		return err
	}
	return d.changes(w, r, ch, func(one *draft, _ visitor) error {
		if !one.State.open() && one.State != Scheduled {
			return stands(one, "return")
		}
		one.State, one.Note = Returned, note
		return nil
	})
}

func (d *Drafts) schedule(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	var in scheduleBody
	if err := rest.ReadBody(w, r, &in); err != nil {
		return err
	}
	at, err := in.at(d.now())
	if err != nil {
		return err
	}
	c, err := d.sink.Channel(r.Context(), ch)
	if err != nil {
		return err
	}
	if !c.Ended.IsZero() && !c.Ended.After(at) {
		return &rest.Refusal{Problem: route.Problem{Status: http.StatusConflict, Field: "at", Detail: "the channel has ended then"}}
	}
	return d.changes(w, r, ch, func(one *draft, v visitor) error {
		if !one.State.open() && one.State != Scheduled {
			return stands(one, "schedule")
		}
		one.State, one.At, one.Life, one.Note, one.Approved = Scheduled, at, c.Created, "", v.Person
		return nil
	})
}

// unschedule makes a scheduled draft one that waits for an editor.
func (d *Drafts) unschedule(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	if err := rest.ReadBody(w, r, &struct{}{}); err != nil {
		return err
	}
	return d.changes(w, r, ch, func(one *draft, _ visitor) error {
		switch one.State {
		case Scheduled:
			one.State = Submitted
		case Submitted: // a retry
		default:
			return stands(one, "unschedule")
		}
		return nil
	})
}

// publish brings a draft out at once. If this node dies meanwhile, another one goes on.
func (d *Drafts) publish(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	if err := rest.ReadBody(w, r, &struct{}{}); err != nil {
		return err
	}
	one, err := d.changed(r, ch, func(one *draft, v visitor) error {
		if one.State == Published || one.State == Publishing { // a retry
			return nil
		}
		if err := d.ready(r, *one); err != nil {
			return err
		}
		one.State, one.Now, one.Approved = Publishing, true, v.Person
		if one.At.IsZero() || one.At.After(d.now()) {
			one.At = d.now()
		}
		return nil
	})
	if err == nil && one.State == Publishing {
		one, err = d.settle(r.Context(), one)
	}
	if err != nil {
		return err
	}
	if one.State != Published {
		return refused(one.Note)
	}
	return write(w, http.StatusOK, one)
}

// ready returns a 409 if the draft edits a post that has changed since: an editor should look at it, and the draft stays as it is.
func (d *Drafts) ready(r *http.Request, one draft) error {
	if _, err := d.sink.Channel(r.Context(), one.channel); err != nil {
		return err
	}
	if one.Edits == "" {
		return nil
	}
	p, err := d.sink.Post(r.Context(), one.channel, one.Edits)
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		return refused("the post was removed")
	case err != nil:
		return err
	case p.Revision != one.Base:
		return refused(moved(p.Revision).note)
	}
	return nil
}

// refused is the answer for a draft that can't be published.
func refused(why string) error {
	return &rest.Refusal{Problem: route.Problem{Status: http.StatusConflict, Detail: why}}
}
