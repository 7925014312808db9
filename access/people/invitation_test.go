package people

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
)

func TestFirstAccount(t *testing.T) {
	in(t, func(t *testing.T) {
		s := open(t)
		if !strings.HasPrefix(s.notice.String(), "Make the first account, within 24 hours: http://localhost:8080/invitation/") {
			t.Errorf("the notice is %q", s.notice)
		}
		link, b := s.first(), s.browser("192.0.2.1")
		f := form[access.InvitationForm](b.get(link), http.StatusOK, "invitation")
		if !f.First || f.Reset || f.Invites != "" || !f.ByPasskey || f.Secret == "" || !f.Rights.Allow("", manage) {
			t.Errorf("the form is %+v", f)
		}
		second := openWith(t, settings{store: s.store}) // a node that starts meanwhile has a link too
		other := second.first()
		form[access.InvitationForm](b.get(other), http.StatusOK, "invitation")
		b.join(link, "anna", "Anna")
		if !b.isIn() {
			t.Error("not signed in")
		}
		for _, used := range []string{link, other} {
			f := form[access.InvitationForm](b.get(used), http.StatusNotFound, "invitation")
			if f.Failed != access.InvitationGone || f.Secret != "" {
				t.Errorf("the form is %+v", f)
			}
			got := s.browser("192.0.2.2").post(used, url.Values{"login": {"eve"}, "name": {"Eve"}, "password": {goodWord}})
			form[access.InvitationForm](got, http.StatusNotFound, "invitation")
		}
		if third := openWith(t, settings{store: s.store}); third.notice.Len() != 0 {
			t.Errorf("a later start writes %q", third.notice)
		}
		list := decoded[invitationsAnswer](b.rest(http.MethodGet, "/api/access/invitations", nil), http.StatusOK)
		if len(list.Invitations) != 0 {
			t.Errorf("%+v are left", list)
		}
	})
}

// TestInvitationByNobody: the server's token is nobody's, so the page does not say that it invites.
func TestInvitationByNobody(t *testing.T) {
	in(t, func(t *testing.T) {
		s := open(t)
		b := s.browser("192.0.2.3")
		body := map[string]any{"rights": access.Rights{{Role: access.Editor}}}
		made := decoded[Invitation](b.rest(http.MethodPost, "/api/access/invitations", body, "Authorization", "Bearer "+serverToken), http.StatusCreated)
		f := form[access.InvitationForm](b.get(pathOf(t, made.URL)), http.StatusOK, "invitation")
		if f.Invites != "" || made.By != "server" {
			t.Errorf("%q invites, by %q", f.Invites, made.By)
		}
	})
}

// The first links of several nodes, used at once by several browsers, make one account.
func TestFirstAccountOnce(t *testing.T) {
	in(t, func(t *testing.T) {
		s := open(t)
		nodes := []*site{s, openWith(t, settings{store: s.store}), openWith(t, settings{store: s.store})}
		var all sync.WaitGroup
		codes := make([]int, 9)
		for i := range codes {
			node := nodes[i%len(nodes)]
			b := node.browser(fmt.Sprintf("192.0.2.%d", i))
			all.Go(func() {
				codes[i] = b.post(node.first(), url.Values{"login": {fmt.Sprintf("p%d", i)}, "name": {"P"}, "password": {goodWord}}).Code
			})
		}
		all.Wait()
		slices.Sort(codes)
		if codes[0] != http.StatusSeeOther || codes[1] != http.StatusNotFound {
			t.Errorf("answers are %v", codes)
		}
		n := 0
		if err := s.each(t.Context(), func(*person) bool { n++; return true }); n != 1 || err != nil {
			t.Errorf("%d people, %v", n, err)
		}
	})
}

