package people

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// fuzzed returns People on a store of its own.
func fuzzed(f *testing.F) *People {
	store := memory.New(nil)
	f.Cleanup(func() { _ = store.Close() })
	p := New(nil, access.NewKit(&access.KitOptions{Records: store.Records()}))
	p.kit.Site().Secure = func(*http.Request) bool { return false }
	return p
}

// From the first link to signing in again, without a password.
func TestPasskeys(t *testing.T) {
	in(t, func(t *testing.T) {
		s := open(t)
		phone, b := newAuthenticator(), s.browser("192.0.2.1")
		secret := strings.TrimPrefix(s.first(), "/invitation/")
		id, o := optionsOf[creation](b, map[string]any{"for": "invitation", "secret": secret, "login": " Anna", "name": "Anna A."})
		if o.RP.ID != "localhost" || o.User.Name != "anna" || o.User.DisplayName != "Anna A." || len(o.User.ID) != 32 || len(o.Challenge) < 16 ||
			o.Selection.ResidentKey != "required" || o.Selection.UserVerification != "required" || o.Attestation != "none" ||
			!slices.ContainsFunc(o.Parameters, func(p struct {
				Alg int `json:"alg"`
			}) bool {
				return p.Alg == -7
			}) {
			t.Errorf("the options are %+v", o)
		}
		got := decoded[nextAnswer](b.rest(http.MethodPost, "/api/access/passkeys", map[string]any{
			"id": id, "for": "invitation", "credential": phone.create(o), "label": "Phone", "secret": secret,
		}), http.StatusOK)
		if got.Next != "/account" || !b.isIn() {
			t.Errorf("it leads to %q", got.Next)
		}
		b.post("/sign-out", nil)
		_, use := optionsOf[assertion](b, map[string]any{"for": "sign-in"})
		if use.RPID != "localhost" || use.UserVerification != "required" || len(use.Allow) != 0 {
			t.Errorf("the options are %+v", use)
		}
		if got := decoded[nextAnswer](b.passkeySignIn(phone), http.StatusOK); got.Next != "/x" || !b.isIn() {
			t.Errorf("it leads to %q", got.Next)
		}
		f := form[access.AccountForm](b.get("/account"), http.StatusOK, "account")
		if f.Password || len(f.Passkeys) != 1 || f.Passkeys[0].Label != "Phone" || f.Passkeys[0].Used == "" || f.Passkeys[0].Created == "" {
			t.Errorf("the account is %+v", f)
		}
		// There is no password to try.
		s.browser("192.0.2.3").signIn("anna", "").want(http.StatusUnauthorized)
		s.browser("192.0.2.3").signIn("anna", goodWord).want(http.StatusUnauthorized)
		want := []string{"refused: sign in person/anna", "sign in person/anna", "sign out person/anna", "sign in person/anna", "account made person/anna"}
		if got := s.events(); !slices.Equal(got[len(got)-4:], want[1:]) || got[0] != want[0] {
			t.Errorf("the audit log has %q", got)
		}
	})
}

// Strangers can try passwords as they like: passkeys are not limited by that.
func TestPasskeyOfAnAccountUnderAttack(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		phone := newAuthenticator()
		anna.passkeyAdd(phone, "").want(http.StatusCreated)
		b := s.browser("192.0.2.3")
		for range 2 * mostTries {
			b.signIn("anna", "not the password")
		}
		b.signIn("anna", goodWord).want(http.StatusTooManyRequests)
		b.passkeySignIn(phone).want(http.StatusOK)
	})
}

