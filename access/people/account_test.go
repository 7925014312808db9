package people

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

func TestAccountPage(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		stranger := s.browser("192.0.2.3")
		stranger.post("/account", url.Values{"name": {"Eve"}}).to("/sign-in?next=%2Faccount")
		stranger.get("/account", "Authorization", "Bearer "+serverToken).to("/sign-in?next=%2Faccount") // it is nobody's account
		anna.post("/account", url.Values{"name": {" Anna B. "}}).to("/account?saved=1")
		f := form[access.AccountForm](anna.get("/account?saved=1"), http.StatusOK, "account")
		if f.Name != "Anna B." || !f.Saved || f.Failed != "" {
			t.Errorf("%+v", f)
		}
		f = form[access.AccountForm](anna.post("/account", url.Values{"name": {"\x00"}}), http.StatusBadRequest, "account")
		if f.Failed != access.NameInvalid || f.Field != "name" || f.Saved {
			t.Errorf("%+v", f)
		}
		anna.post("/account", nil).to("/account?saved=1")
	})
}

// TestAccountDesk: the account leads to the page on which editors write, if there is one and the person may write there.
func TestAccountDesk(t *testing.T) {
	in(t, func(t *testing.T) {
		s := openWith(t, settings{site: access.Site{Desk: func() string { return "/compose" }}})
		anna := s.browser("192.0.2.1")
		anna.join(s.first(), "anna", "Anna")
		for login, role := range map[string]string{"ben": "reader", "cleo": "contributor:match-*", "dan": "editor"} {
			want := "/compose"
			if role == "reader" {
				want = ""
			}
			f := form[access.AccountForm](anna.person(login, role).get("/account"), http.StatusOK, "account")
			if f.Desk != want {
				t.Errorf("%s: the desk is at %q, want %q", role, f.Desk, want)
			}
		}
	})
}

func TestNewPassword(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		const another = "two wagtails on a roof"
		laptop := s.browser("192.0.2.3")
		laptop.signIn("anna", goodWord).to("/x")
		for _, c := range []struct{ old, password, word, field string }{
			{"not the password", another, access.PasswordIncorrect, "old"},
			{goodWord, "short", access.PasswordShort, "password"},
			{goodWord, "password123", access.PasswordCommon, "password"},
		} {
			got := anna.post("/account", url.Values{"old": {c.old}, "password": {c.password}})
			if f := form[access.AccountForm](got, http.StatusBadRequest, "account"); f.Failed != c.word || f.Field != c.field {
				t.Errorf("%+v: %+v", c, f)
			}
		}
		if !laptop.isIn() {
			t.Error("refused passwords have ended another session")
		}
		before := anna.session()
		anna.post("/account", url.Values{"old": {goodWord}, "password": {another}, "name": {"Anna B."}}).to("/account?saved=1")
		if anna.session() == before || !anna.isIn() || laptop.isIn() {
			t.Error("the sessions are not those that they should be")
		}
		if one, _ := s.get(t.Context(), "anna"); one.Name != "Anna B." || one.Generation != 1 {
			t.Errorf("%+v", one)
		}
		laptop.signIn("anna", goodWord).want(http.StatusUnauthorized)
		laptop.signIn("anna", another).to("/x")
		if events := s.events(); !slices.Contains(events, "account changed person/anna") || !slices.Contains(events, "refused: change password person/anna") {
			t.Errorf("the audit log has %q", events)
		}
		// Whoever finds a session can't guess the password by it.
		before0, refused := s.hashes.count.Load(), 0
		for range 2 * mostTries {
			if anna.post("/account", url.Values{"old": {"not the password"}, "password": {"three wagtails on a roof"}}).Code == http.StatusTooManyRequests {
				refused++
			}
		}
		if n := int(s.hashes.count.Load() - before0); n+refused != 2*mostTries || n > mostTries {
			t.Errorf("%d old passwords were checked, %d refused", n, refused)
		}
		time.Sleep(triesWindow + time.Minute)
		anna.post("/account", url.Values{"old": {another}, "password": {goodWord}}).to("/account?saved=1")
	})
}

