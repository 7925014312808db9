package people

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/access"
)

func TestSignIn(t *testing.T) {
	in(t, func(t *testing.T) {
		s, _ := admin(t)
		b := s.browser("192.0.2.2")
		b.get("/account").to("/sign-in?next=%2Faccount")
		f := form[access.SignInForm](b.get("/sign-in?next=/account"), http.StatusOK, "signin")
		if f.Next != "/account" || !f.Passwords || !f.ByPasskey || f.Failed != "" {
			t.Errorf("the form is %+v", f)
		}
		f = form[access.SignInForm](b.signIn("Anna", "not the password"), http.StatusUnauthorized, "signin")
		if f.Failed != access.SignInWrong || f.Login != "Anna" || f.Next != "/x" || b.isIn() {
			t.Errorf("a wrong password: %+v", f)
		}
		b.signIn(" ANNA ", goodWord).to("/x")
		a := form[access.AccountForm](b.get("/account"), http.StatusOK, "account")
		if a.Login != "anna" || a.Name != "Anna" || !a.Password || a.Elsewhere || !a.Rights.Allow("", manage) || len(a.Sessions) != 2 {
			t.Errorf("the account is %+v", a)
		}
		if !slices.ContainsFunc(a.Sessions, func(one access.Session) bool { return one.ID == a.Current && one.Address == "192.0.2.2" }) {
			t.Errorf("the session %q is not among %+v", a.Current, a.Sessions)
		}
		b.post("/sign-out", url.Values{"next": {"/y"}}).to("/y")
		if b.isIn() || b.session() != "" {
			t.Error("signed in after signing out")
		}
		want := []string{
			"sign out person/anna", "sign in person/anna", "refused: sign in person/anna", "sign in person/anna", "account made person/anna",
		}
		if got := s.events(); !slices.Equal(got, want) {
			t.Errorf("the audit log has %q", got)
		}
	})
}

// Nothing tells whether there is an account: not the answer, and not the work.
func TestNobodyIsTold(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		anna.person("blocked", "reader")
		anna.rest(http.MethodPatch, "/api/access/people/blocked", map[string]any{"disabled": true}).want(http.StatusOK)
		if err := s.create(t.Context(), &person{login: "keys", Name: "Keys"}); err != nil {
			t.Fatal(err)
		}
		var first []byte
		for i, login := range []string{"anna", "nobody", "blocked", "keys", "not a login"} {
			b := s.browser(fmt.Sprintf("203.0.113.%d", i))
			for n := range mostTries + 2 { // from other addresses too, so that the account's limit is reached
				b.address = fmt.Sprintf("203.0.%d.%d", n, i)
				before := s.hashes.count.Load()
				got := b.signIn(login, "not the password")
				hashed := s.hashes.count.Load() - before
				if n < mostTries || login == "not a login" {
					if got.Code != http.StatusUnauthorized || hashed != 1 {
						t.Fatalf("%q, try %d: status %d, %d hashes", login, n, got.Code, hashed)
					}
				} else if got.Code != http.StatusTooManyRequests || hashed != 0 || got.Header().Get("Retry-After") == "" {
					t.Fatalf("%q, try %d: status %d, %d hashes", login, n, got.Code, hashed)
				}
				if n == 0 {
					body := bytes.ReplaceAll(got.Body.Bytes(), []byte(`"`+login+`"`), []byte(`"LOGIN"`))
					if first == nil {
						first = body
					}
					if !bytes.Equal(body, first) || len(got.Result().Cookies()) != 0 {
						t.Errorf("%q is answered with %s", login, body)
					}
				}
			}
		}
		// The right password of a disabled account is as wrong as any.
		s.clear(t)
		for n := range mostTries {
			b := s.browser(fmt.Sprintf("203.0.113.%d", n))
			if f := form[access.SignInForm](b.signIn("blocked", goodWord), http.StatusUnauthorized, "signin"); f.Failed != access.SignInWrong {
				t.Errorf("%+v", f)
			}
		}
		s.browser("203.0.113.99").signIn("blocked", goodWord).want(http.StatusTooManyRequests)
	})
}

// clear lets time pass until no try counts any more.
func (s *site) clear(t *testing.T) {
	t.Helper()
	time.Sleep(triesWindow + time.Second)
}

