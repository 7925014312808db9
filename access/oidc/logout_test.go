package oidc_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla/route"
	"golang.org/x/net/html"
)

const loggedOut = "http://schemas.openid.net/event/backchannel-logout"

// logout are the claims of a logout token.
func (h *hostile) logout(id string) jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{
		"iss": h.URL, "sub": "anna", "aud": client, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": id,
		"events": map[string]any{loggedOut: map[string]any{}},
	}
}

// tell sends a logout token, as the server does.
func (s *site) tell(token string) answer {
	s.Helper()
	return s.browser().post(s.url+"/sign-in/oidc/logout", url.Values{"logout_token": {token}, "more": {"is ignored"}})
}

// Sessions end on all nodes, and so do streams: the one that the server names, or all of a person.
func TestBackChannel(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(c jwt.MapClaims)
		all    bool
	}{
		"by subject":                     {func(jwt.MapClaims) {}, true},
		"by session":                     {func(c jwt.MapClaims) { delete(c, "sub"); c["sid"] = "session-1" }, false},
		"by subject and session":         {func(c jwt.MapClaims) { c["sid"] = "session-1" }, false},
		"by a session that is not known": {func(c jwt.MapClaims) { c["sid"] = "session-0" }, true},
		"by a session of somebody else":  {func(c jwt.MapClaims) { c["sid"] = "session-2" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHostile(t)
			s := h.site()
			s.channel("closed")
			anna, again, bob := s.browser(), s.browser(), s.browser()
			anna.signIn()
			h.claims = func(c jwt.MapClaims) { c["sid"] = "session-3" }
			again.signIn()
			h.claims = func(c jwt.MapClaims) { c["sub"], c["sid"] = "anna/bob", "session-2" }
			bob.signIn()
			anna.is("oidc/anna", "admin")
			ended := make(chan int, 2)
			at, _ := url.Parse(s.url)
			for node := range s.nodes {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url, nil)
				for _, c := range anna.Jar.Cookies(at) {
					r.AddCookie(c)
				}
				grant, err := s.nodes[node].Authorize(r, "closed", route.Read)
				if err != nil {
					t.Fatal(err)
				}
				grant.Holder.OnRevoke(func() { ended <- node })
			}
			c := h.logout("1")
			tt.change(c)
			token := h.sign(c)
			if a := s.tell(token); a.StatusCode != http.StatusOK || a.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			<-ended
			<-ended
			anna.is("")
			if tt.all {
				again.is("")
			} else {
				again.is("oidc/anna", "admin")
			}
			bob.is("oidc/anna/bob", "admin")
			h.claims = nil
			anna.signIn()
			if a := s.tell(token); a.StatusCode != http.StatusOK {
				t.Errorf("again: %d %s", a.StatusCode, a.body)
			}
			anna.is("oidc/anna", "admin") // an old token does nothing
			if e := s.noted("sign out"); len(e) != 1 || e[0].Who != "oidc/anna" || e[0].Refused != "" {
				t.Errorf("the audit log has %+v", e)
			}
		})
	}
}

