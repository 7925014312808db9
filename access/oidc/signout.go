package oidc

import (
	"html/template"
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla/route"
)

const mostForm = 8 << 10 // the largest form for signing out, in bytes

// signOut ends the browser's session, here and at the server. It refuses forms from other sites.
func (o *OIDC) signOut() http.HandlerFunc {
	own := http.NewCrossOriginProtection()
	own.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := o.kit.Event(r, nil, "form")
		e.Status, e.Refused = http.StatusForbidden, route.ErrOtherOrigin.Error()
		o.kit.Note(e)
		o.kit.Site().Pages.Refuse(w, r, route.ErrOtherOrigin)
	}))
	return own.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
		next := o.kit.Site().Pages.Local(r.PostFormValue("next"))
		s, err := o.kit.Subject(r)
		hint := o.kit.SignOut(w, r)
		if err == nil && s != nil {
			o.kit.Note(o.kit.Event(r, s.Holder, "sign out"))
			if o.kit.Leave(w, r, s.Holder.Who, hint) {
				return
			}
		}
		http.Redirect(w, r, next, http.StatusSeeOther)
	})).ServeHTTP
}

// onward leads to another site by itself. A redirect would not do: the policy of a site's page lets its forms lead only to the site
// itself, and some browsers apply that to redirects too.
var onward = template.Must(template.New("").Parse(
	`<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={{.}}"><a href="{{.}}">…</a>` + "\n"))

// Leave implements [access.Leaver] (OpenID Connect RP-Initiated Logout).
func (o *OIDC) Leave(w http.ResponseWriter, r *http.Request, who, hint string) bool {
	if !strings.HasPrefix(who, o.id+"/") {
		return false
	}
	p, err := o.discovery.get(r.Context())
	if err != nil || p.endSession == nil {
		return false
	}
	u := *p.endSession
	q := u.Query()
	q.Set("client_id", o.o.ClientID)
	q.Set("post_logout_redirect_uri", o.url("/"))
	if hint != "" {
		q.Set("id_token_hint", hint) // the server need not ask who it is
	}
	u.RawQuery = q.Encode()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = onward.Execute(w, u.String()) // the client may have gone
	return true
}
