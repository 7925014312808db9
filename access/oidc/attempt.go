package oidc

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

const (
	attemptLife = 10 * time.Minute // how long somebody may take to sign in at the server
	mostNext    = 2000             // bytes
)

// attempt is one try to sign in, in one browser. All that ties the server's answer to the browser is made of its secret, so nothing
// is stored here, and any node can take the answer. The secret itself is only in the browser's cookie: state and nonce are
// in URLs, and from them nobody can compute the verifier.
type attempt struct {
	id     string // of the authenticator; so what was begun for one server can't be completed with another
	secret string
	next   string // where to go then
}

func newAttempt(id, next string) attempt {
	if len(next) > mostNext {
		next = ""
	}
	return attempt{id: id, secret: rand.Text(), next: next}
}

func (a attempt) derive(what string) string {
	mac := hmac.New(sha256.New, []byte(a.secret))
	mac.Write([]byte(a.id + " " + what))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (a attempt) state() string    { return a.derive("state") }
func (a attempt) nonce() string    { return a.derive("nonce") }
func (a attempt) verifier() string { return a.derive("verifier") }

// cookieName is of one attempt, so that people can sign in from several tabs at once.
func (o *OIDC) cookieName(state string) string {
	prefix := ""
	if o.https() {
		prefix = "__Host-" // no other host can set it
	}
	return prefix + "motacilla_" + o.id + "_" + state[:min(len(state), 8)]
}

// cookie keeps an attempt. It comes back with the server's redirect, which is another site's, so it is SameSite=Lax.
func (o *OIDC) cookie(state, value string, age time.Duration) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // Secure, if the site has https
		Name: o.cookieName(state), Value: value, MaxAge: int(age.Seconds()), Path: "/",
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: o.https(),
	}
	if age <= 0 {
		c.MaxAge = -1
	}
	return c
}

// keep gives the browser the attempt's cookie.
func (o *OIDC) keep(w http.ResponseWriter, a attempt) {
	http.SetCookie(w, o.cookie(a.state(), a.secret+"."+base64.RawURLEncoding.EncodeToString([]byte(a.next)), attemptLife))
}

// take returns the attempt of a state, if this browser began it, and removes its cookie.
func (o *OIDC) take(w http.ResponseWriter, r *http.Request, state string) (a attempt, ok bool) {
	for _, c := range r.CookiesNamed(o.cookieName(state)) {
		secret, next, _ := strings.Cut(c.Value, ".")
		path, err := base64.RawURLEncoding.DecodeString(next)
		one := attempt{id: o.id, secret: secret, next: string(path)}
		if err == nil && secret != "" && subtle.ConstantTimeCompare([]byte(one.state()), []byte(state)) == 1 {
			http.SetCookie(w, o.cookie(state, "", 0))
			return one, true
		}
	}
	return attempt{}, false
}
