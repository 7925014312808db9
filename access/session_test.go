package access_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

func withCookies(r *http.Request, cookies ...*http.Cookie) *http.Request {
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return r
}

// A session's cookie can't be read by scripts, and over https no other host can set it, unless the site is below a path.
func TestSessionCookie(t *testing.T) {
	for _, c := range []struct {
		base   string
		secure bool
		name   string
		path   string
	}{
		{"", false, "motacilla_session", "/"}, {"", true, "__Host-motacilla_session", "/"},
		{"/news", false, "motacilla_session", "/news"}, {"/news", true, "motacilla_session", "/news"},
	} {
		first := open(t)
		s := joinWith(t, first.store, first.store.Records(), c.base, newStaff)
		r := request(http.MethodPost)
		if c.secure {
			r.TLS = &tls.ConnectionState{}
		}
		cookie := s.signIn(hire(t, s.store.Records(), "anna", "editor"), r)
		if cookie.Name != c.name || cookie.Path != c.path || cookie.Secure != c.secure || !cookie.HttpOnly ||
			cookie.SameSite != http.SameSiteLaxMode || cookie.Domain != "" || cookie.MaxAge != int((30*24*time.Hour).Seconds()) {
			t.Errorf("%+v: %v", c, cookie)
		}
		if _, err := s.Authorize(withCookies(request(http.MethodGet), cookie), "closed", route.Read); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		w := httptest.NewRecorder()
		out := withCookies(request(http.MethodPost), cookie)
		out.TLS = r.TLS
		s.Kit().SignOut(w, out)
		if gone := w.Result().Cookies(); len(gone) != 1 || gone[0].Name != c.name || gone[0].Path != c.path || gone[0].MaxAge >= 0 {
			t.Errorf("signing out sets %v", gone)
		}
		if _, err := s.Authorize(withCookies(request(http.MethodGet), cookie), "closed", route.Read); !errors.Is(err, motacilla.ErrForbidden) {
			t.Errorf("after signing out: %v", err)
		}
	}
}