func TestFalseLogout(t *testing.T) {
	h := newHostile(t)
	s := h.site()
	b := s.browser()
	b.signIn()
	own := h.sign
	for name, c := range map[string]struct {
		sign   func(c jwt.MapClaims) string
		change func(c jwt.MapClaims)
	}{
		"an ID token":      {own, func(c jwt.MapClaims) { delete(c, "events"); c["nonce"] = "a" }},
		"with a nonce":     {own, func(c jwt.MapClaims) { c["nonce"] = "a" }},
		"another event":    {own, func(c jwt.MapClaims) { c["events"] = map[string]any{"a": map[string]any{}} }},
		"another issuer":   {own, func(c jwt.MapClaims) { c["iss"] = "https://login.example.org" }},
		"another audience": {own, func(c jwt.MapClaims) { c["aud"] = "another" }},
		"expired":          {own, func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Minute).Unix() }},
		"no end":           {own, func(c jwt.MapClaims) { delete(c, "exp") }},
		"no ID":            {own, func(c jwt.MapClaims) { delete(c, "jti") }},
		"about nobody":     {own, func(c jwt.MapClaims) { delete(c, "sub") }},
		"another key":      {func(c jwt.MapClaims) string { return signed(t, jwt.SigningMethodRS256, "own", otherKey, c) }, func(jwt.MapClaims) {}},
		"alg none": {func(c jwt.MapClaims) string {
			return signed(t, jwt.SigningMethodNone, "", jwt.UnsafeAllowNoneSignatureType, c)
		}, func(jwt.MapClaims) {}},
		"the secret as key":   {func(c jwt.MapClaims) string { return signed(t, jwt.SigningMethodHS256, "own", []byte(secret), c) }, func(jwt.MapClaims) {}},
		"nothing":             {func(jwt.MapClaims) string { return "" }, func(jwt.MapClaims) {}},
		"too long":            {func(jwt.MapClaims) string { return string(make([]byte, 40<<10)) }, func(jwt.MapClaims) {}},
		"a session of nobody": {own, func(c jwt.MapClaims) { delete(c, "sub"); c["sid"] = "other" }},
	} {
		claims := h.logout(name)
		c.change(claims)
		want := http.StatusBadRequest
		if name == "a session of nobody" {
			want = http.StatusOK
		}
		if a := s.tell(c.sign(claims)); a.StatusCode != want {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	b.is("oidc/anna", "admin")
}

// A session that has ended here already ends no other one: so it is when somebody signs out here, is led to the server, and the server
// tells all sites.
func TestBackChannelAfterSignOut(t *testing.T) {
	h := newHostile(t)
	s := h.site()
	laptop, phone := s.browser(), s.browser()
	laptop.signIn()
	h.claims = func(c jwt.MapClaims) { c["sid"] = "session-2" }
	phone.signIn()
	laptop.post(s.url+"/sign-out", nil)
	laptop.is("")
	c := h.logout("1")
	c["sid"] = "session-1"
	if a := s.tell(h.sign(c)); a.StatusCode != http.StatusOK {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	phone.is("oidc/anna", "admin")
}

// An ID token that is too long for a URL is not kept for signing out.
func TestHint(t *testing.T) {
	for size, want := range map[int]bool{10: true, 5000: false} {
		h := newHostile(t)
		h.metadata = map[string]any{"end_session_endpoint": h.URL + "/leave"}
		h.claims = func(c jwt.MapClaims) { c["more"] = strings.Repeat("x", size) }
		s := h.site()
		b := s.browser()
		b.signIn()
		at := refreshed.FindStringSubmatch(b.post(s.url+"/sign-out", nil).body)
		if at == nil {
			t.Fatal("signing out leads nowhere")
		}
		u, err := url.Parse(html.UnescapeString(at[1]))
		if err != nil {
			t.Fatal(err)
		}
		hint := u.Query().Get("id_token_hint")
		if (hint != "") != want || hint != "" && strings.Count(hint, ".") != 2 || u.Query().Get("client_id") != client {
			t.Errorf("with %d bytes more, it leads to %s", size, u)
		}
	}
}

// Strangers can't make this site call the server as often as they like.
func TestUnknownKeys(t *testing.T) {
	h := newHostile(t)
	s := h.site()
	for i := range 100 {
		s.tell(signed(t, jwt.SigningMethodRS256, "key-"+strconv.Itoa(i), otherKey, h.logout("1")))
	}
	if n := h.keysRead.Load(); n > 60 { // 5 for each node, and one more each 5 s: with that, the test may take minutes
		t.Errorf("the keys were read %d times", n)
	}
	b := s.browser()
	if b.signIn(); h.keysRead.Load() == 0 {
		t.Error("the keys were not read")
	}
	b.is("oidc/anna", "admin") // who signs in does not wait for that
}

func TestSignOut(t *testing.T) {
	h := newHostile(t)
	s := h.site()
	b := s.browser()
	b.signIn()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/sign-in/oidc/sign-out", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if a := b.do(r); a.StatusCode != http.StatusForbidden || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("from another site: %d, %s", a.StatusCode, a.Header.Get("Content-Type"))
	}
	r.Header.Set("Accept", "text/html")
	if a := b.do(r); a.StatusCode != http.StatusForbidden || a.Header.Get("Content-Type") != "text/html" {
		t.Errorf("from another site, in a browser: %d, %s", a.StatusCode, a.Header.Get("Content-Type"))
	}
	b.is("oidc/anna", "admin")
	// The server has no page for it, so the browser stays here.
	if a := b.post(s.url+"/sign-out", url.Values{"next": {"//evil.example/"}}); a.Request.URL.String() != s.url+"/" {
		t.Errorf("leads to %s", a.Request.URL)
	}
	b.is("")
}