func TestPeople(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		ben := anna.person("ben", "editor")
		list := decoded[peopleAnswer](anna.rest(http.MethodGet, "/api/access/people", nil), http.StatusOK)
		if len(list.People) != 2 || list.People[0].Login != "anna" || list.People[1].By != "person/anna" || !list.People[1].Password {
			t.Errorf("%+v", list)
		}
		one := decoded[Person](anna.rest(http.MethodGet, "/api/access/people/ben", nil), http.StatusOK)
		if one.Who != "person/ben" || one.Name != "Ben" || one.Rights[0].Role != access.Editor || one.Passkeys == nil {
			t.Errorf("%+v", one)
		}
		may := func(b *browser, action route.Action) bool {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			r.AddCookie(&http.Cookie{Name: access.Cookie, Value: b.session()})
			_, err := s.access.Authorize(r, "match-1", action)
			return err == nil
		}
		if !may(ben, route.Write) || may(ben, route.Manage) {
			t.Error("an editor's rights are others")
		}
		patch := func(body map[string]any) answer { return anna.rest(http.MethodPatch, "/api/access/people/ben", body) }
		got := decoded[Person](patch(map[string]any{"name": " Benno ", "rights": access.Rights{{Role: access.Reader}}}), http.StatusOK)
		if got.Name != "Benno" || got.Rights[0].Role != access.Reader || may(ben, route.Write) || !may(ben, route.Read) || !ben.isIn() {
			t.Errorf("after a change: %+v", got)
		}
		for _, body := range []map[string]any{
			{"name": ""}, {"rights": []any{}}, {"rights": nil}, {"disabled": "yes"}, {"login": "eve"}, {"rights": []any{map[string]any{"role": "x"}}},
		} {
			patch(body).want(http.StatusBadRequest)
		}
		for _, path := range []string{"/api/access/people/nobody", "/api/access/people/no%20login"} {
			anna.rest(http.MethodPatch, path, map[string]any{"name": "X"}).want(http.StatusNotFound)
			anna.rest(http.MethodGet, path, nil).want(http.StatusNotFound)
			anna.rest(http.MethodDelete, path, nil).want(http.StatusNotFound)
		}
		decoded[Person](patch(map[string]any{"disabled": true}), http.StatusOK)
		if ben.isIn() {
			t.Error("a disabled account is signed in")
		}
		ben.signIn("ben", goodWord).want(http.StatusUnauthorized)
		if acc, err := s.Account(t.Context(), "person/ben"); acc != nil || !errors.Is(err, motacilla.ErrNotFound) {
			t.Errorf("a disabled account: %+v, %v", acc, err)
		}
		for _, who := range []string{"person/nobody", "person/", "person/no login", "person/Ben"} {
			if acc, err := s.Account(t.Context(), who); acc != nil || !errors.Is(err, motacilla.ErrNotFound) {
				t.Errorf("%q: %+v, %v", who, acc, err)
			}
		}
		decoded[Person](patch(map[string]any{"disabled": false}), http.StatusOK)
		time.Sleep(2 * time.Minute) // nothing is remembered of it
		if ben.isIn() {
			t.Error("the session of before is back")
		}
		ben.signIn("ben", goodWord).to("/x")
		anna.rest(http.MethodDelete, "/api/access/people/ben", nil).want(http.StatusNoContent)
		if ben.isIn() {
			t.Error("a deleted account is signed in")
		}
		ben.signIn("ben", goodWord).want(http.StatusUnauthorized)
		old := ben.session()
		again := anna.person("ben", "reader") // another one of that login
		ben.cookies[access.Cookie] = old
		if ben.isIn() || !again.isIn() {
			t.Error("a session of the deleted account is the new one's")
		}
		events := s.events()
		for _, want := range []string{"account changed person/anna", "account deleted person/anna"} {
			if !slices.Contains(events, want) {
				t.Errorf("the audit log lacks %q: %q", want, events)
			}
		}
	})
}

// Streams of an account end when it is disabled, on other nodes too.
func TestDisabledOnAllNodes(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		ben := anna.person("ben", "reader")
		other := openWith(t, settings{store: s.store})
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: access.Cookie, Value: ben.session()})
		grant, err := other.access.Authorize(r, "closed", route.Read)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		grant.Holder.OnRevoke(func() { close(ended) })
		began := time.Now()
		anna.rest(http.MethodPatch, "/api/access/people/ben", map[string]any{"disabled": true}).want(http.StatusOK)
		<-ended
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
		if s, err := other.kit.Subject(r); s != nil {
			t.Errorf("still known: %+v, %v", s, err)
		}
	})
}

func TestLastAdmin(t *testing.T) {
	in(t, func(t *testing.T) {
		_, anna := admin(t)
		anna.person("ed", "editor")
		demote := map[string]any{"rights": access.Rights{{Role: access.Editor}}}
		for _, body := range []map[string]any{demote, {"disabled": true}, {"rights": access.Rights{{Role: access.Admin, Channels: []string{"match-*"}}}}} {
			anna.rest(http.MethodPatch, "/api/access/people/anna", body).want(http.StatusConflict)
		}
		anna.rest(http.MethodDelete, "/api/access/people/anna", nil).want(http.StatusConflict)
		anna.rest(http.MethodPatch, "/api/access/people/anna", map[string]any{"name": "Anna B."}).want(http.StatusOK)
		if !anna.isIn() {
			t.Error("refused changes have ended the session")
		}
		ben := anna.person("ben", "admin")
		decoded[Person](anna.rest(http.MethodPatch, "/api/access/people/ben", map[string]any{"disabled": true}), http.StatusOK)
		anna.rest(http.MethodDelete, "/api/access/people/anna", nil).want(http.StatusConflict) // one who is disabled is none
		decoded[Person](anna.rest(http.MethodPatch, "/api/access/people/ben", map[string]any{"disabled": false}), http.StatusOK)
		anna.rest(http.MethodPatch, "/api/access/people/anna", demote).want(http.StatusOK)
		anna.rest(http.MethodGet, "/api/access/people", nil).want(http.StatusForbidden)
		ben.signIn("ben", goodWord).to("/x")
		// Nobody gets more by their own hand.
		anna.rest(http.MethodPatch, "/api/access/people/anna", map[string]any{"rights": access.Rights{{Role: access.Admin}}}).want(http.StatusForbidden)
		ben.rest(http.MethodPatch, "/api/access/people/anna", map[string]any{"rights": access.Rights{{Role: access.Admin}}}).want(http.StatusOK)
	})
}

