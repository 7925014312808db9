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

// Whoever finds a browser that was left open can't take the account over: how an account signs in is changed only by somebody who has
// shown who it is a short while ago.
func TestRecent(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		anna.passkeyAdd(newAuthenticator(), "phone").want(http.StatusCreated)
		first := decoded[struct{ Passkeys []access.Passkey }](anna.get("/api/access/people/anna"), http.StatusOK).Passkeys[0].ID
		account := func() access.AccountForm {
			return form[access.AccountForm](anna.get("/account"), http.StatusOK, "account")
		}
		if f := account(); !f.Recent {
			t.Errorf("just after signing in: %+v", f)
		}
		time.Sleep(recently)
		if f := account(); f.Recent || len(f.Passkeys) != 1 {
			t.Errorf("long after signing in: %+v", f)
		}
		anna.rest(http.MethodPost, "/api/access/passkeys/options", map[string]string{"for": "account"}).want(http.StatusForbidden)
		anna.rest(http.MethodDelete, "/api/access/passkeys/"+first, nil).want(http.StatusForbidden)
		for _, action := range []string{"refused: add passkey person/anna", "refused: remove passkey person/anna"} {
			if !slices.Contains(s.events(), action) {
				t.Errorf("%q is not in the audit log: %q", action, s.events())
			}
		}
		anna.post("/account", url.Values{"name": {"Anna B."}}).to("/account?saved=1") // the name does not sign in

		f := form[access.SignInForm](anna.get("/sign-in?next=/account"), http.StatusOK, "signin")
		if f.Login != "anna" || f.Failed != access.SignInFirst || f.Next != "/account" {
			t.Errorf("signing in again: %+v", f)
		}
		before := anna.session()
		anna.signIn("anna", goodWord).to("/x")
		if anna.session() == before || !account().Recent {
			t.Error("signing in again begins no new session")
		}
		anna.rest(http.MethodDelete, "/api/access/passkeys/"+first, nil).want(http.StatusNoContent)
		time.Sleep(recently)
		anna.post("/account", url.Values{"old": {goodWord}, "password": {goodWord + "!"}}).to("/account?saved=1")
		if !account().Recent {
			t.Error("whoever has given the password has shown who it is")
		}
	})
}

// Somebody without a password sets the first one only after signing in again.
func TestRecentFirstPassword(t *testing.T) {
	in(t, func(t *testing.T) {
		s := open(t)
		phone, ben := newAuthenticator(), s.browser("192.0.2.1")
		secret := strings.TrimPrefix(s.first(), "/invitation/")
		id, o := optionsOf[creation](ben, map[string]any{"for": "invitation", "secret": secret, "login": "ben", "name": "Ben"})
		ben.rest(http.MethodPost, "/api/access/passkeys", map[string]any{
			"id": id, "for": "invitation", "credential": phone.create(o), "secret": secret,
		}).want(http.StatusOK)
		time.Sleep(recently)
		set := url.Values{"password": {goodWord}}
		f := form[access.AccountForm](ben.post("/account", set), http.StatusForbidden, "account")
		if f.Failed != access.SignInFirst || f.Recent || f.Password {
			t.Errorf("%+v", f)
		}
		ben.passkeySignIn(phone).want(http.StatusOK)
		ben.post("/account", set).to("/account?saved=1")
	})
}