// A page of another host of the same site can set cookies of the same name, as many as it likes. They don't hide the right one.
func TestSeveralCookies(t *testing.T) {
	s := open(t, newStaff)
	acc := hire(t, s.store.Records(), "anna", "editor")
	plain := s.signIn(acc, request(http.MethodPost))
	secure := request(http.MethodPost)
	secure.TLS = &tls.ConnectionState{}
	host := s.signIn(acc, secure)
	junk := func(n int) (list []*http.Cookie) {
		for i := range n {
			list = append(list, &http.Cookie{Name: "motacilla_session", Value: fmt.Sprint("c3RhZmYvYW5uYQ.WRONG", i)})
		}
		return list
	}
	for _, c := range []struct {
		name    string
		cookies []*http.Cookie
		known   bool
	}{
		{"one that is wrong before it", append(junk(1), plain), true},
		{"wrong ones behind it", append([]*http.Cookie{plain}, junk(9)...), true},
		{"many, and that of the host", append(junk(50), host), true},
		{"one that is empty", []*http.Cookie{{Name: "motacilla_session"}, plain}, true},
		{"only wrong ones", junk(3), false},
		{"none", nil, false},
		{"one without a secret", []*http.Cookie{{Name: "motacilla_session", Value: "c3RhZmYvYW5uYQ."}}, false},
		{"one that is no cookie of a session", []*http.Cookie{{Name: "motacilla_session", Value: "%"}}, false},
		{"a long one", []*http.Cookie{{Name: "motacilla_session", Value: strings.Repeat("x", 9000)}}, false},
	} {
		_, err := s.Authorize(withCookies(request(http.MethodPost), c.cookies...), "open", route.Write)
		if (err == nil) != c.known || !c.known && !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A cookie permits to change something only in requests of the site's own pages. An Authorization header is no browser's doing.
func TestCrossSiteRequests(t *testing.T) {
	s := open(t, newStaff)
	cookie := s.signIn(hire(t, s.store.Records(), "anna", "admin"), request(http.MethodPost))
	for _, c := range []struct {
		headers []string
		own     bool
	}{
		{nil, true}, // no browser
		{[]string{"Sec-Fetch-Site", "same-origin"}, true},
		{[]string{"Sec-Fetch-Site", "none"}, true},
		{[]string{"Sec-Fetch-Site", "same-site"}, false},
		{[]string{"Sec-Fetch-Site", "cross-site"}, false},
		{[]string{"Sec-Fetch-Site", "cross-site", "Origin", "http://example.com"}, false},
		{[]string{"Origin", "http://example.com"}, true},
		{[]string{"Origin", "https://evil.example"}, false},
		{[]string{"Origin", "http://example.com.evil.example"}, false},
		{[]string{"Origin", "null"}, false},
	} {
		for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete} {
			for _, action := range everyAction {
				_, err := s.Authorize(withCookies(request(method, c.headers...), cookie), "closed", action)
				if permitted := c.own || action == route.Read; (err == nil) != permitted || !permitted && !errors.Is(err, motacilla.ErrForbidden) {
					t.Errorf("%v, %s to %s: %v", c.headers, method, action, err)
				}
				if _, err := s.Authorize(request(method, append(c.headers, "Authorization", "Bearer "+serverToken)...), "closed", action); err != nil {
					t.Errorf("%v, %s to %s with a token: %v", c.headers, method, action, err)
				}
			}
		}
	}
}

// Whoever knows the secret of a session that a browser had before somebody signed in knows nothing of the new one.
func TestSessionFixation(t *testing.T) {
	s := open(t, newStaff)
	planted := s.signIn(hire(t, s.store.Records(), "mallory", "reader"), request(http.MethodPost))
	anna := hire(t, s.store.Records(), "anna", "editor")
	first := s.signIn(anna, withCookies(request(http.MethodPost), planted))
	second := s.signIn(anna, withCookies(request(http.MethodPost), first))
	if first.Value == planted.Value || second.Value == first.Value {
		t.Error("a secret is used again")
	}
	for _, old := range []*http.Cookie{planted, first} {
		if _, err := s.Authorize(withCookies(request(http.MethodGet), old), "closed", route.Read); !errors.Is(err, motacilla.ErrForbidden) {
			t.Errorf("an old secret: %v", err)
		}
	}
	grant, err := s.Authorize(withCookies(request(http.MethodGet), second), "closed", route.Read)
	if err != nil || grant.Holder.Who != "staff/anna" {
		t.Errorf("the new one: %v", err)
	}
	w := httptest.NewRecorder()
	made := withCookies(request(http.MethodPost), &http.Cookie{Name: "motacilla_session", Value: "c3RhZmYvYW5uYQ.CHOSEN"})
	if err := s.Kit().SignIn(w, made, anna, false, 0); err != nil || strings.Contains(w.Header().Get("Set-Cookie"), "CHOSEN") {
		t.Errorf("a secret that was chosen: %v", err)
	}
}

// Sessions are listed and ended by their account alone, also if the name of one account begins with that of another.
func TestSessionsOfAnAccount(t *testing.T) {
	s := open(t, newStaff)
	anna, other := hire(t, s.store.Records(), "anna", "editor"), hire(t, s.store.Records(), "anna/b", "editor")
	r := request(http.MethodPost, "User-Agent", strings.Repeat("ü", 200))
	s.signIn(anna, r)
	mine, theirs := s.signIn(anna, request(http.MethodPost)), s.signIn(other, request(http.MethodPost))
	list, err := s.Kit().Sessions(t.Context(), "staff/anna")
	if err != nil || len(list) != 2 || list[0].Address != "192.0.2.1" {
		t.Fatalf("sessions: %+v, %v", list, err)
	}
	if !slices.ContainsFunc(list, func(one access.Session) bool { return len(one.Agent) == 300 }) {
		t.Error("the browser's name is not cut")
	}
	foreign, err := s.Kit().Sessions(t.Context(), "staff/anna/b")
	if err != nil || len(foreign) != 1 {
		t.Fatalf("sessions: %+v, %v", foreign, err)
	}
	for _, id := range []string{"b/" + foreign[0].ID, foreign[0].ID, "x", strings.Repeat("0", 32), strings.Repeat("x", 1000)} {
		if err := s.Kit().EndSession(t.Context(), "staff/anna", id); !errors.Is(err, motacilla.ErrNotFound) {
			t.Errorf("ending %q: %v", id, err)
		}
	}
	if _, err := s.Authorize(withCookies(request(http.MethodGet), theirs), "closed", route.Read); err != nil {
		t.Errorf("the session of the other account: %v", err)
	}
	if err := s.Kit().EndSession(t.Context(), "staff/anna", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authorize(withCookies(request(http.MethodGet), mine), "closed", route.Read); !errors.Is(err, motacilla.ErrForbidden) {
		t.Errorf("after all were ended: %v", err)
	}
	if _, err := s.Authorize(withCookies(request(http.MethodGet), theirs), "closed", route.Read); err != nil {
		t.Errorf("the session of the other account: %v", err)
	}
}

// A session has the rights that its account has now, those of a fixed one never change, and both end in time.
func TestRightsOfSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, newStaff)
		acc := hire(t, s.store.Records(), "anna", "editor")
		signIn := func(fixed bool, life time.Duration) *http.Cookie {
			w := httptest.NewRecorder()
			if err := s.Kit().SignIn(w, request(http.MethodPost), acc, fixed, life); err != nil {
				t.Fatal(err)
			}
			return w.Result().Cookies()[0]
		}
		now, fixed := signIn(false, 90*time.Minute), signIn(true, time.Hour)
		check := func(when string, cookie *http.Cookie, permitted bool) {
			t.Helper()
			if _, err := s.Authorize(withCookies(request(http.MethodPost), cookie), "open", route.Write); (err == nil) != permitted {
				t.Errorf("%s: %v", when, err)
			}
		}
		check("at first", now, true)
		check("fixed, at first", fixed, true)
		hire(t, s.store.Records(), "anna", "reader")
		if err := s.Kit().AccountChanged(t.Context(), acc.Who); err != nil {
			t.Fatal(err)
		}
		check("a reader", now, false)
		check("fixed, a reader", fixed, true)
		hire(t, s.store.Records(), "anna")
		if err := s.Kit().AccountChanged(t.Context(), acc.Who); err != nil {
			t.Fatal(err)
		}
		check("no account", now, false)
		hire(t, s.store.Records(), "anna", "editor")
		time.Sleep(6 * time.Second)
		check("an account again", now, true)
		time.Sleep(time.Hour - 7*time.Second)
		check("fixed, before its end", fixed, true)
		time.Sleep(time.Second)
		check("fixed, at its end", fixed, false)
		check("after an hour", now, true)
		time.Sleep(30 * time.Minute)
		check("at the end", now, false)
	})
}