// A session that somebody else put into the browser is not the one that it has after signing in.
func TestSessionFixation(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		ben := anna.person("ben", "reader")
		planted := ben.session()
		victim := s.browser("192.0.2.9")
		victim.cookies[access.Cookie] = planted
		victim.signIn("anna", goodWord).to("/x")
		if victim.session() == planted || ben.isIn() {
			t.Error("the planted session lives")
		}
		first := victim.session()
		victim.signIn("anna", goodWord).to("/x")
		if victim.session() == first {
			t.Error("the session has the same secret after signing in again")
		}
		victim.cookies[access.Cookie] = first
		if victim.isIn() {
			t.Error("the old session lives")
		}
	})
}

func TestOpenRedirects(t *testing.T) {
	in(t, func(t *testing.T) {
		s, _ := admin(t)
		b := s.browser("192.0.2.2")
		for _, next := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, "javascript:alert(1)", "/\t/evil.example", ""} {
			b.post("/sign-in", url.Values{"login": {"anna"}, "password": {goodWord}, "next": {next}}).to("/")
			b.post("/sign-out", url.Values{"next": {next}}).to("/")
			if f := form[access.SignInForm](b.get("/sign-in?next="+url.QueryEscape(next)), http.StatusOK, "signin"); f.Next != "/" {
				t.Errorf("%q: %+v", next, f)
			}
		}
	})
}

// No other site can send a form or JSON in the name of a person.
func TestCrossSite(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		link, id := anna.invite("reader")
		wrong := [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
			{"Sec-Fetch-Site", "", "Origin", "https://evil.example"}, {"Sec-Fetch-Site", "", "Origin", "null"},
		}
		secret := anna.session()
		for _, header := range wrong {
			for _, path := range []string{"/sign-in", "/sign-out", link, "/account"} {
				got := anna.post(path, url.Values{
					"login": {"anna"}, "password": {goodWord + "!"}, "old": {goodWord}, "name": {"Evil"}, "next": {"/"},
				}, header...)
				if got.Code != http.StatusForbidden || len(got.Result().Cookies()) != 0 {
					t.Errorf("%s with %q: status %d", path, header, got.Code)
				}
				if media := got.Result().Header.Get("Content-Type"); media != "application/problem+json" {
					t.Errorf("%s: a program gets %s", path, media)
				}
				got = anna.post(path, nil, append(header, "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")...)
				if media := got.Result().Header.Get("Content-Type"); got.Code != http.StatusForbidden || media != "text/html" {
					t.Errorf("%s: a browser gets %d, %s", path, got.Code, media)
				}
			}
			for _, c := range []struct{ method, path string }{
				{http.MethodPost, "/api/access/passkeys/options"}, {http.MethodPost, "/api/access/passkeys"},
				{http.MethodDelete, "/api/access/passkeys/AAAA"}, {http.MethodPatch, "/api/access/people/anna"},
				{http.MethodDelete, "/api/access/people/anna"}, {http.MethodPost, "/api/access/people/anna/reset"},
				{http.MethodPost, "/api/access/invitations"}, {http.MethodDelete, "/api/access/invitations/" + id},
			} {
				if got := anna.rest(c.method, c.path, map[string]any{"for": "sign-in"}, header...); got.Code != http.StatusForbidden {
					t.Errorf("%s %s with %q: status %d", c.method, c.path, header, got.Code)
				}
			}
		}
		one, err := s.get(t.Context(), "anna")
		if err != nil || one.Name != "Anna" || anna.session() != secret || !anna.isIn() {
			t.Errorf("something has changed: %+v, %v", one, err)
		}
	})
}