// hooked are records that call before with what is about to be put.
type hooked struct {
	motacilla.Records
	before func(motacilla.Record)
}

func (h *hooked) Put(ctx context.Context, r motacilla.Record) (motacilla.Record, error) {
	h.before(r)
	return h.Records.Put(ctx, r)
}

// Two admins take the role from each other at the same moment: when each is written, the other one has it still.
func TestLastAdminsAtOnce(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		anna.person("ben", "admin")
		demote := func(one *person) error {
			one.Rights = access.Rights{{Role: access.Editor}}
			return nil
		}
		plain := s.records
		once := sync.OnceFunc(func() {
			s.records = plain
			if _, err := s.change(t.Context(), "anna", demote); err != nil {
				t.Error(err)
			}
		})
		s.records = &hooked{plain, func(motacilla.Record) { once() }}
		if _, err := s.adminChange(t.Context(), "ben", demote); !errors.Is(err, errLast) {
			t.Errorf("error is %v", err)
		}
		if err := s.otherAdmin(t.Context(), "anna"); err != nil {
			t.Errorf("ben has not got it back: %v", err)
		}
		// One after the other, and while nothing else happens.
		before, _ := s.get(t.Context(), "ben")
		_, err := s.adminChange(t.Context(), "ben", demote)
		if one, _ := s.get(t.Context(), "ben"); !errors.Is(err, errLast) || one.version != before.version {
			t.Errorf("%+v, %v", one, err)
		}
	})
}

// An account that is changed while somebody signs in to it has no session of that.
func TestChangedWhileSigningIn(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		anna.person("ben", "reader")
		one, _ := s.get(t.Context(), "ben")
		for name, change := range map[string]func(){
			"another password": func() {
				_, _ = s.change(t.Context(), "ben", func(now *person) error { now.Generation++; return nil })
			},
			"disabled": func() {
				_, _ = s.change(t.Context(), "ben", func(now *person) error { now.Disabled, now.Generation = true, one.Generation; return nil })
			},
			"deleted": func() { _ = s.remove(t.Context(), "ben"); s.forgetHandle(t.Context(), one.Handle) },
		} {
			w, r := newExchange(t)
			change()
			if err := s.signedIn(w, r, one, ""); err == nil || len(w.Result().Cookies()) != 0 {
				t.Errorf("%s: signed in", name)
			}
			if list, _ := s.kit.Sessions(t.Context(), "person/ben"); len(list) != 0 {
				t.Errorf("%s: %+v", name, list)
			}
			if name == "deleted" {
				one.version, one.Generation = 0, 0
				if err := s.create(t.Context(), one); err != nil {
					t.Fatal(err)
				}
			} else {
				_, _ = s.change(t.Context(), "ben", func(now *person) error { now.Disabled, now.Generation = false, one.Generation; return nil })
			}
		}
		w, r := newExchange(t)
		if err := s.signedIn(w, r, one, ""); err != nil || len(w.Result().Cookies()) != 2 {
			t.Errorf("unchanged: %v", err)
		}
	})
}

// Somebody whose account another server keeps sees it, and can't change it here.
func TestAccountOfAnotherServer(t *testing.T) {
	in(t, func(t *testing.T) {
		s, _ := admin(t)
		w, r := newExchange(t)
		acc := &access.Account{Who: "oidc/1234", Name: "Dora", Rights: access.Rights{{Role: access.Reader}}}
		if err := s.kit.SignIn(w, r, acc, true, time.Hour); err != nil {
			t.Fatal(err)
		}
		b := s.browser("192.0.2.4")
		b.cookies[access.Cookie] = w.Result().Cookies()[0].Value
		f := form[access.AccountForm](b.get("/account"), http.StatusOK, "account")
		if !f.Elsewhere || f.Name != "Dora" || f.Login != "" || len(f.Sessions) != 1 || f.Rights[0].Role != access.Reader {
			t.Errorf("%+v", f)
		}
		b.post("/account", url.Values{"name": {"Eve"}}).want(http.StatusForbidden)
		b.rest(http.MethodPost, "/api/access/passkeys/options", map[string]any{"for": "account"}).want(http.StatusForbidden)
		if acc, err := s.Account(t.Context(), "oidc/1234"); acc != nil || err != nil {
			t.Errorf("%+v, %v", acc, err)
		}
	})
}
