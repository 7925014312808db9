package people

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/internal/rest"
)

// Person is an account as admins see it.
type Person struct {
	Login    string           `json:"login"`
	Who      string           `json:"who"`
	Name     string           `json:"name"`
	Rights   access.Rights    `json:"rights"`
	Disabled bool             `json:"disabled"`
	Password bool             `json:"password"` // it has one
	Passkeys []access.Passkey `json:"passkeys"`
	Created  time.Time        `json:"created"`
	By       string           `json:"by,omitempty"` // who invited
}

func (p *person) public() Person {
	return Person{
		Login: p.login, Who: whoOf(p.login), Name: p.Name, Rights: p.Rights, Disabled: p.Disabled, Password: p.Password != "",
		Passkeys: publicPasskeys(p.Passkeys), Created: p.Created, By: p.By,
	}
}

// peopleAnswer is the list of people.
type peopleAnswer struct {
	People []Person `json:"people"`
}

func (p *People) listPeople(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	list := peopleAnswer{People: []Person{}}
	err := p.each(r.Context(), func(one *person) bool {
		list.People = append(list.People, one.public())
		return true
	})
	if err != nil {
		return err
	}
	return rest.Write(w, http.StatusOK, list)
}

// named returns the login in the path of a request.
func named(r *http.Request) (string, error) {
	login, ok := parseLogin(r.PathValue("person"))
	if !ok {
		return "", fmt.Errorf("person: %w", motacilla.ErrNotFound)
	}
	return login, nil
}

func (p *People) getPerson(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	login, err := named(r)
	if err != nil {
		return err
	}
	one, err := p.get(r.Context(), login)
	if err != nil {
		return err
	}
	return rest.Write(w, http.StatusOK, one.public())
}

// maker returns who gives rights away.
func (p *People) maker(r *http.Request) (*access.Subject, error) {
	s, err := p.kit.Subject(r)
	if err == nil && (s == nil || s.Holder == nil) {
		err = fmt.Errorf("%w: it is not known who asks", motacilla.ErrForbidden)
	}
	return s, err
}

// covers returns an ErrForbidden if s may not give rights away, or take them.
func covers(s *access.Subject, rights access.Rights) error {
	if !s.Rights.Covers(rights) {
		return fmt.Errorf("%w: nobody may give or take rights that are not among the own ones", motacilla.ErrForbidden)
	}
	return nil
}

// personPatch is what of a person can be changed.
type personPatch struct {
	Name     rest.Maybe[string]        `json:"name"`
	Rights   rest.Maybe[access.Rights] `json:"rights"`
	Disabled rest.Maybe[bool]          `json:"disabled"`
}

func (b *personPatch) check() error {
	if b.Name.Set {
		name, ok := parseName(b.Name.Value)
		if !ok {
			return &fieldWrong{"name", access.NameInvalid}
		}
		b.Name.Value = name
	}
	if !b.Rights.Set {
		return nil
	}
	return checkRights(b.Rights.Value)
}

func checkRights(rights access.Rights) error {
	if len(rights) == 0 {
		return motacilla.Invalid("rights", "must have a role")
	}
	return rights.Validate()
}

func (p *People) patchPerson(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	login, err := named(r)
	if err != nil {
		return err
	}
	s, err := p.maker(r)
	if err != nil {
		return err
	}
	var body personPatch
	if err := rest.ReadBody(w, r, &body); err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	one, err := p.adminChange(r.Context(), login, func(now *person) error {
		if err := covers(s, now.Rights); err != nil {
			return err
		}
		now.Name, now.Rights, now.Disabled = body.Name.Or(now.Name), body.Rights.Or(now.Rights), body.Disabled.Or(now.Disabled)
		return covers(s, now.Rights)
	})
	if err != nil {
		return err
	}
	p.note(r, s.Holder, "account changed", one.login)
	if one.Disabled {
		err = p.out(r.Context(), login)
	} else {
		err = p.kit.AccountChanged(r.Context(), whoOf(login))
	}
	if err != nil {
		return err
	}
	return rest.Write(w, http.StatusOK, one.public())
}

func (p *People) deletePerson(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	login, err := named(r)
	if err != nil {
		return err
	}
	s, err := p.maker(r)
	if err != nil {
		return err
	}
	// It is disabled first: that can be taken back if nobody else is left who may manage the site.
	one, err := p.adminChange(r.Context(), login, func(now *person) error {
		now.Disabled = true
		return covers(s, now.Rights)
	})
	if err != nil {
		return err
	}
	if err := p.remove(r.Context(), login); err != nil {
		return err
	}
	p.forgetHandle(r.Context(), one.Handle)
	p.note(r, s.Holder, "account deleted", login)
	if err := p.out(r.Context(), login); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// remove removes a person, whatever is changed meanwhile.
func (p *People) remove(ctx context.Context, login string) error {
	for range mostConflicts {
		one, err := p.get(ctx, login)
		if err == nil {
			err = p.records.Delete(ctx, personSpace, login, one.version)
		}
		if !errors.Is(err, motacilla.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("person %q: %w", login, motacilla.ErrConflict)
}

// errLast refuses to leave the site without an admin.
var errLast = fmt.Errorf("%w: nobody else may manage the site", motacilla.ErrConflict)

// adminChange changes a person, unless nobody would be left who may manage the site. There are no transactions over several
// people. If two admins take the role from each other at once, both see that nobody is left, and both give it back.
func (p *People) adminChange(ctx context.Context, login string, edit func(*person) error) (*person, error) {
	var before person
	one, err := p.change(ctx, login, func(now *person) error {
		before = *now
		if err := edit(now); err != nil || !before.admin() || now.admin() {
			return err
		}
		return p.otherAdmin(ctx, login)
	})
	if err != nil || !before.admin() || one.admin() {
		return one, err
	}
	last := p.otherAdmin(ctx, login)
	if last == nil {
		return one, nil
	}
	_, err = p.change(context.WithoutCancel(ctx), login, func(now *person) error {
		now.Name, now.Rights, now.Disabled = before.Name, before.Rights, before.Disabled
		return nil
	})
	if err != nil {
		return nil, err
	}
	return nil, last
}

// otherAdmin returns errLast if nobody but login may manage the site.
func (p *People) otherAdmin(ctx context.Context, login string) error {
	found := false
	err := p.each(ctx, func(one *person) bool {
		found = found || one.login != login && one.admin()
		return !found
	})
	if err == nil && !found {
		err = errLast
	}
	return err
}