func TestTriesOfAnAddress(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		for i := range 20 {
			if err := s.create(t.Context(), &person{login: fmt.Sprintf("p%d", i), Name: "P"}); err != nil {
				t.Fatal(err)
			}
		}
		// One password for many accounts.
		b := s.browser("203.0.113.1")
		before, refused := s.hashes.count.Load(), 0
		for i := range 20 {
			got := b.signIn(fmt.Sprintf("p%d", i), "Summer in the city 2026")
			if got.Code == http.StatusTooManyRequests {
				refused++
				if f := form[access.SignInForm](got, got.Code, "signin"); f.Failed != access.SignInWait || f.Wait < 1 || got.Header().Get("Retry-After") != fmt.Sprint(f.Wait) {
					t.Errorf("%+v, %v", f, got.Header())
				}
			}
		}
		if n := s.hashes.count.Load() - before; n != 10 || refused != 10 {
			t.Errorf("%d passwords were checked, %d refused", n, refused)
		}
		// Whoever has signed in here before may, at the same address.
		anna.address = b.address
		anna.signIn("anna", goodWord).to("/x")
		// Another address may. And so may this one, after a while.
		s.browser("203.0.113.2").signIn("anna", goodWord).to("/x")
		s.browser(b.address).signIn("anna", goodWord).want(http.StatusTooManyRequests)
		time.Sleep(time.Minute)
		s.browser(b.address).signIn("anna", goodWord).to("/x")
	})
}

// Strangers who try passwords of an account from everywhere can't lock its owner out.
func TestTriesOfAnAccount(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		strange := func(i int) answer {
			return s.browser(fmt.Sprintf("203.0.113.%d", i)).signIn("anna", "guess number "+fmt.Sprint(i))
		}
		before := s.hashes.count.Load()
		for i := range 50 {
			strange(i)
		}
		if n := s.hashes.count.Load() - before; n != mostTries {
			t.Errorf("%d passwords were checked", n)
		}
		other := openWith(t, settings{store: s.store}) // another node counts the same tries
		got := other.browser("192.0.2.50").signIn("anna", goodWord)
		if f := form[access.SignInForm](got, http.StatusTooManyRequests, "signin"); f.Failed != access.SignInWait || f.Wait < 3000 || f.Wait > 3700 {
			t.Errorf("another node: %+v", f)
		}
		anna.post("/sign-out", nil)
		anna.signIn("anna", goodWord).to("/x") // it has signed in before
		// Such a browser has as many tries, and no more. A stranger who has its cookie has them.
		thief := s.browser("203.0.113.200")
		thief.cookies[deviceCookie] = anna.cookies[deviceCookie]
		for range mostTries {
			thief.signIn("anna", "not the password").want(http.StatusUnauthorized)
		}
		thief.signIn("anna", goodWord).want(http.StatusTooManyRequests)
		s.clear(t)
		s.browser("203.0.113.201").signIn("anna", goodWord).to("/x")
	})
}

// Many tries at once are not more.
func TestTriesAtOnce(t *testing.T) {
	in(t, func(t *testing.T) {
		s, _ := admin(t)
		s.hashes.most = 1000
		before := s.hashes.count.Load()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() { s.browser(fmt.Sprintf("203.0.113.%d", i)).signIn("anna", "not the password") })
		}
		all.Wait()
		if n := s.hashes.count.Load() - before; n > mostTries || n < 1 {
			t.Errorf("%d passwords were checked", n)
		}
	})
}

// The hour begins with the first try. Whoever goes on trying does not make it longer.
func TestTriesOfAnHour(t *testing.T) {
	in(t, func(t *testing.T) {
		s, _ := admin(t)
		b := s.browser("203.0.113.1")
		for range mostTries {
			b.signIn("anna", "not the password").want(http.StatusUnauthorized)
			time.Sleep(5 * time.Minute)
		}
		b.signIn("anna", goodWord).want(http.StatusTooManyRequests)
		time.Sleep(11 * time.Minute)
		b.signIn("anna", goodWord).to("/x")
	})
}

// A right password does not use up tries, and does not give strangers new ones.
func TestTriesThatAreRight(t *testing.T) {
	in(t, func(t *testing.T) {
		s, _ := admin(t)
		for i := range 2 * mostTries {
			s.browser(fmt.Sprintf("203.0.113.%d", i)).signIn("anna", goodWord).to("/x")
		}
		for i := range mostTries {
			s.browser(fmt.Sprintf("198.51.100.%d", i)).signIn("anna", "not the password").want(http.StatusUnauthorized)
			if i < mostTries-1 {
				s.browser(fmt.Sprintf("203.0.113.%d", i)).signIn("anna", goodWord).to("/x")
			}
		}
		s.browser("198.51.100.99").signIn("anna", "not the password").want(http.StatusTooManyRequests)
	})
}

