package people

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/route"
)

const mostForm = 16 << 10 // the longest form, in bytes; a password has 200 characters, each of which takes up to 12 bytes

// serve is what answers a form. It has written nothing if it returns an error.
type serve func(w http.ResponseWriter, r *http.Request) error

// form serves a page with a form, and what it sends. It refuses forms of other sites. get may be nil.
func (p *People) form(get, post serve) http.Handler {
	own := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		methods := []string{http.MethodGet, http.MethodHead, http.MethodPost}
		if get == nil {
			methods = []string{http.MethodPost}
		}
		if !route.Allow(w, r, methods...) {
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		err := p.served(own, get, post, w, r)
		switch pages := p.kit.Site().Pages; {
		case err == nil:
		case pages == nil: // the site has none
			route.WriteError(w, r, err)
		default:
			pages.Refuse(w, r, err)
		}
	})
}

func (p *People) served(own *http.CrossOriginProtection, get, post serve, w http.ResponseWriter, r *http.Request) error {
	if p.kit.Site().Pages == nil {
		return motacilla.ErrNotFound // the site has no pages
	}
	if r.Method != http.MethodPost {
		return get(w, r)
	}
	if err := own.Check(r); err != nil {
		p.refused(r, nil, "form", route.ErrOtherOrigin)
		return route.ErrOtherOrigin
	}
	r.Body = http.MaxBytesReader(w, r.Body, mostForm)
	if err := r.ParseForm(); err != nil {
		return motacilla.Invalid("form", "must be application/x-www-form-urlencoded, of at most %d bytes", mostForm)
	}
	return post(w, r)
}

// wrong says by which word a form tells of an error, and in which field. An error that a form can't tell of is returned.
func wrong(err error) (word, field string, unknown error) {
	var f *fieldWrong
	switch {
	case errors.As(err, &f):
		return f.word, f.field, nil
	case errors.Is(err, motacilla.ErrTooMany):
		return access.SignInWait, "", nil
	case errors.Is(err, motacilla.ErrOverloaded), errors.Is(err, motacilla.ErrUnavailable):
		return access.SignInBusy, "", nil
	case errors.Is(err, motacilla.ErrUnauthorized):
		return access.SignInWrong, "", nil
	case errors.Is(err, errStale):
		return access.SignInFirst, "", nil
	case errors.Is(err, errGone):
		return access.InvitationGone, "", nil
	case errors.Is(err, motacilla.ErrExists):
		return access.LoginTaken, "login", nil
	}
	return "", "", err
}

// status sets what an answer with a form tells of an error in its head, and returns its status and how long to wait, in seconds.
func status(w http.ResponseWriter, err error) (code, wait int) {
	code, wait = route.ProblemOf(err).Status, route.RetrySeconds(err)
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(wait))
	}
	return code, wait
}

// fieldWrong is an [motacilla.ErrInvalid] whose word forms show.
type fieldWrong struct{ field, word string }

func (f *fieldWrong) Error() string { return f.field + ": " + strings.ReplaceAll(f.word, "_", " ") }

func (f *fieldWrong) Is(target error) bool { return target == motacilla.ErrInvalid }

// As makes it a [motacilla.FieldError], as which it is written in a problem.
func (f *fieldWrong) As(target any) bool {
	to, ok := target.(**motacilla.FieldError)
	if ok {
		*to = &motacilla.FieldError{Field: f.field, Problem: problems[f.word]}
	}
	return ok
}

// problems are the words in English, for programs.
var problems = map[string]string{
	access.LoginInvalid:      "must be 1 to 100 lower-case letters, digits and . _ - @, and begin with a letter or a digit",
	access.NameInvalid:       "must be 1 to 100 characters",
	access.PasswordShort:     "must have at least 10 characters",
	access.PasswordLong:      "must have at most 200 characters",
	access.PasswordCommon:    "is easy to guess",
	access.PasswordOwn:       "must not be made of the login, the name or the site's name",
	access.PasswordIncorrect: "is wrong",
}

// field returns a value of a form. Text that is not UTF-8 is none.
func field(r *http.Request, name string) string {
	v := r.PostFormValue(name)
	if !utf8.ValidString(v) {
		return ""
	}
	return v
}

// typed returns what somebody has typed, to be shown again.
func typed(s string) string { return short.Cut(s, 4*mostLogin) }

// to sends the browser to a page of the site.
func (p *People) to(w http.ResponseWriter, path string) {
	w.Header().Set("Location", path)
	w.WriteHeader(http.StatusSeeOther)
}

// toSignIn sends the browser to the form for signing in, and then back to path.
func (p *People) toSignIn(w http.ResponseWriter, path string) {
	base := p.kit.Site().Base
	p.to(w, base+"/sign-in?next="+url.QueryEscape(base+path))
}

// ownWords are words that are too easy to guess in a password here.
func (p *People) ownWords(r *http.Request, login, name string) []string {
	host := p.origin(r).Hostname()
	words := []string{login, name, host, strings.TrimPrefix(host, "www."), "motacilla"}
	user, domain, _ := strings.Cut(login, "@")
	words = append(words, user, domain)
	for part := range strings.SplitSeq(host, ".") {
		if len(part) > 3 {
			words = append(words, part)
		}
	}
	return words
}