func TestWrongPasskeys(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		phone := newAuthenticator()
		anna.passkeyAdd(phone, "Phone").want(http.StatusCreated)
		b := s.browser("192.0.2.3")
		last := phone.keys[0].count // that is kept
		sign := func(change func(*authenticator)) answer {
			other, k := *phone, *phone.keys[0]
			k.count = last + 10
			other.keys = []*virtualKey{&k}
			change(&other)
			got := b.passkeySignIn(&other)
			if got.Code == http.StatusOK {
				last = k.count
			}
			return got
		}
		sign(func(*authenticator) {}).want(http.StatusOK)
		b.post("/sign-out", nil)
		var same []byte
		for name, change := range map[string]func(*authenticator){
			"another origin":         func(a *authenticator) { a.origin = "http://localhost:8081" },
			"another scheme":         func(a *authenticator) { a.origin = "https://" + host },
			"another site's passkey": func(a *authenticator) { a.keys[0].rp = "example.org" },
			"nobody was verified":    func(a *authenticator) { a.noVerify = true },
			"another key": func(a *authenticator) {
				other := newAuthenticator()
				other.create(creation{})
				a.keys[0].key = other.keys[0].key
			},
			"nobody's handle":          func(a *authenticator) { a.keys[0].handle = newHandle() },
			"a short handle":           func(a *authenticator) { a.keys[0].handle = []byte("anna") },
			"no handle":                func(a *authenticator) { a.keys[0].handle = nil },
			"a key that is not known":  func(a *authenticator) { a.keys[0].id = []byte("another ID, which nobody has") },
			"backed up, not eligible":  func(a *authenticator) { a.flags = 16 },
			"the count has gone back":  func(a *authenticator) { a.keys[0].count = last - 2 },
			"the count stays the same": func(a *authenticator) { a.keys[0].count, a.step = last, 0 },
			"it has stopped counting":  func(a *authenticator) { a.keys[0].count, a.step = 0, 0 },
		} {
			got := sign(change)
			if got.Code != http.StatusUnauthorized || b.isIn() {
				t.Errorf("%s: status %d: %s", name, got.Code, got.Body)
			}
			if strings.Contains(name, "count") {
				if !strings.Contains(got.Body.String(), "copied") {
					t.Errorf("%s: %s", name, got.Body)
				}
			} else if same = append(same, got.Body.Bytes()...); !strings.HasPrefix(string(same), got.Body.String()) {
				t.Errorf("%s is answered in another way: %s", name, got.Body)
			}
		}
		// The flag that Apple's passkeys change.
		sign(func(a *authenticator) { a.flags = 8 + 16 }).want(http.StatusOK)
		one, _ := s.get(t.Context(), "anna")
		if !one.Passkeys[0].BackedUp || !one.Passkeys[0].Eligible {
			t.Errorf("the passkey is %+v", one.Passkeys[0])
		}
		for _, body := range []string{`{}`, `{"id":"x","for":"sign-in","credential":{}}`, `{"id":1}`, `[]`, `{"id":"x","for":"sign-in","credential":{},"y":1}`} {
			b.do(http.MethodPost, "/api/access/passkeys", "application/json", strings.NewReader(body)).want(http.StatusBadRequest)
		}
	})
}

func TestChallenges(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		phone := newAuthenticator()
		anna.passkeyAdd(phone, "Phone").want(http.StatusCreated)
		ben := anna.person("ben", "reader")
		b := s.browser("192.0.2.3")
		send := func(b *browser, id, use string, credential any) answer {
			return b.rest(http.MethodPost, "/api/access/passkeys", map[string]any{"id": id, "for": use, "credential": credential})
		}

		id, o := optionsOf[assertion](b, map[string]any{"for": "sign-in"})
		signed := phone.get(o)
		send(b, id, "sign-in", signed).want(http.StatusOK)
		b.post("/sign-out", nil)
		send(b, id, "sign-in", signed).want(http.StatusBadRequest) // it was used
		other, _ := optionsOf[assertion](b, map[string]any{"for": "sign-in"})
		send(b, other, "sign-in", signed).want(http.StatusUnauthorized) // another challenge

		id, o = optionsOf[assertion](b, map[string]any{"for": "sign-in"})
		time.Sleep(challengeLife + time.Second)
		send(b, id, "sign-in", phone.get(o)).want(http.StatusBadRequest) // too late

		id, o = optionsOf[assertion](b, map[string]any{"for": "sign-in"})
		send(anna, id, "account", phone.get(o)).want(http.StatusBadRequest) // for something else

		id, made := optionsOf[creation](anna, map[string]any{"for": "account"})
		if len(made.Exclude) != 1 {
			t.Errorf("the options are %+v", made)
		}
		send(ben, id, "account", newAuthenticator().create(made)).want(http.StatusForbidden) // another account's
		id, made = optionsOf[creation](anna, map[string]any{"for": "account"})
		anna.post("/sign-out", nil)
		send(anna, id, "account", newAuthenticator().create(made)).want(http.StatusUnauthorized)
		anna.rest(http.MethodPost, "/api/access/passkeys/options", map[string]any{"for": "account"}).want(http.StatusUnauthorized)
		anna.rest(http.MethodPost, "/api/access/passkeys/options", map[string]any{"for": "nothing"}).want(http.StatusBadRequest)

		weak := newAuthenticator()
		weak.noVerify = true
		ben.passkeyAdd(weak, "").want(http.StatusBadRequest)
		ben.passkeyAdd(newAuthenticator(), strings.Repeat("x", 101)).want(http.StatusBadRequest)
	})
}