// Two links that were both looked at before either was used, and one that is left over.
func TestFirstAccountIsClaimed(t *testing.T) {
	in(t, func(t *testing.T) {
		s := open(t)
		other := openWith(t, settings{store: s.store})
		var found []*invitation
		for _, path := range []string{s.first(), other.first()} {
			inv, err := s.invited(t.Context(), strings.TrimPrefix(path, "/invitation/"))
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, inv)
		}
		keep := func(*person) {}
		if err := other.claim(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.accept(t.Context(), found[0], "anna", "Anna", keep); !errors.Is(err, errGone) {
			t.Errorf("while another node makes the first account: %v", err)
		}
		s.pass(claimLife + time.Second) // that node has died
		if _, err := s.accept(t.Context(), found[0], "anna", "Anna", keep); err != nil {
			t.Fatal(err)
		}
		if _, err := s.accept(t.Context(), found[1], "eve", "Eve", keep); !errors.Is(err, errGone) {
			t.Errorf("the second one: %v", err)
		}
		left, err := s.invite(t.Context(), &invitation{Kind: isFirst}, linkLife)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.invited(t.Context(), left); !errors.Is(err, errGone) {
			t.Errorf("one that is left over: %v", err)
		}
	})
}

func TestFirstLinkExpires(t *testing.T) {
	in(t, func(t *testing.T) {
		s := open(t)
		b := s.browser("192.0.2.1")
		s.pass(linkLife - time.Minute)
		form[access.InvitationForm](b.get(s.first()), http.StatusOK, "invitation")
		s.pass(2 * time.Minute)
		form[access.InvitationForm](b.get(s.first()), http.StatusNotFound, "invitation")
		if next := openWith(t, settings{store: s.store}); next.notice.Len() == 0 {
			t.Error("the next start writes no link")
		}
	})
}

func TestLinks(t *testing.T) {
	in(t, func(t *testing.T) {
		for _, c := range []struct{ url, base, want string }{
			{"", "", "http://localhost:8080/invitation/"},
			{"https://example.org", "", "https://example.org/invitation/"},
			{"https://example.org/news/live", "/news/live", "https://example.org/news/live/invitation/"},
			{"", "/news/live", "http://localhost:8080/news/live/invitation/"},
		} {
			s := openWith(t, settings{site: access.Site{URL: c.url, Base: c.base}})
			b := s.browser("192.0.2.1")
			b.join(s.first(), "anna", "Anna")
			got := b.rest(http.MethodPost, c.base+"/api/access/invitations", map[string]any{"rights": access.Rights{{Role: access.Reader}}})
			if inv := decoded[Invitation](got, http.StatusCreated); !strings.HasPrefix(inv.URL, c.want) {
				t.Errorf("%q, %q: %s", c.url, c.base, inv.URL)
			}
			b.post(c.base+"/sign-out", url.Values{"next": {c.base + "/y"}}).to(c.base + "/y")
			b.get(c.base + "/account").to(c.base + "/sign-in?next=" + url.QueryEscape(c.base+"/account"))
			b.signIn("anna", goodWord).to(c.base + "/x")
		}
	})
}

