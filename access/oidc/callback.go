package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/route"
)

// usedFor is how long it is remembered that an attempt was completed. No server takes a code that is so old.
const usedFor = 24 * time.Hour

// callback takes the browser back from the server.
func (o *OIDC) callback(w http.ResponseWriter, r *http.Request) {
	next, who, err := o.complete(w, r)
	if err != nil {
		o.fail(w, r, next, who, err)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// complete signs somebody in. next is where to go then, and who is set as soon as it is known.
func (o *OIDC) complete(w http.ResponseWriter, r *http.Request) (next string, who *route.Holder, err error) {
	pages := o.kit.Site().Pages
	q := r.URL.Query()
	a, ok := o.take(w, r, q.Get("state"))
	if next = pages.Local(a.next); !ok {
		return next, nil, again("no attempt of this browser has this state")
	}
	if err := o.limit.Allow(r); err != nil {
		return next, nil, err
	}
	p, err := o.known(r)
	if err != nil {
		return next, nil, err
	}
	code, err := p.answer(q)
	if err != nil {
		return next, nil, err
	}
	if err := o.once(r.Context(), o.key("used", a.state()), usedFor); err != nil {
		return next, nil, err
	}
	is, err := o.identify(r.Context(), p, a, code)
	if err != nil {
		return next, nil, err
	}
	acc := &access.Account{Who: o.who(is.subject), Name: is.name, Rights: o.roles.of(is.groups), There: is.session, Hint: is.hint}
	who = &route.Holder{ID: acc.Who, Who: acc.Who, Name: acc.Name}
	if len(acc.Rights) == 0 {
		return next, who, denied(is)
	}
	if err := o.remember(r.Context(), is.session, acc.Who); err != nil {
		return next, who, err
	}
	if err := o.kit.SignIn(w, r, acc, true, o.o.Session); err != nil {
		return next, who, err
	}
	e := o.kit.Event(r, who, "sign in")
	e.Detail = short.Cut("at "+o.o.Issuer, 200)
	o.kit.Note(e)
	return next, who, nil
}

// answer returns the code of an answer of the server.
func (p *provider) answer(q url.Values) (code string, err error) {
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(q[name]) > 1 {
			return "", wrong("the answer has %s twice", name)
		}
	}
	if iss, named := q.Get("iss"), q.Has("iss"); named && iss != p.issuer || !named && p.namesSelf {
		return "", wrong("the answer is of %q, not of %q", short.Cut(iss, 100), p.issuer)
	}
	if e := q.Get("error"); e != "" {
		return "", &failure{word: access.SignInRefused, status: http.StatusForbidden,
			err: errors.New("the server says " + short.Cut(e+" "+q.Get("error_description"), 150))}
	}
	if code = q.Get("code"); code == "" {
		return "", wrong("the answer has no code")
	}
	return code, nil
}

func denied(is *identity) error {
	why := "none of its groups has a role: " + short.Cut(quoted(is.groups), 120)
	if is.tooMany {
		why = "it is in too many groups for the server to name them: give it a role of the application there"
	}
	return &failure{word: access.SignInDenied, status: http.StatusForbidden, err: errors.New(why)}
}

// once returns an error if key was noted before.
func (o *OIDC) once(ctx context.Context, key string, life time.Duration) error {
	_, err := o.kit.Records().Put(ctx, motacilla.Record{Namespace: space, Key: key, TTL: life})
	if errors.Is(err, motacilla.ErrConflict) {
		return again("this attempt was completed before")
	}
	return err
}
