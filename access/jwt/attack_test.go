package jwt

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla"
)

var b64 = base64.RawURLEncoding.EncodeToString

// forged returns a token with a header and claims as they are, and a signature that sign makes of both.
func forged(header string, claims map[string]any, sign func(text string) []byte) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	text := b64([]byte(header)) + "." + b64(payload)
	return text + "." + b64(sign(text))
}

func nothing(string) []byte { return nil }

func hmacBy(key string) func(string) []byte {
	return func(text string) []byte {
		sig, err := gojwt.SigningMethodHS256.Sign(text, []byte(key))
		if err != nil {
			panic(err)
		}
		return sig
	}
}

// attack is a token that must be refused, although all but one thing is right about it.
type attack struct {
	name  string
	token string
}

// attacks are made against each of an authenticator with a secret, one with public keys, one with both, and one with a set of keys.
// elsewhere is a server that must not be called.
func attacks(elsewhere string) []attack {
	mine, theirs := issuerKeys(), attackerKeys()
	good, change := claims(nil), func(name string, to any) map[string]any { return claims(map[string]any{name: to}) }
	now := time.Now().Unix()
	list := []attack{
		{"nothing signs it", forged(`{"alg":"none"}`, good, nothing)},
		{"nothing signs it, None", forged(`{"alg":"None","typ":"JWT"}`, good, nothing)},
		{"nothing signs it, NONE", forged(`{"alg":"NONE"}`, good, nothing)},
		{"nothing signs it, with a signature", forged(`{"alg":"none"}`, good, hmacBy(secret))},
		{"the header has no algorithm", forged(`{"typ":"JWT"}`, good, hmacBy(secret))},
		{"the algorithm is a list", forged(`{"alg":["HS256"]}`, good, hmacBy(secret))},
		{"the algorithm is empty", forged(`{"alg":""}`, good, hmacBy(secret))},
		{"an empty signature", forged(`{"alg":"HS256"}`, good, nothing)},
		{"an empty secret", forged(`{"alg":"HS256"}`, good, hmacBy(""))},
		{"another secret", forged(`{"alg":"HS256"}`, good, hmacBy(strings.ToUpper(secret)))},
		{"a signature of zeros, ES256", forged(`{"alg":"ES256","kid":"ec"}`, good, func(string) []byte { return make([]byte, 64) })},
		{"a signature of zeros, EdDSA", forged(`{"alg":"EdDSA","kid":"ed"}`, good, func(string) []byte { return make([]byte, 64) })},
		{"another key, RS256", signed(gojwt.SigningMethodRS256, theirs.rsa, map[string]any{"kid": "rsa"}, good)},
		{"another key, ES256", signed(gojwt.SigningMethodES256, theirs.ec, map[string]any{"kid": "ec"}, good)},
		{"another key, EdDSA", signed(gojwt.SigningMethodEdDSA, theirs.ed, map[string]any{"kid": "ed"}, good)},
		{"the right secret, another hash", signed(gojwt.SigningMethodHS512, []byte(secret), nil, good)},
		{"the right key, another hash", signed(gojwt.SigningMethodRS512, mine.rsa, map[string]any{"kid": "rsa"}, good)},
		{"the right key, another padding", signed(gojwt.SigningMethodPS256, mine.rsa, map[string]any{"kid": "rsa"}, good)},
		{"the header names another algorithm than signs", forged(`{"alg":"ES256","kid":"ec"}`, good, func(text string) []byte {
			sig, _ := gojwt.SigningMethodRS256.Sign(text, mine.rsa)
			return sig
		})},
		{"the key's name is a number", forged(`{"alg":"RS256","kid":1}`, good, nothing)},
		{"the key's name is long", signed(gojwt.SigningMethodRS256, mine.rsa, map[string]any{"kid": strings.Repeat("rsa", 1000)}, good)},
		{"an extension is critical", signed(gojwt.SigningMethodHS256, []byte(secret), map[string]any{"crit": []string{"exp"}}, good)},
		{"an extension is critical, RS256", signed(gojwt.SigningMethodRS256, mine.rsa, map[string]any{"kid": "rsa", "crit": []string{}}, good)},
		{"a token for signing out", signed(gojwt.SigningMethodHS256, []byte(secret), map[string]any{"typ": "logout+jwt"}, good)},
		{"its type is a number", signed(gojwt.SigningMethodHS256, []byte(secret), map[string]any{"typ": 1}, good)},
		{"it has expired", hs(map[string]any{"exp": now - 30})},
		{"it has expired, RS256", signed(gojwt.SigningMethodRS256, mine.rsa, map[string]any{"kid": "rsa"}, change("exp", now-30))},
		{"it never expires", hs(map[string]any{"exp": nil})},
		{"it expires at 0", hs(map[string]any{"exp": 0})},
		{"it expires before 1970", hs(map[string]any{"exp": -now})},
		{"it expires at a text", hs(map[string]any{"exp": "tomorrow"})},
		{"it expires at the end of time", hs(map[string]any{"exp": 1e300})},
		{"it expires after the year 9999", hs(map[string]any{"exp": 253402300800})},
		{"it is not valid yet", hs(map[string]any{"nbf": now + 3600})},
		{"it is valid from the end of time on", hs(map[string]any{"nbf": 1e300})},
		{"it is of the end of time", hs(map[string]any{"iat": 1e300})},
		{"it is valid from a text on", hs(map[string]any{"nbf": "now"})},
		{"it is of the future", hs(map[string]any{"iat": now + 3600})},
		{"another audience", hs(map[string]any{"aud": "shop"})},
		{"other audiences", hs(map[string]any{"aud": []string{"shop", "LIVE", "live2"}})},
		{"no audience", hs(map[string]any{"aud": nil})},
		{"the audience is empty", hs(map[string]any{"aud": ""})},
		{"the audience is a number", hs(map[string]any{"aud": 1})},
		{"the audience is -", hs(map[string]any{"aud": "-"})},
		{"another issuer", hs(map[string]any{"iss": "https://app.example.org.attacker.example"})},
		{"no issuer", hs(map[string]any{"iss": nil})},
		{"the issuer is a list", hs(map[string]any{"iss": []string{"https://app.example.org"}})},
		{"the subject is a number", hs(map[string]any{"sub": 42})},
		{"the subject is long", hs(map[string]any{"sub": strings.Repeat("4", 256)})},
		{"the subject can't be seen", hs(map[string]any{"sub": "42\x00"})},
		{"a huge token", hs(map[string]any{"more": strings.Repeat("a", 8<<10)})},
		{"a deep token", forged(`{"alg":"HS256"}`, map[string]any{"a": json.RawMessage(strings.Repeat("[", 2500) + strings.Repeat("]", 2500))}, nothing)},
		{"the payload is no JSON", b64([]byte(`{"alg":"HS256"}`)) + "." + b64([]byte("x")) + "." + b64(hmacBy(secret)("x"))},
		{"the payload is null", b64([]byte(`{"alg":"HS256"}`)) + "." + b64([]byte("null")) + "." +
			b64(hmacBy(secret)(b64([]byte(`{"alg":"HS256"}`))+"."+b64([]byte("null"))))},
	}
	for _, id := range []string{"../../../../dev/null", "/dev/null", "/etc/hostname", "' OR '1'='1", elsewhere, "file:///dev/null", "| cat", ""} {
		list = append(list, attack{"the key's name leads elsewhere: " + id, signed(gojwt.SigningMethodHS256, []byte{}, map[string]any{"kid": id}, good)},
			attack{"the key's name leads elsewhere, RS256: " + id, signed(gojwt.SigningMethodRS256, theirs.rsa, map[string]any{"kid": id}, good)})
	}
	for name, value := range map[string]any{
		"jku": elsewhere, "x5u": elsewhere, "jwk": theirs.jwks("")[0], "x5c": []string{b64([]byte("a certificate"))},
	} {
		for _, id := range []any{"rsa", "unknown"} {
			list = append(list, attack{"the token brings its own key: " + name,
				signed(gojwt.SigningMethodRS256, theirs.rsa, map[string]any{"kid": id, name: value}, good)})
		}
	}
	for _, public := range append(mine.pems(), strings.TrimSpace(mine.pems()[0]), string(mine.rsa.N.Bytes()), elsewhere) {
		list = append(list, attack{"a public key as the secret", signed(gojwt.SigningMethodHS256, []byte(public), nil, good)})
	}
	whole := hs(nil)
	parts := strings.Split(whole, ".")
	other, _ := json.Marshal(change("motacilla", "admin"))
	last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", whole[len(whole)-1])
	return append(list,
		attack{"another payload", parts[0] + "." + b64(other) + "." + parts[2]},
		attack{"a signature that is cut", whole[:len(whole)-2]},
		attack{"a signature with other last bits", whole[:len(whole)-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last^1])},
		attack{"a signature with padding", whole + "="},
		attack{"two parts", parts[0] + "." + parts[1]},
		attack{"four parts", whole + "." + parts[2]},
		attack{"encrypted (five parts)", whole + "." + parts[1] + "." + parts[2]},
		attack{"empty parts", "e.."},
		attack{"a line break", whole[:20] + "\n" + whole[20:]},
	)
}