func TestInvitations(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		inv := decoded[Invitation](anna.rest(http.MethodPost, "/api/access/invitations", map[string]any{
			"rights": []any{map[string]any{"role": "editor", "channels": []string{"match-*"}}}, "login": "Ben", "name": "Ben",
		}), http.StatusCreated)
		if inv.Kind != "invite" || inv.By != "person/anna" || inv.Login != "ben" || inv.Expires.Sub(inv.Created) < 7*24*time.Hour-time.Minute {
			t.Errorf("%+v", inv)
		}
		list := decoded[invitationsAnswer](anna.rest(http.MethodGet, "/api/access/invitations", nil), http.StatusOK)
		if len(list.Invitations) != 1 || list.Invitations[0].ID != inv.ID || list.Invitations[0].URL != "" || strings.Contains(inv.URL, inv.ID) {
			t.Errorf("%+v", list)
		}
		b := s.browser("192.0.2.2")
		f := form[access.InvitationForm](b.get(pathOf(t, inv.URL)), http.StatusOK, "invitation")
		if f.First || f.Invites != "Anna" || f.Login != "ben" || f.Name != "Ben" || f.Rights[0].String() != "editor:match-*" {
			t.Errorf("the form is %+v", f)
		}
		for _, c := range []struct{ login, name, password, word, field string }{
			{"no login", "Ben", goodWord, access.LoginInvalid, "login"},
			{"anna", "Ben", goodWord, access.LoginTaken, "login"},
			{"ben", "", goodWord, access.NameInvalid, "name"},
			{"ben", "Ben", "short", access.PasswordShort, "password"},
			{"ben.smith", "Ben", "Ben.Smith1", access.PasswordOwn, "password"},
			{"ben", "Ben", "localhost1", access.PasswordOwn, "password"},
		} {
			got := b.post(pathOf(t, inv.URL), url.Values{"login": {c.login}, "name": {c.name}, "password": {c.password}})
			if got.Code < 400 || got.Code >= 500 {
				t.Errorf("%+v: status %d", c, got.Code)
			}
			f := form[access.InvitationForm](got, got.Code, "invitation")
			if f.Failed != c.word || f.Field != c.field || f.Login != c.login || f.Name != c.name || f.Secret == "" {
				t.Errorf("%+v: %+v", c, f)
			}
		}
		b.join(pathOf(t, inv.URL), " BEN ", "Ben")
		a := form[access.AccountForm](b.get("/account"), http.StatusOK, "account")
		if a.Login != "ben" || a.Rights[0].String() != "editor:match-*" || a.Rights.Allow("", manage) {
			t.Errorf("the account is %+v", a)
		}
		one, _ := s.get(t.Context(), "ben")
		if one.By != "person/anna" || strings.Contains(one.Password, goodWord) {
			t.Errorf("%+v", one)
		}
		form[access.InvitationForm](s.browser("192.0.2.3").get(pathOf(t, inv.URL)), http.StatusNotFound, "invitation")

		link, id := anna.invite("reader")
		anna.rest(http.MethodDelete, "/api/access/invitations/"+id, nil).want(http.StatusNoContent)
		anna.rest(http.MethodDelete, "/api/access/invitations/"+id, nil).want(http.StatusNotFound)
		form[access.InvitationForm](b.get(link), http.StatusNotFound, "invitation")

		link, _ = anna.invite("reader")
		s.pass(7*24*time.Hour + time.Second)
		form[access.InvitationForm](b.get(link), http.StatusNotFound, "invitation")

		for _, body := range []any{
			map[string]any{}, map[string]any{"rights": []any{}}, map[string]any{"rights": []any{map[string]any{"role": "king"}}},
			map[string]any{"rights": []any{map[string]any{"role": "reader", "channels": []string{"a/b"}}}},
			map[string]any{"rights": []any{map[string]any{"role": "reader"}}, "login": "no login"},
			map[string]any{"rights": []any{map[string]any{"role": "reader"}}, "name": "\u202e"},
			map[string]any{"rights": []any{map[string]any{"role": "reader"}}, "days": 7},
		} {
			anna.rest(http.MethodPost, "/api/access/invitations", body).want(http.StatusBadRequest)
		}
		events := s.events()
		for _, want := range []string{"invitation made person/anna", "invitation revoked person/anna", "account made person/ben"} {
			if !slices.Contains(events, want) {
				t.Errorf("the audit log lacks %q: %q", want, events)
			}
		}
	})
}

// An invitation that many use at once makes one account, and one login that many want makes one too.
func TestInvitationOnce(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		use := func(login func(i int) string, link func(i int) string) (codes []int) {
			codes = make([]int, 8)
			var all sync.WaitGroup
			for i := range codes {
				b := s.browser(fmt.Sprintf("198.51.100.%d", i))
				all.Go(func() {
					codes[i] = b.post(link(i), url.Values{"login": {login(i)}, "name": {"P"}, "password": {goodWord}}).Code
				})
			}
			all.Wait()
			slices.Sort(codes)
			return codes
		}
		link, _ := anna.invite("reader")
		codes := use(func(i int) string { return fmt.Sprintf("p%d", i) }, func(int) string { return link })
		if codes[0] != http.StatusSeeOther || codes[1] != http.StatusNotFound {
			t.Errorf("one link: %v", codes)
		}
		var links []string
		for range 8 {
			link, _ := anna.invite("reader")
			links = append(links, link)
		}
		codes = use(func(int) string { return "wanted" }, func(i int) string { return links[i] })
		if codes[0] != http.StatusSeeOther || codes[1] != http.StatusConflict {
			t.Errorf("one login: %v", codes)
		}
		// Those who were too late can use theirs.
		time.Sleep(time.Minute)
		again := 0
		for i, link := range links {
			if s.browser("198.51.100.99").get(link).Code == http.StatusOK {
				again++
				s.browser(fmt.Sprintf("198.51.100.%d", i)).join(link, fmt.Sprintf("q%d", i), "Q")
			}
		}
		if again != 7 {
			t.Errorf("%d links are left, want 7", again)
		}
	})
}