func TestPasskeysOfAnAccount(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		for i := range mostPasskeys {
			if i%10 == 9 {
				time.Sleep(time.Minute) // requests are limited
			}
			made := decoded[access.Passkey](anna.passkeyAdd(newAuthenticator(), "Key"), http.StatusCreated)
			if made.ID == "" || made.Label != "Key" {
				t.Fatalf("%+v", made)
			}
		}
		time.Sleep(time.Minute)
		anna.rest(http.MethodPost, "/api/access/passkeys/options", map[string]any{"for": "account"}).want(http.StatusBadRequest)
		one, _ := s.get(t.Context(), "anna")
		ben := anna.person("ben", "reader")
		ben.rest(http.MethodDelete, "/api/access/passkeys/"+encodeID(one.Passkeys[0].ID), nil).want(http.StatusNotFound)
		s.browser("192.0.2.4").rest(http.MethodDelete, "/api/access/passkeys/"+encodeID(one.Passkeys[0].ID), nil).want(http.StatusUnauthorized)
		for _, k := range one.Passkeys[1:] {
			anna.rest(http.MethodDelete, "/api/access/passkeys/"+encodeID(k.ID), nil).want(http.StatusNoContent)
		}
		if _, err := s.change(t.Context(), "anna", func(one *person) error { one.Password = ""; return nil }); err != nil {
			t.Fatal(err)
		}
		last := "/api/access/passkeys/" + encodeID(one.Passkeys[0].ID)
		anna.rest(http.MethodDelete, last, nil).want(http.StatusConflict)
		// The first password of an account needs no old one.
		anna.post("/account", url.Values{"password": {goodWord}}).to("/account?saved=1")
		anna.rest(http.MethodDelete, last, nil).want(http.StatusNoContent)
		if events := s.events(); !slices.Contains(events, "passkey removed person/anna") || !slices.Contains(events, "passkey added person/anna") {
			t.Errorf("the audit log has %q", events)
		}
	})
}

// Passkeys are offered where browsers have them.
func TestWhereThereArePasskeys(t *testing.T) {
	in(t, func(t *testing.T) {
		s := open(t)
		for _, c := range []struct {
			url    string // of the site
			header []string
			want   string // the origin; empty: there are none
		}{
			{"", []string{"Host", "localhost:8080"}, "http://localhost:8080"},
			{"", []string{"Host", "LOCALHOST"}, "http://localhost"},
			{"", []string{"Host", "app.localhost:8080"}, "http://app.localhost:8080"},
			{"", []string{"Host", "127.0.0.1:8080"}, ""},
			{"", []string{"Host", "[::1]:8080"}, ""},
			{"", []string{"Host", "192.0.2.1", "X-Forwarded-Proto", "https"}, ""},
			{"", []string{"Host", "example.org"}, ""},
			{"", []string{"Host", "example.org", "X-Forwarded-Proto", "https"}, "https://example.org"},
			{"", []string{"Host", "example.org:443", "X-Forwarded-Proto", "https"}, "https://example.org"},
			{"", []string{"Host", "bad host", "X-Forwarded-Proto", "https"}, ""},
			{"https://example.org/live", []string{"Host", "10.0.0.1:8080"}, "https://example.org"},
			{"https://example.org:8443", []string{"Host", "10.0.0.1:8080"}, "https://example.org:8443"},
			{"http://example.org", []string{"Host", "example.org"}, ""},
			{"https://192.0.2.1", []string{"Host", "example.org"}, ""},
		} {
			s.kit.Site().URL = c.url
			b := s.browser("192.0.2.1")
			f := form[access.SignInForm](b.get("/sign-in", c.header...), http.StatusOK, "signin")
			if f.ByPasskey != (c.want != "") {
				t.Errorf("%q, %q: offered is %v", c.url, c.header, f.ByPasskey)
			}
			if !f.ByPasskey {
				b.rest(http.MethodPost, "/api/access/passkeys/options", map[string]any{"for": "sign-in"}, c.header...).want(http.StatusNotFound)
				continue
			}
			r, _ := http.NewRequest(http.MethodPost, "/", nil)
			r.Host = c.header[1]
			if len(c.header) > 2 {
				r.Header.Set(c.header[2], c.header[3])
			}
			rp, err := s.relyingParty(r)
			if err != nil || len(rp.Config.RPOrigins) != 1 || rp.Config.RPOrigins[0] != c.want {
				t.Errorf("%q, %q: %v, %v", c.url, c.header, rp, err)
			}
		}
	})
}

