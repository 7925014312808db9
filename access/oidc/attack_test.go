package oidc_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/outbound/outboundtest"
)

// Each of these must not sign anybody in. The audit log says why.
func TestAttacks(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(h *hostile)
		failed string
		status int
		why    string // part of what the audit log says
	}{
		{"alg none", func(h *hostile) {
			h.sign = func(c jwt.MapClaims) string {
				return signed(h.t, jwt.SigningMethodNone, "own", jwt.UnsafeAllowNoneSignatureType, c)
			}
		}, access.SignInFailed, 502, "ID token: "},
		{"the client's secret as key", func(h *hostile) {
			h.sign = func(c jwt.MapClaims) string { return signed(h.t, jwt.SigningMethodHS256, "own", []byte(secret), c) }
		}, access.SignInFailed, 502, "ID token: "},
		{"the public key as secret", func(h *hostile) {
			der, _ := x509.MarshalPKIXPublicKey(&ownKey.PublicKey)
			public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
			h.sign = func(c jwt.MapClaims) string { return signed(h.t, jwt.SigningMethodHS256, "own", public, c) }
		}, access.SignInFailed, 502, "ID token: "},
		{"another key", func(h *hostile) {
			h.sign = func(c jwt.MapClaims) string { return signed(h.t, jwt.SigningMethodRS256, "own", otherKey, c) }
		}, access.SignInFailed, 502, "signature"},
		{"a key that is not known", func(h *hostile) {
			h.sign = func(c jwt.MapClaims) string { return signed(h.t, jwt.SigningMethodRS256, "../other", otherKey, c) }
		}, access.SignInFailed, 502, "signature"},
		{"no signature", func(h *hostile) {
			sign := h.sign
			h.sign = func(c jwt.MapClaims) string { s := sign(c); return s[:strings.LastIndexByte(s, '.')+1] }
		}, access.SignInFailed, 502, "signature"},
		{"another audience", claim("aud", "another"), access.SignInFailed, 502, "audience"},
		{"no audience", claim("aud", nil), access.SignInFailed, 502, "audience"},
		{"several audiences", claim("aud", []string{client, "another"}), access.SignInFailed, 502, "azp"},
		{"given to another client", claim("aud", []string{client, "another"}, "azp", "another"), access.SignInFailed, 502, "azp"},
		{"azp of another client", claim("azp", "another"), access.SignInFailed, 502, "azp"},
		{"expired", claim("exp", time.Now().Add(-time.Minute).Unix()), access.SignInFailed, 502, "expired"},
		{"no end", claim("exp", nil), access.SignInFailed, 502, "expired"},
		{"not yet", claim("nbf", time.Now().Add(time.Hour).Unix()), access.SignInFailed, 502, "nbf"},
		{"another nonce", claim("nonce", "another"), access.SignInFailed, 502, "nonce"},
		{"no nonce", claim("nonce", nil), access.SignInFailed, 502, "nonce"},
		{"a token of another issuer", claim("iss", "https://accounts.example.org"), access.SignInFailed, 502, "another provider|different provider"},
		{"no subject", claim("sub", nil), access.SignInFailed, 502, "sub must be"},
		{"a long subject", claim("sub", strings.Repeat("a", 256)), access.SignInFailed, 502, "sub must be"},
		{"a subject with a line break", claim("sub", "anna\nbob"), access.SignInFailed, 502, "sub must be"},
		{"another access token", claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), access.SignInFailed, 502, "at_hash"},
		{"no ID token", answers(func(_ http.ResponseWriter, a map[string]any) { delete(a, "id_token") }), access.SignInFailed, 502, "no ID token"},
		{"an ID token that is none", answers(func(_ http.ResponseWriter, a map[string]any) { a["id_token"] = "eyJ.eyJ.x" }), access.SignInFailed, 502, "ID token: "},
		{"a huge answer", answers(func(w http.ResponseWriter, a map[string]any) { a["more"] = strings.Repeat("a", 2<<20) }), access.SignInFailed, 502, "too large|cannot parse"},
		{"a code that is not taken", func(h *hostile) { h.answer = func(q url.Values) { q.Set("code", "other") } }, access.SignInFailed, 502, `"invalid_grant"`},
		{"another issuer", func(h *hostile) { h.answer = func(q url.Values) { q.Set("iss", "https://login.example.org") } }, access.SignInFailed, 502, "the answer is of"},
		{"no issuer, though it promises one", func(h *hostile) {
			h.metadata = map[string]any{"authorization_response_iss_parameter_supported": true}
			h.answer = func(q url.Values) { q.Del("iss") }
		}, access.SignInFailed, 502, "the answer is of"},
		{"two codes", func(h *hostile) { h.answer = func(q url.Values) { q.Add("code", "other") } }, access.SignInFailed, 502, "twice"},
		{"no code", func(h *hostile) { h.answer = func(q url.Values) { q.Del("code") } }, access.SignInFailed, 502, "no code"},
		{"another state", func(h *hostile) { h.answer = func(q url.Values) { q.Set("state", q.Get("state")[:20]) } }, access.SignInAgain, 400, "state"},
		{"no state", func(h *hostile) { h.answer = func(q url.Values) { q.Del("state") } }, access.SignInAgain, 400, "state"},
		{"it refuses", func(h *hostile) {
			h.answer = func(q url.Values) {
				q.Del("code")
				q.Set("error", "access_denied")
				q.Set("error_description", "<b>no")
			}
		}, access.SignInRefused, 403, "access_denied <b>no"},
		{"no group", claim("groups", nil), access.SignInDenied, 403, "it is in none"},
		{"other groups", claim("groups", []string{"admin", "Admins", "*"}), access.SignInDenied, 403, `"Admins"`},
		{"groups of another one", func(h *hostile) {
			claim("groups", nil)(h)
			h.userinfo = map[string]any{"sub": "bob", "groups": []string{"admins"}}
		}, access.SignInFailed, 502, "about another one"},
		{"too many groups", claim("groups", nil, "_claim_names", map[string]string{"groups": "src"}, "_claim_sources", map[string]any{"src": map[string]string{"endpoint": "http://127.0.0.1:1/"}}), access.SignInDenied, 403, "too many groups"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHostile(t)
			c.change(h)
			s := h.site()
			b := s.browser()
			a := b.signIn()
			if a.StatusCode != c.status || a.form.Failed != c.failed {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			if strings.Contains(a.body, "admin") || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("the form is %v %s", a.Header, a.body)
			}
			b.is("")
			e := s.noted("sign in")
			if len(e) != 1 || !containsOne(e[0].Refused, c.why) || strings.Contains(e[0].Refused, "the-code") || strings.Contains(e[0].Refused, "the-access") {
				t.Errorf("the audit log has %+v", e)
			}
		})
	}
}

