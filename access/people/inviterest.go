package people

import (
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
)

// Invitation is a link as admins see it.
type Invitation struct {
	ID      string        `json:"id"`            // not secret
	Kind    string        `json:"kind"`          // invite, first or reset
	URL     string        `json:"url,omitempty"` // only when it is made
	Rights  access.Rights `json:"rights,omitempty"`
	Login   string        `json:"login,omitempty"`
	Name    string        `json:"name,omitempty"`
	Created time.Time     `json:"created"`
	Expires time.Time     `json:"expires"`
	By      string        `json:"by,omitempty"`
}

func (inv *invitation) public() Invitation {
	return Invitation{
		ID: inv.id, Kind: inv.Kind, Rights: inv.Rights, Login: inv.Login, Name: inv.Name, Created: inv.Created,
		Expires: inv.expires.Truncate(time.Second), By: inv.By,
	}
}

// invitationsAnswer is the list of links.
type invitationsAnswer struct {
	Invitations []Invitation `json:"invitations"`
}

func (p *People) listInvitations(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	list := invitationsAnswer{Invitations: []Invitation{}}
	err := eachRecord(r.Context(), p.records, invitationSpace, func(rec motacilla.Record) (bool, error) {
		inv, err := readInvitation(rec)
		if err == nil {
			list.Invitations = append(list.Invitations, inv.public())
		}
		return true, err
	})
	if err != nil {
		return err
	}
	return rest.Write(w, http.StatusOK, list)
}

// invitationBody makes an invitation.
type invitationBody struct {
	Rights access.Rights `json:"rights"`
	Login  string        `json:"login"` // a proposal
	Name   string        `json:"name"`  // a proposal
}

func (b *invitationBody) check() error {
	if err := checkRights(b.Rights); err != nil {
		return err
	}
	var ok bool
	if b.Login != "" {
		if b.Login, ok = parseLogin(b.Login); !ok {
			return &fieldWrong{"login", access.LoginInvalid}
		}
	}
	if b.Name != "" {
		if b.Name, ok = parseName(b.Name); !ok {
			return &fieldWrong{"name", access.NameInvalid}
		}
	}
	return nil
}

func (p *People) postInvitations(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	s, err := p.maker(r)
	if err != nil {
		return err
	}
	var body invitationBody
	if err := rest.ReadBody(w, r, &body); err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	if err := covers(s, body.Rights); err != nil {
		return err
	}
	return p.makeLink(w, r, s, p.o.Invitation, &invitation{
		Kind: invites, Rights: body.Rights, Login: body.Login, Name: body.Name, By: s.Holder.Who, ByName: inviter(s.Holder),
	})
}

// inviter returns the name of whoever makes a link; empty if a program makes it with the server's token, which is nobody's.
func inviter(h *route.Holder) string {
	if h.Who == "server" {
		return ""
	}
	return h.Name
}

// makeLink makes a link and answers with it.
func (p *People) makeLink(w http.ResponseWriter, r *http.Request, s *access.Subject, life time.Duration, inv *invitation) error {
	secret, err := p.invite(r.Context(), inv, life)
	if err != nil {
		return err
	}
	p.note(r, s.Holder, "invitation made", inv.Kind+" "+inv.Login)
	answer := inv.public()
	answer.URL = link(p.address(r)+p.kit.Site().Base, secret)
	return rest.Write(w, http.StatusCreated, answer)
}

// address returns the site's address for links. This machine is localhost in it: passkeys need a name.
func (p *People) address(r *http.Request) string {
	u := p.origin(r)
	if host := u.Hostname(); host == "127.0.0.1" || host == "::1" {
		port := u.Port()
		if u.Host = "localhost"; port != "" {
			u.Host += ":" + port
		}
	}
	return u.String()
}

func (p *People) deleteInvitation(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	s, err := p.maker(r)
	if err != nil {
		return err
	}
	rec, err := p.records.Get(r.Context(), invitationSpace, r.PathValue("invitation"))
	if err == nil {
		err = p.records.Delete(r.Context(), invitationSpace, rec.Key, rec.Version)
	}
	if err != nil {
		return fmt.Errorf("invitation: %w", err)
	}
	p.note(r, s.Holder, "invitation revoked", "")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// postReset makes a link by which a person gets a new password or passkey.
func (p *People) postReset(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	login, err := named(r)
	if err != nil {
		return err
	}
	s, err := p.maker(r)
	if err != nil {
		return err
	}
	one, err := p.get(r.Context(), login)
	if err != nil {
		return err
	}
	if err := covers(s, one.Rights); err != nil {
		return err
	}
	if one.Disabled {
		return fmt.Errorf("%w: the account is disabled", motacilla.ErrConflict)
	}
	return p.makeLink(w, r, s, linkLife, &invitation{
		Kind: resetting, Login: one.login, Name: one.Name, Handle: one.Handle, Generation: one.Generation,
		By: s.Holder.Who, ByName: inviter(s.Holder),
	})
}