func TestAttacks(t *testing.T) {
	var called atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		called.Add(1)
		_, _ = w.Write(setOf(attackerKeys().jwks("")))
	}))
	defer elsewhere.Close()
	const issuer = "https://app.example.org"
	live := []string{"live"}
	published := serveKeys(t, append(issuerKeys().jwks(""), map[string]any{"kty": "oct", "kid": "oct", "alg": hs256, "k": b64([]byte(elsewhere.URL))}))
	for name, o := range map[string]*Options{
		"a secret":        {Audience: live, Issuer: issuer, Secret: secret},
		"public keys":     {Audience: live, Issuer: issuer, PublicKeys: issuerKeys().pems()},
		"both":            {Audience: live, Issuer: issuer, Secret: secret, PublicKeys: issuerKeys().pems()},
		"a set":           {Audience: live, Issuer: issuer, JWKS: published.URL},
		"a set, a secret": {Audience: live, Issuer: issuer, JWKS: published.URL, Secret: secret},
	} {
		t.Run(name, func(t *testing.T) {
			a := made(t, o, published.client)
			controls(t, a)
			for _, one := range attacks(elsewhere.URL) {
				t.Run(one.name, func(t *testing.T) {
					s, err := a.Authenticate(t.Context(), bearer(one.token))
					if s != nil || err != nil && !errors.Is(err, motacilla.ErrUnauthorized) {
						t.Errorf("%+v, %v", s, err)
					}
					if err != nil && strings.Contains(err.Error(), "jwt") {
						t.Errorf("the error is the library's: %v", err)
					}
				})
			}
		})
	}
	if n := called.Load(); n != 0 {
		t.Errorf("a server that tokens name was called %d times", n)
	}
	if n := published.calls.Load(); n != 2 {
		t.Errorf("the set was fetched %d times, once for each of two authenticators is right", n)
	}
}

