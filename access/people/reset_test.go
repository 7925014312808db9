package people

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/access"
)

func TestReset(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		ben := anna.person("ben", "editor")
		phone := newAuthenticator()
		ben.passkeyAdd(phone, "").want(http.StatusCreated)
		reset := func() string {
			inv := decoded[Invitation](anna.rest(http.MethodPost, "/api/access/people/ben/reset", nil), http.StatusCreated)
			if inv.Kind != "reset" || inv.Login != "ben" {
				t.Fatalf("%+v", inv)
			}
			return pathOf(t, inv.URL)
		}
		link, other := reset(), reset()
		b := s.browser("192.0.2.8")
		f := form[access.InvitationForm](b.get(link), http.StatusOK, "invitation")
		if !f.Reset || f.First || f.Login != "ben" || f.Name != "Ben" || f.Invites != "Anna" || f.Rights[0].Role != access.Editor {
			t.Errorf("the form is %+v", f)
		}
		if !ben.isIn() {
			t.Error("the link alone has ended the session")
		}
		const another = "two wagtails on a roof"
		b.post(link, url.Values{"login": {"anna"}, "name": {"Eve"}, "password": {another}}).to("/account")
		a := form[access.AccountForm](b.get("/account"), http.StatusOK, "account")
		if a.Login != "ben" || a.Name != "Ben" || len(a.Passkeys) != 0 || len(a.Sessions) != 1 {
			t.Errorf("the account is %+v", a)
		}
		if ben.isIn() {
			t.Error("the old session lives")
		}
		ben.signIn("ben", goodWord).want(http.StatusUnauthorized)
		ben.passkeySignIn(phone).want(http.StatusUnauthorized)
		for _, path := range []string{link, other} { // used, and from before
			form[access.InvitationForm](b.get(path), http.StatusNotFound, "invitation")
		}
		ben.signIn("ben", another).to("/x")

		// With a passkey.
		link = reset()
		next := newAuthenticator()
		b.passkeyJoin(next, strings.TrimPrefix(link, "/invitation/"), "", "").want(http.StatusOK)
		if a := form[access.AccountForm](b.get("/account"), http.StatusOK, "account"); a.Password || len(a.Passkeys) != 1 || a.Login != "ben" {
			t.Errorf("the account is %+v", a)
		}
		b.post("/sign-out", nil)
		b.passkeySignIn(next).want(http.StatusOK)
		b.signIn("ben", another).want(http.StatusUnauthorized)

		link = reset()
		s.pass(linkLife + time.Second)
		form[access.InvitationForm](b.get(link), http.StatusNotFound, "invitation")
		link = reset()
		anna.rest(http.MethodPatch, "/api/access/people/ben", map[string]any{"disabled": true}).want(http.StatusOK)
		form[access.InvitationForm](b.get(link), http.StatusNotFound, "invitation")
		anna.rest(http.MethodPost, "/api/access/people/ben/reset", nil).want(http.StatusConflict)
		anna.rest(http.MethodPost, "/api/access/people/nobody/reset", nil).want(http.StatusNotFound)
		// A link for somebody who was deleted is not for whoever has the login then.
		anna.rest(http.MethodDelete, "/api/access/people/ben", nil).want(http.StatusNoContent)
		anna.person("ben", "reader")
		link = reset()
		form[access.InvitationForm](b.get(link), http.StatusOK, "invitation")
		anna.rest(http.MethodDelete, "/api/access/people/ben", nil).want(http.StatusNoContent)
		anna.person("ben", "reader")
		form[access.InvitationForm](b.get(link), http.StatusNotFound, "invitation")
		if events := s.events(); !slices.Contains(events, "account reset person/ben") {
			t.Errorf("the audit log has %q", events)
		}
	})
}
