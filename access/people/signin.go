package people

import (
	"errors"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// SignInForm returns what the form "signin" has for people. next is a path of this site.
func (p *People) SignInForm(r *http.Request, next string) access.SignInForm {
	return access.SignInForm{Next: next, Passwords: true, ByPasskey: p.byPasskey(r)}
}

// signInForm returns the whole form, with the other servers by which people sign in.
func (p *People) signInForm(r *http.Request, next string) access.SignInForm {
	return p.kit.SignInForm(r, p.kit.Site().Pages.Local(next))
}

func (p *People) getSignIn(w http.ResponseWriter, r *http.Request) error {
	f := p.signInForm(r, r.URL.Query().Get("next"))
	if s, one, err := p.self(r); err == nil && one != nil { // somebody who is to show again who it is
		f.Login = one.login
		if f.Next == p.kit.Site().Base+"/account" && !recent(s) {
			f.Failed = access.SignInFirst
		}
	}
	p.kit.Site().Pages.Form(w, r, http.StatusOK, "signin", f)
	return nil
}

func (p *People) postSignIn(w http.ResponseWriter, r *http.Request) error {
	f := p.signInForm(r, field(r, "next"))
	one, err := p.byPassword(r, field(r, "login"), field(r, "password"))
	if err == nil {
		err = p.signedIn(w, r, one, "with a password")
	}
	if err == nil {
		p.to(w, f.Next)
		return nil
	}
	var unknown error
	if f.Failed, _, unknown = wrong(err); unknown != nil {
		return unknown
	}
	f.Login = typed(field(r, "login"))
	code, wait := status(w, err)
	f.Wait = wait
	p.kit.Site().Pages.Form(w, r, code, "signin", f)
	return nil
}

// byPassword returns whose login and password they are. errWrong: nobody's; the answer and the work are the same whether there is
// such a login or not. ErrTooMany, ErrOverloaded: it was not looked at.
func (p *People) byPassword(r *http.Request, typed, password string) (*person, error) {
	ctx := r.Context()
	login, ok := parseLogin(typed)
	one := &person{} // what is checked for a login that does not exist
	if ok {
		one.login = login
		found, err := p.get(ctx, login)
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			one = found
		}
	}
	known, err := p.device(r, one)
	if err != nil {
		return nil, err
	}
	undo, err := p.permitted(r, one, known)
	if err != nil {
		p.refused(r, holderOf(one), "sign in", err)
		return nil, err
	}
	right, stale, err := p.hashes.check(ctx, one.Password, password)
	if err != nil {
		undo()
		return nil, err
	}
	if !right || one.Disabled {
		p.refused(r, holderOf(one), "sign in", errWrong)
		return nil, errWrong
	}
	undo()
	if stale {
		p.rehash(r, one, password)
	}
	return one, nil
}

// holderOf returns who a refusal is about. A login that does not exist is not noted: it may be a password in the wrong field.
func holderOf(one *person) *route.Holder {
	if one == nil || one.version == 0 {
		return nil
	}
	return one.holder()
}

// permitted counts a try to sign in by password. device is that of a browser which has signed in to the account before; empty is a
// stranger's. undo takes the try back from those of the account.
func (p *People) permitted(r *http.Request, one *person, device string) (undo func(), err error) {
	none := func() {}
	key := "device/" + device
	if device == "" {
		if err := p.strict.Allow(r); err != nil {
			return none, err
		}
		key = "login/" + one.login
	}
	if one.login == "" {
		return none, nil // it can't be anybody's
	}
	back, err := p.try(r.Context(), key)
	if err != nil {
		return none, err
	}
	return func() { back(r.Context()) }, nil
}

// rehash stores the hash of a password as hashes cost now. If that fails, the old one serves on.
func (p *People) rehash(r *http.Request, one *person, password string) {
	old := one.Password
	phc, err := p.hashes.hash(r.Context(), password)
	if err == nil {
		_, err = p.change(r.Context(), one.login, func(now *person) error {
			if now.Password != old {
				return motacilla.ErrConflict // it was changed meanwhile
			}
			now.Password = phc
			return nil
		})
	}
	if err != nil {
		p.log.Debug("a password could not be hashed anew", zap.Error(err))
	}
}

func (p *People) postSignOut(w http.ResponseWriter, r *http.Request) error {
	who := ""
	if s, err := p.kit.Subject(r); err == nil && s != nil && isSession(s) {
		p.note(r, s.Holder, "sign out", "")
		who = s.Holder.Who
	}
	hint := p.kit.SignOut(w, r)
	if who == "" || !p.kit.Leave(w, r, who, hint) {
		p.to(w, p.kit.Site().Pages.Local(field(r, "next")))
	}
	return nil
}