// controls tests that a good token for each of the keys passes: otherwise the attacks prove nothing.
func controls(t *testing.T, a *Authenticator) {
	t.Helper()
	mine := issuerKeys()
	for algorithm, c := range map[string]struct {
		method gojwt.SigningMethod
		key    crypto.PrivateKey
		id     string
	}{
		hs256: {gojwt.SigningMethodHS256, []byte(secret), ""}, rs256: {gojwt.SigningMethodRS256, mine.rsa, "rsa"},
		es256: {gojwt.SigningMethodES256, mine.ec, "ec"}, eddsa: {gojwt.SigningMethodEdDSA, mine.ed, "ed"},
	} {
		want := a.o.Secret != "" && algorithm == hs256 || algorithm != hs256 && (a.set != nil || a.o.PublicKeys != nil)
		for _, header := range []map[string]any{{"kid": c.id}, {}, {"kid": c.id, "jku": "https://192.0.2.1/", "typ": "at+jwt"}} {
			s, err := a.Authenticate(t.Context(), bearer(signed(c.method, c.key, header, claims(nil))))
			if want != (s != nil && err == nil) {
				t.Errorf("%s, %v: %+v, %v", algorithm, header, s, err)
			}
		}
	}
}

// TestAlgorithms: a set's keys are for the algorithms of the options alone.
func TestAlgorithms(t *testing.T) {
	p := serveKeys(t, issuerKeys().jwks(""))
	a := made(t, &Options{Audience: []string{"live"}, Issuer: "https://app.example.org", JWKS: p.URL, Algorithms: []string{es256}}, p.client)
	token := signed(gojwt.SigningMethodRS256, issuerKeys().rsa, map[string]any{"kid": "rsa"}, claims(nil))
	if s, err := a.Authenticate(t.Context(), bearer(token)); s != nil || !errors.Is(err, motacilla.ErrUnauthorized) {
		t.Errorf("RS256: %+v, %v", s, err)
	}
	token = signed(gojwt.SigningMethodES256, issuerKeys().ec, map[string]any{"kid": "ec"}, claims(nil))
	if s, err := a.Authenticate(t.Context(), bearer(token)); s == nil || err != nil {
		t.Errorf("ES256: %+v, %v", s, err)
	}
}