// A session of an account whose name is as long as can be works, and can be ended. One that could not be ended is not begun.
func TestLongNames(t *testing.T) {
	s := open(t, newStaff)
	for _, c := range []struct {
		bytes int
		works bool
	}{{400, true}, {motacilla.MaxRecordKey - len("session/") - 33 - len("staff/"), true}, {motacilla.MaxRecordKey - len("session/") - 32 - len("staff/"), false}} {
		acc := hire(t, s.store.Records(), strings.Repeat("a", c.bytes), "editor")
		w := httptest.NewRecorder()
		err := s.Kit().SignIn(w, request(http.MethodPost), acc, false, 0)
		if (err == nil) != c.works {
			t.Errorf("%d bytes: %v", c.bytes, err)
		}
		if !c.works {
			continue
		}
		r := withCookies(request(http.MethodGet), w.Result().Cookies()...)
		if _, err := s.Authorize(r, "closed", route.Read); err != nil {
			t.Errorf("%d bytes: %v", c.bytes, err)
		}
		if err := s.Kit().EndSession(t.Context(), acc.Who, ""); err != nil {
			t.Errorf("%d bytes: %v", c.bytes, err)
		}
		if _, err := s.Authorize(r, "closed", route.Read); err == nil {
			t.Errorf("%d bytes: the session goes on", c.bytes)
		}
	}
}
