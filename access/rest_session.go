package access

import (
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
)

type sessionJSON struct {
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	Created *string `json:"created"`
	Expires *string `json:"expires"`
	Address string  `json:"address"`
	Agent   string  `json:"agent"`
	Current bool    `json:"current"` // it is that of the request
}

// owner returns whose sessions a request is about: the sender's own, or those of ?who= if the sender manages.
func (a *Access) owner(r *http.Request) (who string, s *Subject, err error) {
	q, err := query(r, "who")
	if err != nil {
		return "", nil, err
	}
	if s, err = a.sender(r); err != nil {
		return "", nil, err
	}
	who = s.Holder.Who
	if !q.Has("who") || q.Get("who") == who {
		return who, s, nil
	}
	if _, err := a.Authorize(r, "", route.Manage); err != nil {
		return "", nil, err
	}
	return q.Get("who"), s, nil
}

func (a *Access) listSessions(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	who, s, err := a.owner(r)
	if err != nil {
		return err
	}
	all, err := a.kit.Sessions(r.Context(), who)
	if err != nil {
		return err
	}
	list := []sessionJSON{}
	for _, one := range all {
		list = append(list, sessionJSON{
			one.ID, one.Name, stamp(one.Created), stamp(one.Expires), one.Address, one.Agent,
			s.Holder.ID == sessionKind+"/"+who+"/"+one.ID,
		})
	}
	return rest.Write(w, http.StatusOK, struct {
		Who      string        `json:"who"`
		Sessions []sessionJSON `json:"sessions"`
	}{who, list})
}

func (a *Access) endSession(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	who, s, err := a.owner(r)
	if err != nil {
		return err
	}
	id := r.PathValue("session")
	if id == "" { // Kit.EndSession would end all
		return motacilla.ErrNotFound
	}
	if err := a.kit.EndSession(r.Context(), who, id); err != nil {
		return err
	}
	a.audit.changed(r, s, "end session", "of "+who)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