// An invitation of which nothing came can be used again.
func TestInvitationIsGivenBack(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		link, _ := anna.invite("reader")
		secret := strings.TrimPrefix(link, "/invitation/")
		inv, err := s.invited(t.Context(), secret)
		if err != nil {
			t.Fatal(err)
		}
		one, _ := s.get(t.Context(), "anna")
		taken := func(next *person) { next.Handle = one.Handle } // as if somebody were faster
		if _, err := s.accept(t.Context(), inv, "ben", "Ben", taken); !errors.Is(err, motacilla.ErrExists) {
			t.Fatalf("error is %v", err)
		}
		if again, err := s.invited(t.Context(), secret); err != nil || !again.expires.Equal(inv.expires) {
			t.Errorf("%+v, %v", again, err)
		}
		s.browser("192.0.2.5").join(link, "ben", "Ben")
	})
}

// Nobody gives away what they do not have, also not by a link from a time when they had it.
func TestRightsThatAreGivenAway(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		editor := anna.person("ed", "editor")
		sports := anna.person("sports", "admin:match-*")
		for _, b := range []*browser{editor, sports} {
			b.rest(http.MethodPost, "/api/access/invitations", map[string]any{"rights": access.Rights{{Role: access.Reader}}}).want(http.StatusForbidden)
			for _, path := range []string{"/api/access/people", "/api/access/people/anna", "/api/access/invitations"} {
				b.rest(http.MethodGet, path, nil).want(http.StatusForbidden)
			}
			b.rest(http.MethodPatch, "/api/access/people/ed", map[string]any{"rights": access.Rights{{Role: access.Admin}}}).want(http.StatusForbidden)
			b.rest(http.MethodDelete, "/api/access/people/ed", nil).want(http.StatusForbidden)
			b.rest(http.MethodPost, "/api/access/people/anna/reset", nil).want(http.StatusForbidden)
		}
		// A hook of the app's own may let others in here; they still give away no more than they have.
		limited := &access.Subject{Rights: access.Rights{{Role: access.Editor}}}
		if covers(limited, access.Rights{{Role: access.Admin}}) == nil || covers(limited, access.Rights{{Role: access.Editor}}) != nil {
			t.Error("rights that are not covered can be given away")
		}
		ben := anna.person("ben", "admin")
		link, _ := ben.invite("admin")
		reset := decoded[Invitation](ben.rest(http.MethodPost, "/api/access/people/anna/reset", nil), http.StatusCreated)
		b := s.browser("192.0.2.7")
		form[access.InvitationForm](b.get(link), http.StatusOK, "invitation")
		anna.rest(http.MethodPatch, "/api/access/people/ben", map[string]any{"rights": access.Rights{{Role: access.Editor}}}).want(http.StatusOK)
		for _, path := range []string{link, pathOf(t, reset.URL)} {
			form[access.InvitationForm](b.get(path), http.StatusNotFound, "invitation")
			form[access.InvitationForm](b.post(path, url.Values{"login": {"eve"}, "name": {"Eve"}, "password": {goodWord}}), http.StatusNotFound, "invitation")
		}
		// A token of an admin may invite, and so may the server's.
		made := decoded[Invitation](b.rest(http.MethodPost, "/api/access/invitations",
			map[string]any{"rights": access.Rights{{Role: access.Reader}}}, "Authorization", "Bearer "+serverToken), http.StatusCreated)
		b.join(pathOf(t, made.URL), "cleo", "Cleo")
		one, _ := s.get(t.Context(), "cleo")
		if one.By != "server" {
			t.Errorf("invited by %q", one.By)
		}
		// What a token was for is void when it is revoked, also if another one gets its name.
		ci := func() string {
			secret, err := s.kit.CreateToken(t.Context(), access.Token{Name: "ci", Rights: access.Rights{{Role: access.Admin}}})
			if err != nil {
				t.Fatal(err)
			}
			return "Bearer " + secret
		}
		made = decoded[Invitation](b.rest(http.MethodPost, "/api/access/invitations",
			map[string]any{"rights": access.Rights{{Role: access.Admin}}}, "Authorization", ci()), http.StatusCreated)
		form[access.InvitationForm](b.get(pathOf(t, made.URL)), http.StatusOK, "invitation")
		if err := s.kit.RevokeToken(t.Context(), "ci"); err != nil {
			t.Fatal(err)
		}
		form[access.InvitationForm](b.get(pathOf(t, made.URL)), http.StatusNotFound, "invitation")
		other := &access.Token{Name: "ci", Created: made.Created.Add(time.Minute), Rights: access.Rights{{Role: access.Admin}}}
		if still := gives(other, &invitation{Created: made.Created, Rights: made.Rights}); still {
			t.Error("a later token of the same name gives away what an earlier one did")
		}
	})
}