// A passkey of one name does not sign in at another one, even if both are this site.
func TestPasskeyOfAnotherName(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		phone := newAuthenticator()
		anna.passkeyAdd(phone, "").want(http.StatusCreated)
		phone.origin = "https://example.org"
		b := s.browser("192.0.2.3")
		b.passkeySignIn(phone, "Host", "example.org", "X-Forwarded-Proto", "https").want(http.StatusUnauthorized)
		// A challenge that was made under one name is not signed under another one.
		id, o := optionsOf[assertion](b, map[string]any{"for": "sign-in"}, "Host", "example.org", "X-Forwarded-Proto", "https")
		phone.origin = "http://" + host
		b.rest(http.MethodPost, "/api/access/passkeys", map[string]any{"id": id, "for": "sign-in", "credential": phone.get(o)}).want(http.StatusUnauthorized)
		phone.origin = "http://" + host
		b.passkeySignIn(phone).want(http.StatusOK)
	})
}

// Two copies of a passkey that sign at once: the second one is found when its use is noted.
func TestCopiesAtOnce(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		phone := newAuthenticator()
		anna.passkeyAdd(phone, "").want(http.StatusCreated)
		one, _ := s.get(t.Context(), "anna")
		c := one.Passkeys[0].credential()
		c.Authenticator.SignCount++
		if _, err := s.used(t.Context(), one, &c); err != nil {
			t.Fatal(err)
		}
		if _, err := s.used(t.Context(), one, &c); !errors.Is(err, errCopied) {
			t.Errorf("the same count: %v", err)
		}
		c.ID = []byte("another ID, which nobody has")
		if _, err := s.used(t.Context(), one, &c); !errors.Is(err, errPasskey) {
			t.Errorf("a passkey that was removed: %v", err)
		}
	})
}

// What a device says of its maker is not looked at.
func TestMakersOfPasskeys(t *testing.T) {
	in(t, func(t *testing.T) {
		_, anna := admin(t)
		for _, maker := range []string{
			"\x63fmt\x63tpm\x67attStmt\xa1\x63ver\x632.0", "\x63fmt\x66packed\x67attStmt\xa2\x63alg\x26\x63sig\x41\x00",
			"\x63fmt\x71android-safetynet\x67attStmt\xa0", "\x63fmt\x63new\x67attStmt\xa0",
		} {
			phone := newAuthenticator()
			phone.maker = maker
			anna.passkeyAdd(phone, "").want(http.StatusCreated)
			anna.passkeySignIn(phone).want(http.StatusOK)
		}
	})
}

// Each request for options keeps a challenge.
func TestRequestsForPasskeysAreLimited(t *testing.T) {
	in(t, func(t *testing.T) {
		s := open(t)
		b := s.browser("192.0.2.1")
		codes := map[int]int{}
		for range 100 {
			codes[b.rest(http.MethodPost, "/api/access/passkeys/options", map[string]any{"for": "sign-in"}).Code]++
		}
		if want := map[int]int{http.StatusOK: 60, http.StatusTooManyRequests: 40}; !maps.Equal(codes, want) {
			t.Errorf("answers are %v, want %v", codes, want)
		}
	})
}