func TestDevices(t *testing.T) {
	in(t, func(t *testing.T) {
		s, anna := admin(t)
		ben := anna.person("ben", "reader")
		device := ben.cookies[deviceCookie]
		if strings.Contains(device, "ben") || device == "" {
			t.Errorf("the cookie is %q", device)
		}
		request := func(value string) *http.Request {
			r, _ := http.NewRequest(http.MethodPost, "/sign-in", nil)
			r.AddCookie(&http.Cookie{Name: deviceCookie, Value: value})
			return r
		}
		one, _ := s.get(t.Context(), "ben")
		other, _ := s.get(t.Context(), "anna")
		for value, want := range map[string]bool{
			device: true, "x~" + device: true, device[:len(device)-1]: false, "": false, "~.~": false,
			strings.Repeat("A", 26) + device[26:]: false,
		} {
			if id, err := s.device(request(value), one); (id != "") != want || err != nil {
				t.Errorf("%q: %q, %v", value, id, err)
			}
		}
		if id, _ := s.device(request(device), other); id != "" {
			t.Error("it is another account's too")
		}
		// A browser of several people keeps them all, up to a bound.
		ben.signIn("anna", goodWord).to("/x")
		r := request(ben.cookies[deviceCookie])
		for _, p := range []*person{one, other} {
			if id, _ := s.device(r, p); id == "" {
				t.Errorf("%s is not known any more", p.login)
			}
		}
		one.Generation++
		if id, _ := s.device(r, one); id != "" {
			t.Error("it is known after another password was set")
		}
		for i := range 6 {
			p := &person{login: fmt.Sprintf("p%d", i), Password: one.Password, Name: "P"}
			if err := s.create(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			ben.signIn(p.login, goodWord).to("/x")
		}
		if n := strings.Count(ben.cookies[deviceCookie], "."); n != mostDevices {
			t.Errorf("the cookie has %d accounts", n)
		}
	})
}

func TestRehash(t *testing.T) {
	in(t, func(t *testing.T) {
		s, _ := admin(t)
		s.hashes = newHasher(cost{16, 1, 1})
		s.browser("192.0.2.2").signIn("anna", goodWord).to("/x")
		one, _ := s.get(t.Context(), "anna")
		if !strings.Contains(one.Password, "$m=16,") {
			t.Errorf("the hash is %s", one.Password)
		}
		before := s.hashes.count.Load()
		s.browser("192.0.2.3").signIn("anna", goodWord).to("/x")
		if n := s.hashes.count.Load() - before; n != 1 {
			t.Errorf("%d hashes", n)
		}
	})
}

func TestOverload(t *testing.T) {
	in(t, func(t *testing.T) {
		s, _ := admin(t)
		most := s.hashes.most
		s.hashes.most = 0
		for i := range 2 * mostTries {
			got := s.browser(fmt.Sprintf("203.0.113.%d", i)).signIn("anna", goodWord)
			if f := form[access.SignInForm](got, http.StatusServiceUnavailable, "signin"); f.Failed != access.SignInBusy || got.Header().Get("Retry-After") == "" {
				t.Fatalf("%+v", f)
			}
		}
		s.hashes.most = most
		s.browser("203.0.113.99").signIn("anna", goodWord).to("/x") // none of that was a try
	})
}

func TestMethods(t *testing.T) {
	in(t, func(t *testing.T) {
		s, _ := admin(t)
		b := s.browser("192.0.2.2")
		b.get("/sign-out").want(http.StatusMethodNotAllowed)
		b.rest(http.MethodPut, "/sign-in", nil).want(http.StatusMethodNotAllowed)
		b.do(http.MethodPost, "/sign-in", "application/x-www-form-urlencoded", strings.NewReader("login="+strings.Repeat("a", mostForm))).want(http.StatusBadRequest)
		b.do(http.MethodPost, "/sign-in", "application/x-www-form-urlencoded", strings.NewReader("%zz")).want(http.StatusBadRequest)
		b.signIn("\xff", "\xff\xff").want(http.StatusUnauthorized)
		if got := b.get("/sign-in").Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control is %q", got)
		}
	})
}
