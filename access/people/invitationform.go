package people

import (
	"errors"
	"net/http"

	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

func (p *People) getInvitation(w http.ResponseWriter, r *http.Request) error {
	inv, err := (*invitation)(nil), p.light.Allow(r)
	if err == nil {
		inv, err = p.invited(r.Context(), r.PathValue(route.Secret))
	}
	if _, _, unknown := wrong(err); unknown != nil {
		return unknown
	}
	p.showInvitation(w, r, p.invitationForm(r, inv), err)
	return nil
}

// invitationForm returns the form of an invitation; inv may be nil.
func (p *People) invitationForm(r *http.Request, inv *invitation) access.InvitationForm {
	f := access.InvitationForm{Secret: r.PathValue(route.Secret), ByPasskey: p.byPasskey(r)}
	if inv != nil {
		f.First, f.Reset, f.Invites = inv.Kind == isFirst, inv.Kind == resetting, inv.ByName
		f.Rights, f.Login, f.Name = inv.Rights, inv.Login, inv.Name
	}
	return f
}

// showInvitation shows the form with what is wrong, which may be nothing. Of an invitation that can't be used it shows nothing.
func (p *People) showInvitation(w http.ResponseWriter, r *http.Request, f access.InvitationForm, err error) {
	code := http.StatusOK
	if errors.Is(err, errGone) {
		f = access.InvitationForm{}
	}
	if err != nil {
		f.Failed, f.Field, _ = wrong(err)
		code, f.Wait = status(w, err)
	}
	p.kit.Site().Pages.Form(w, r, code, "invitation", f)
}

func (p *People) postInvitation(w http.ResponseWriter, r *http.Request) error {
	f, one, err := p.acceptByPassword(r)
	if err == nil {
		err = p.joined(w, r, one, f)
	}
	if err == nil {
		p.to(w, p.kit.Site().Base+"/account")
		return nil
	}
	if _, _, unknown := wrong(err); unknown != nil {
		return unknown
	}
	p.showInvitation(w, r, f, err)
	return nil
}

// acceptByPassword uses an invitation with what the form has.
func (p *People) acceptByPassword(r *http.Request) (f access.InvitationForm, one *person, err error) {
	if err := p.light.Allow(r); err != nil {
		return f, nil, err
	}
	inv, err := p.invited(r.Context(), r.PathValue(route.Secret))
	if err != nil {
		return f, nil, err
	}
	f = p.invitationForm(r, inv)
	if inv.Kind != resetting {
		f.Login, f.Name = typed(field(r, "login")), typed(field(r, "name"))
	}
	login, name, err := p.joins(r, inv, f.Login, f.Name)
	if err != nil {
		return f, nil, err
	}
	password := field(r, "password")
	if word := checkPassword(password, p.ownWords(r, login, name)...); word != "" {
		return f, nil, &fieldWrong{"password", word}
	}
	if err := p.strict.Allow(r); err != nil {
		return f, nil, err
	}
	phc, err := p.hashes.hash(r.Context(), password)
	if err != nil {
		return f, nil, err
	}
	one, err = p.accept(r.Context(), inv, login, name, func(one *person) { one.Password = phc })
	return f, one, err
}

// joins returns the login and the name with which an invitation is used, as they are kept.
func (p *People) joins(r *http.Request, inv *invitation, login, name string) (string, string, error) {
	if inv.Kind == resetting {
		return inv.Login, inv.Name, nil
	}
	clean, ok := parseLogin(login)
	if !ok {
		return "", "", &fieldWrong{"login", access.LoginInvalid}
	}
	called, ok := parseName(name)
	if !ok {
		return "", "", &fieldWrong{"name", access.NameInvalid}
	}
	free, err := p.free(r.Context(), clean)
	if err == nil && !free {
		err = errTaken
	}
	return clean, called, err
}

// joined signs in somebody who has used an invitation.
func (p *People) joined(w http.ResponseWriter, r *http.Request, one *person, f access.InvitationForm) error {
	action := "account made"
	if f.Reset {
		action = "account reset"
	}
	p.note(r, one.holder(), action, "by an invitation of "+orNobody(f.Invites))
	return p.signedIn(w, r, one, "by an invitation")
}

func orNobody(name string) string {
	if name == "" {
		return "the server"
	}
	return name
}