// Invitations with a passkey: the login and the name are those that the passkey was made for.
func TestPasskeyInvitation(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		link, _ := anna.invite("reader")
		secret := strings.TrimPrefix(link, "/invitation/")
		b := s.browser("192.0.2.8")
		ask := func(login, name, secret string) answer {
			return b.rest(http.MethodPost, "/api/access/passkeys/options",
				map[string]any{"for": "invitation", "secret": secret, "login": login, "name": name})
		}
		ask("ben", "Ben", "wrong").want(http.StatusNotFound)
		ask("no login", "Ben", secret).want(http.StatusBadRequest)
		ask("ben", "", secret).want(http.StatusBadRequest)
		ask("anna", "Ben", secret).want(http.StatusConflict)
		other, _ := anna.invite("admin")
		id, o := optionsOf[creation](b, map[string]any{"for": "invitation", "secret": secret, "login": "ben", "name": "Ben"})
		phone := newAuthenticator()
		body := map[string]any{"id": id, "for": "invitation", "credential": phone.create(o), "secret": strings.TrimPrefix(other, "/invitation/"), "login": "ben"}
		b.rest(http.MethodPost, "/api/access/passkeys", body).want(http.StatusNotFound) // of another invitation
		b.passkeyJoin(phone, secret, "ben", "Ben").want(http.StatusOK)
		if a := form[access.AccountForm](b.get("/account"), http.StatusOK, "account"); a.Login != "ben" || a.Passkeys[0].Label != "Phone" {
			t.Errorf("the account is %+v", a)
		}
		id, o = optionsOf[creation](b, map[string]any{"for": "invitation", "secret": body["secret"], "login": "cleo", "name": "Cleo"})
		anna.person("cleo", "reader") // somebody else is faster
		body["id"], body["credential"] = id, phone.create(o)
		b.rest(http.MethodPost, "/api/access/passkeys", body).want(http.StatusConflict)
		b.passkeyJoin(newAuthenticator(), body["secret"].(string), "dora", "Dora").want(http.StatusOK)
	})
}

// Secrets are neither in the store nor in the audit log.
func TestSecretsAreNotKept(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		link, _ := anna.invite("reader")
		anna.person("ben", "reader").get(link)
		secrets := []string{goodWord, strings.TrimPrefix(link, "/invitation/"), strings.TrimPrefix(s.first(), "/invitation/"), anna.session()}
		if _, _, err := s.kit.Audit(t.Context(), "", 1000); err != nil { // writes what waits
			t.Fatal(err)
		}
		records := s.store.Records()
		spaces, err := records.Namespaces(context.Background(), "", 100)
		if err != nil || len(spaces) < 5 {
			t.Fatalf("%v, %v", spaces, err)
		}
		for _, space := range spaces {
			list, err := records.List(t.Context(), space.Name, "", "", 500)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				for _, secret := range secrets {
					if strings.Contains(r.Key, secret) || strings.Contains(string(r.Value), secret) {
						t.Errorf("%s %s has a secret", r.Namespace, r.Key)
					}
				}
			}
		}
	})
}