func containsOne(s, parts string) bool {
	for part := range strings.SplitSeq(parts, "|") {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

// claim changes claims: names and values.
func claim(pairs ...any) func(h *hostile) {
	return func(h *hostile) {
		h.claims = func(c jwt.MapClaims) {
			for i := 0; i < len(pairs); i += 2 {
				if c[pairs[i].(string)] = pairs[i+1]; pairs[i+1] == nil {
					delete(c, pairs[i].(string))
				}
			}
		}
	}
}

// answers changes what the token endpoint answers.
func answers(change func(w http.ResponseWriter, answer map[string]any)) func(h *hostile) {
	return func(h *hostile) {
		h.token = func(w http.ResponseWriter, answer map[string]any) {
			change(w, answer)
			show(w, answer)
		}
	}
}

// callbackOf goes as far as the server, and returns the URL by which it sends the browser back.
func (b *browser) callbackOf() string {
	b.s.Helper()
	back := ""
	follow := b.CheckRedirect
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.Contains(r.URL.Path, "/callback") {
			back = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	b.signIn()
	b.CheckRedirect = follow
	if back == "" {
		b.s.Fatal("the server has sent the browser nowhere")
	}
	return back
}

// A page of the attacker completes the attacker's own attempt in the victim's browser.
func TestForeignAttempt(t *testing.T) {
	h := newHostile(t)
	s := h.site()
	attacker, victim := s.browser(), s.browser()
	back := attacker.callbackOf()
	if a := victim.get(back); a.StatusCode != http.StatusBadRequest || a.form.Failed != access.SignInAgain {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	victim.callbackOf() // the victim has begun too
	if a := victim.get(back); a.form.Failed != access.SignInAgain {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	victim.is("")
	if h.tokens.Load() != 0 {
		t.Error("the code was used")
	}
}

// A server that takes a code twice signs nobody in twice.
func TestReplay(t *testing.T) {
	h := newHostile(t)
	s := h.site()
	b := s.browser()
	back := b.callbackOf()
	at, _ := url.Parse(s.url)
	kept := b.Jar.Cookies(at)
	if a := b.get(back); a.Request.URL.Path != "/channels/open" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	b.is("oidc/anna", "admin")
	for _, c := range b.Jar.Cookies(at) {
		if strings.HasPrefix(c.Name, "motacilla_oidc_") {
			t.Errorf("the browser has still %s", c.Name)
		}
	}
	thief := s.browser()
	thief.Jar.SetCookies(at, kept)
	for range 2 { // on both nodes
		if a := thief.get(back); a.form.Failed != access.SignInAgain {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	thief.is("")
	if n := h.tokens.Load(); n != 1 {
		t.Errorf("the code was used %d times", n)
	}
}

// A session that somebody else has put into the browser ends, and does not become the session of whoever signs in.
func TestFixation(t *testing.T) {
	h := newHostile(t)
	s := h.site()
	attacker, victim := s.browser(), s.browser()
	attacker.signIn()
	at, _ := url.Parse(s.url)
	planted := attacker.Jar.Cookies(at)
	victim.Jar.SetCookies(at, planted)
	h.claims = func(c jwt.MapClaims) { c["sub"] = "victim" }
	victim.signIn()
	victim.is("oidc/victim", "admin")
	for _, c := range victim.Jar.Cookies(at) {
		for _, p := range planted {
			if c.Value == p.Value {
				t.Errorf("%s is still the planted one", c.Name)
			}
		}
	}
	attacker.is("")
}

// Two tabs may sign in at once.
func TestTwoTabs(t *testing.T) {
	h := newHostile(t)
	s := h.site()
	b := s.browser()
	first := b.callbackOf()
	h.mu.Lock()
	asked := h.asked
	h.mu.Unlock()
	b.callbackOf()
	h.mu.Lock()
	h.asked = asked
	h.mu.Unlock()
	if a := b.get(first); a.Request.URL.Path != "/channels/open" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	b.is("oidc/anna", "admin")
}

func TestNoWayOut(t *testing.T) {
	h := newHostile(t)
	s := h.site()
	for _, next := range []string{"https://evil.example/", "//evil.example/", `/\evil.example/`, "javascript:alert(1)", "/a\r\nb", strings.Repeat("/a", 1500)} {
		b := s.browser()
		if a := b.get(s.url + "/sign-in/oidc?next=" + url.QueryEscape(next)); a.Request.URL.String() != s.url+"/" {
			t.Errorf("%.50q leads to %.100s", next, a.Request.URL)
		}
		b.is("oidc/anna", "admin")
	}
	// Not even if somebody has changed the cookie.
	b := s.browser()
	back := b.callbackOf()
	at, _ := url.Parse(s.url)
	for _, c := range b.Jar.Cookies(at) {
		secret, _, _ := strings.Cut(c.Value, ".")
		b.Jar.SetCookies(at, []*http.Cookie{{Name: c.Name, Path: "/", Value: secret + "." + base64.RawURLEncoding.EncodeToString([]byte("//evil.example/"))}})
	}
	if a := b.get(back); a.Request.URL.String() != s.url+"/" {
		t.Errorf("leads to %s", a.Request.URL)
	}
}

// What the server says about itself may not lead inside, nor may a redirect.
func TestInside(t *testing.T) {
	private := outboundtest.NewPrivate(t)
	for name, change := range map[string]func(h *hostile){
		"keys":           func(h *hostile) { h.metadata = map[string]any{"jwks_uri": private.URL + "/keys"} },
		"token endpoint": func(h *hostile) { h.metadata = map[string]any{"token_endpoint": private.URL + "/token"} },
		"userinfo": func(h *hostile) {
			claim("groups", nil)(h)
			h.metadata = map[string]any{"userinfo_endpoint": private.URL + "/userinfo"}
		},
		"redirected keys": func(h *hostile) {
			h.keys = func(w http.ResponseWriter, r *http.Request, _ any) {
				http.Redirect(w, r, private.URL, http.StatusFound)
			}
		},
		"redirected token": func(h *hostile) {
			h.token = func(w http.ResponseWriter, _ map[string]any) {
				w.Header().Set("Location", private.URL)
				w.WriteHeader(http.StatusTemporaryRedirect) // with the form, in which the code is
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHostile(t)
			change(h)
			s := h.site()
			b := s.browser()
			if a := b.signIn(); a.form.Failed != access.SignInFailed && a.form.Failed != access.SignInAway {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			b.is("")
		})
	}
	private.Untouched(t)
}

// A redirect is not followed, wherever it leads: the code and the client's secret would go along.
func TestRedirects(t *testing.T) {
	var reached atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(elsewhere.Close)
	redirect := func(w http.ResponseWriter) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
	for name, change := range map[string]func(h *hostile){
		"keys":  func(h *hostile) { h.keys = func(w http.ResponseWriter, _ *http.Request, _ any) { redirect(w) } },
		"token": func(h *hostile) { h.token = func(w http.ResponseWriter, _ map[string]any) { redirect(w) } },
	} {
		h := newHostile(t)
		change(h)
		b := h.site().browser()
		if b.signIn(); h.tokens.Load() == 0 {
			t.Errorf("%s: the code was not used", name)
		}
		b.is("")
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// What a server answers may have secrets, and be long. Neither the log nor strangers get it.
func TestAnswersAreNotLogged(t *testing.T) {
	long := func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(strings.Repeat("a secret ", 1000)))
	}
	for name, change := range map[string]func(h *hostile){
		"discovery": func(h *hostile) { h.metadata = map[string]any{"issuer": strings.Repeat("a secret ", 1000)} },
		"keys":      func(h *hostile) { h.keys = func(w http.ResponseWriter, _ *http.Request, _ any) { long(w) } },
		"token":     func(h *hostile) { h.token = func(w http.ResponseWriter, _ map[string]any) { long(w) } },
	} {
		h := newHostile(t)
		change(h)
		s := h.site()
		s.browser().signIn()
		if a := s.tell(h.sign(h.logout("1"))); strings.Contains(a.body, "a secret") {
			t.Errorf("%s: strangers are told %s", name, a.body)
		}
		if s.logs.Len() == 0 {
			t.Errorf("%s: nothing was logged", name)
		}
		for _, entry := range s.logs.All() {
			if why, _ := entry.ContextMap()["error"].(string); len(why) > 300 || len(entry.ContextMap()) != 2 {
				t.Errorf("%s: the log has %s %v", name, entry.Message, entry.ContextMap())
			}
		}
	}
}

// The cookie of an attempt can't be read by scripts, nor be set by another host of the same domain.
func TestCookie(t *testing.T) {
	h := newHostile(t)
	s := h.site()
	s.join("https://live.example.org", h.options())
	w := httptest.NewRecorder()
	s.table[2].ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/sign-in/oidc", nil))
	c := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(c) != 1 || !strings.HasPrefix(c[0].Name, "__Host-motacilla_oidc_") || !c[0].Secure || !c[0].HttpOnly ||
		c[0].SameSite != http.SameSiteLaxMode || c[0].Path != "/" || c[0].Domain != "" || c[0].MaxAge <= 0 || c[0].MaxAge > 600 {
		t.Errorf("%d %+v", w.Code, c)
	}
	at, err := url.Parse(w.Header().Get("Location"))
	if err != nil || at.Host != h.host() {
		t.Fatalf("%v %v", at, err)
	}
	q := at.Query()
	if q.Get("redirect_uri") != "https://live.example.org/sign-in/oidc/callback" || q.Get("response_type") != "code" || q.Get("scope") != "openid profile email" {
		t.Errorf("it asks for %v", q)
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(name)) < 32 || strings.Contains(c[0].Value, q.Get(name)) {
			t.Errorf("%s is %q", name, q.Get(name))
		}
	}
}

// An address can't make this site call the server as often as it likes.
func TestLimit(t *testing.T) {
	h := newHostile(t)
	s := h.site()
	b := s.browser()
	back := b.callbackOf()
	at, _ := url.Parse(s.url)
	kept := b.Jar.Cookies(at)
	for range 2000 {
		thief := s.browser()
		thief.Jar.SetCookies(at, kept)
		if a := thief.get(back); a.StatusCode == http.StatusTooManyRequests {
			if a.form.Failed != "signin_wait" || a.form.Wait <= 0 {
				t.Errorf("the form is %s", a.body)
			}
			return
		}
	}
	t.Error("the address was never refused")
}
