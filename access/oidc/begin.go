package oidc

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
	"golang.org/x/oauth2"
)

// entrance is the page for signing in of a site whose people sign in at other servers only.
func (o *OIDC) entrance(w http.ResponseWriter, r *http.Request) {
	form := o.kit.SignInForm(r, o.kit.Site().Pages.Local(r.URL.Query().Get("next")))
	if len(form.Others) == 1 {
		http.Redirect(w, r, form.Others[0].URL, http.StatusSeeOther)
		return
	}
	o.kit.Site().Pages.Form(w, r, http.StatusOK, "signin", form)
}

// begin sends the browser to the server.
func (o *OIDC) begin(w http.ResponseWriter, r *http.Request) {
	next := o.kit.Site().Pages.Local(r.URL.Query().Get("next"))
	p, err := o.known(r)
	if err != nil {
		o.fail(w, r, next, nil, err)
		return
	}
	a := newAttempt(o.id, next)
	o.keep(w, a)
	conf := p.oauth
	conf.RedirectURL = o.url(o.path("/callback"))
	at := conf.AuthCodeURL(a.state(), oidc.Nonce(a.nonce()), oauth2.S256ChallengeOption(a.verifier()))
	http.Redirect(w, r, at, http.StatusSeeOther) //nolint:gosec // the server that the configuration names has said where it is
}

// known returns what the server says about itself, or a failure.
func (o *OIDC) known(r *http.Request) (*provider, error) {
	p, err := o.discovery.get(r.Context())
	if err != nil {
		f := away(err)
		f.logged = true // once for many requests
		return nil, f
	}
	return p, nil
}

// failure is why somebody could not sign in.
type failure struct {
	word   string // what the form says
	status int
	err    error // what the log says
	logged bool
}

func (f *failure) Error() string { return brief(f.err) }
func (f *failure) Unwrap() error { return f.err }

// brief returns the text of an error for a log. Errors of the library have the whole answers of the server.
func brief(err error) string { return short.Cut(err.Error(), 300) }

func away(err error) *failure {
	var call *url.Error
	if errors.As(err, &call) { // without the URL, which is long
		err = call.Err
	}
	return &failure{word: access.SignInAway, status: http.StatusServiceUnavailable, err: fmt.Errorf("the server does not answer: %w", err)}
}

func again(why string) *failure {
	return &failure{word: access.SignInAgain, status: http.StatusBadRequest, err: errors.New(why)}
}

func wrong(why string, args ...any) *failure {
	return &failure{word: access.SignInFailed, status: http.StatusBadGateway, err: fmt.Errorf(why, args...)}
}

// fail shows the form with what went wrong. who is nil unless the server has said who it is.
func (o *OIDC) fail(w http.ResponseWriter, r *http.Request, next string, who *route.Holder, err error) {
	form := o.kit.SignInForm(r, next)
	f := &failure{word: access.SignInFailed, status: http.StatusInternalServerError, err: err}
	var retry *motacilla.RetryError
	switch {
	case errors.As(err, &f):
	case errors.As(err, &retry):
		f = &failure{word: "signin_wait", status: http.StatusTooManyRequests, err: err}
		form.Wait = route.RetrySeconds(err)
	case errors.Is(err, motacilla.ErrUnavailable):
		f.status = http.StatusServiceUnavailable
	}
	form.Failed = f.word
	if f.status >= http.StatusInternalServerError && !f.logged && r.Context().Err() == nil {
		o.kit.Logger().Warn("signing in failed", zap.String("server", o.o.Issuer), zap.Error(err))
	}
	e := o.kit.Event(r, who, "sign in")
	e.Status, e.Refused = f.status, short.Cut(err.Error(), 200)
	o.kit.Note(e)
	o.kit.Site().Pages.Form(w, r, f.status, "signin", form)
}
