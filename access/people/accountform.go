package people

import (
	"errors"
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

// sessionKind begins the Holder's ID of a session.
const sessionKind = "session/"

func isSession(s *access.Subject) bool {
	return s.Holder != nil && strings.HasPrefix(s.Holder.ID, sessionKind)
}

// self returns who has signed in, and the person if the account is one of these; nil if nobody has.
func (p *People) self(r *http.Request) (*access.Subject, *person, error) {
	s, err := p.kit.Subject(r)
	if errors.Is(err, motacilla.ErrUnauthorized) || err == nil && (s == nil || !isSession(s)) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	login, is := s.Holder.Person()
	if !is {
		return s, nil, nil
	}
	one, err := p.get(r.Context(), login)
	if errors.Is(err, motacilla.ErrNotFound) || err == nil && one.Disabled {
		return nil, nil, nil
	}
	return s, one, err
}

func (p *People) accountForm(r *http.Request, s *access.Subject, one *person) (access.AccountForm, error) {
	f := access.AccountForm{
		Elsewhere: one == nil, Name: s.Holder.Name, Rights: s.Rights, ByPasskey: p.byPasskey(r),
		Current: strings.TrimPrefix(s.Holder.ID, sessionKind+s.Holder.Who+"/"), Recent: recent(s),
	}
	if one != nil {
		f.Login, f.Name, f.Rights = one.login, one.Name, one.Rights
		f.Password, f.Passkeys = one.Password != "", publicPasskeys(one.Passkeys)
	}
	if desk := p.kit.Site().Desk; desk != nil && f.Rights.Allow("", route.Draft) {
		f.Desk = desk()
	}
	list, err := p.kit.Sessions(r.Context(), s.Holder.Who)
	f.Sessions = list
	return f, err
}

func (p *People) getAccount(w http.ResponseWriter, r *http.Request) error {
	s, one, err := p.self(r)
	if err != nil {
		return err
	}
	if s == nil {
		p.toSignIn(w, "/account")
		return nil
	}
	f, err := p.accountForm(r, s, one)
	if err != nil {
		return err
	}
	f.Saved = r.URL.Query().Has("saved")
	p.kit.Site().Pages.Form(w, r, http.StatusOK, "account", f)
	return nil
}

func (p *People) postAccount(w http.ResponseWriter, r *http.Request) error {
	s, one, err := p.self(r)
	if err != nil {
		return err
	}
	if s == nil {
		p.toSignIn(w, "/account")
		return nil
	}
	if one == nil {
		return motacilla.ErrForbidden // another server keeps the account
	}
	if err = p.edit(w, r, s, one); err == nil {
		p.to(w, p.kit.Site().Base+"/account?saved=1")
		return nil
	}
	word, at, unknown := wrong(err)
	if unknown != nil {
		return unknown
	}
	f, broken := p.accountForm(r, s, one)
	if broken != nil {
		return broken
	}
	f.Failed, f.Field = word, at
	if r.PostForm.Has("name") {
		f.Name = typed(field(r, "name"))
	}
	code, wait := status(w, err)
	f.Wait = wait
	p.kit.Site().Pages.Form(w, r, code, "account", f)
	return nil
}

// edit changes what the form of the account has: the name, or the password.
func (p *People) edit(w http.ResponseWriter, r *http.Request, s *access.Subject, one *person) error {
	name := one.Name
	if r.PostForm.Has("name") {
		var ok bool
		if name, ok = parseName(field(r, "name")); !ok {
			return &fieldWrong{"name", access.NameInvalid}
		}
	}
	if field(r, "password") != "" {
		return p.newPassword(w, r, s, one, name)
	}
	if name == one.Name {
		return nil
	}
	changed, err := p.change(r.Context(), one.login, func(now *person) error {
		now.Name = name
		return nil
	})
	if err != nil {
		return err
	}
	p.note(r, changed.holder(), "account changed", "its name")
	return p.kit.AccountChanged(r.Context(), whoOf(one.login))
}

// newPassword changes the password. Whoever has one must know it, and whoever has none must have signed in lately. All sessions end,
// and this browser gets a new one.
func (p *People) newPassword(w http.ResponseWriter, r *http.Request, s *access.Subject, one *person, name string) error {
	ctx, password := r.Context(), field(r, "password")
	if word := checkPassword(password, p.ownWords(r, one.login, name)...); word != "" {
		return &fieldWrong{"password", word}
	}
	old := one.Password
	if old == "" && !recent(s) {
		return p.stale(r, one, "change password")
	}
	if old != "" {
		// A session that was left open must not serve to guess the password.
		undo, err := p.try(ctx, "account/"+one.login)
		if err != nil {
			return err
		}
		right, _, err := p.hashes.check(ctx, old, field(r, "old"))
		if err != nil || right {
			undo(ctx)
		}
		if err != nil {
			return err
		}
		if !right {
			p.refused(r, one.holder(), "change password", errWrong)
			return &fieldWrong{"old", access.PasswordIncorrect}
		}
	}
	phc, err := p.hashes.hash(ctx, password)
	if err != nil {
		return err
	}
	changed, err := p.change(ctx, one.login, func(now *person) error {
		if now.Password != old {
			return motacilla.ErrConflict // by another session, or by a link
		}
		now.Password, now.Name = phc, name
		now.Generation++
		return nil
	})
	if err != nil {
		return err
	}
	p.note(r, changed.holder(), "account changed", "its password")
	if err := p.out(ctx, one.login); err != nil {
		return err
	}
	return p.signedIn(w, r, changed, "with a new password")
}