// TestAge: a token that is older than max_age is refused, however long it lasts, and one that is not ends at that age.
func TestAge(t *testing.T) {
	o := options()
	o.MaxAge = time.Minute
	a := made(t, o, nil)
	now := time.Now().Truncate(time.Second)
	for name, iat := range map[string]any{"too old": now.Add(-2 * time.Minute).Unix(), "no iat": nil, "a text": "now"} {
		if s, err := a.Authenticate(t.Context(), bearer(hs(map[string]any{"iat": iat}))); s != nil || !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	s, err := a.Authenticate(t.Context(), bearer(hs(map[string]any{"iat": now.Unix()})))
	if err != nil || !s.Expires.Equal(now.Add(o.MaxAge+10*time.Second)) {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestLeeway: clocks may differ, and what is permitted by that ends in time.
func TestLeeway(t *testing.T) {
	o := options()
	o.Leeway = time.Minute
	a := made(t, o, nil)
	now := time.Now().Truncate(time.Second)
	for name, at := range map[string]time.Duration{"exp": -time.Second, "nbf": 30 * time.Second, "iat": 30 * time.Second} {
		s, err := a.Authenticate(t.Context(), bearer(hs(map[string]any{name: now.Add(at).Unix()})))
		if err != nil || name == "exp" && !s.Expires.Equal(now.Add(at+time.Minute)) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

// What is of another kind is left to the other authenticators.
func TestOtherKinds(t *testing.T) {
	o := options()
	o.Cookie, o.Issuer = "app", "https://app.example.org"
	a := made(t, o, nil)
	for _, token := range []string{"", "mot_name_SECRET", "a.b.c", "the.server's.token", "e", hs(map[string]any{"iss": "https://id.example.org"})} {
		if s, err := a.Authenticate(t.Context(), bearer(token)); s != nil || err != nil {
			t.Errorf("%q: %+v, %v", token, s, err)
		}
	}
	good := bearer(hs(nil))
	good.Cookie = "other"
	if s, err := a.Authenticate(t.Context(), good); s != nil || err != nil {
		t.Errorf("another cookie: %+v, %v", s, err)
	}
	good.Cookie = "app"
	if s, err := a.Authenticate(t.Context(), good); s == nil || err != nil {
		t.Errorf("the cookie: %+v, %v", s, err)
	}
	good.Secret = "mot_name_SECRET"
	if s, err := a.Authenticate(t.Context(), good); s != nil || !errors.Is(err, motacilla.ErrUnauthorized) {
		t.Errorf("no token in the cookie: %+v, %v", s, err)
	}
}
