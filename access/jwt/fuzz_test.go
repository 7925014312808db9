package jwt

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// FuzzJWT: a token that is taken is signed by the secret as it is written, and is for this audience. No error tells what the server
// did not mean to.
func FuzzJWT(f *testing.F) {
	a := made(f, &Options{Audience: []string{"live"}, Secret: secret, PublicKeys: issuerKeys().pems()}, nil)
	f.Add(hs(nil))
	for _, one := range attacks("https://192.0.2.1/") {
		f.Add(one.token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		s, err := a.Authenticate(t.Context(), bearer(token))
		if s != nil && !ours(token) {
			t.Errorf("%q is taken: %+v", token, s)
		}
		if err != nil && !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("%q: %v", token, err)
		}
	})
}

// ours checks a token by the standard library alone.
func ours(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	var header struct{ Alg string }
	var claims struct{ Aud any }
	for i, into := range []any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			return false
		}
	}
	return parts[2] == b64(mac.Sum(nil)) && header.Alg == hs256 && claims.Aud == "live"
}

// FuzzClaims: whatever the issuer claims, what comes of it can be kept and shown.
func FuzzClaims(f *testing.F) {
	o := options()
	o.ChannelsClaim, o.DefaultRole, o.NameClaim = "channels", "reader", "user.name"
	a := made(f, o, nil)
	for _, seed := range []string{
		`{"motacilla":"editor","channels":["final"]}`, `{"motacilla":[{"role":"reader","channels":["a*"]},"admin"]}`, `{"exp":1e300,"iat":-1,"nbf":1.5}`,
		`{"sub":"a/b","user":{"name":"\u202e\u0000"}}`, `{"channels":"a b *"}`, `null`, `{"exp":253402300799}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, more []byte) {
		var given map[string]any
		if json.Unmarshal(more, &given) != nil {
			return
		}
		s, err := a.Authenticate(t.Context(), bearer(hs(given)))
		if s == nil {
			if !errors.Is(err, motacilla.ErrUnauthorized) {
				t.Error(err)
			}
			return
		}
		_, wrong := s.Expires.MarshalJSON()
		if err != nil || wrong != nil || s.Rights.Validate() != nil || s.Holder.Name == "" || len(s.Holder.Name) > 100 || s.Expires.IsZero() {
			t.Errorf("%s: %+v, %+v, %v", more, s, s.Holder, err)
		}
		for _, r := range s.Rights {
			if r.Channels != nil && len(r.Channels) == 0 {
				t.Errorf("%s: a right on no channel is one on all", more)
			}
		}
	})
}

// FuzzKeys: whatever an issuer publishes, each key that is taken is of its algorithm.
func FuzzKeys(f *testing.F) {
	f.Add(setOf(issuerKeys().jwks("")))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"","y":""},null,{"kty":"oct","k":"a"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, _, err := parseSet(body)
		if err != nil && keys != nil {
			t.Errorf("keys, and %v", err)
		}
		for name, value := range keys {
			if k, err := public(value); err != nil || k.algorithm != name.algorithm || len(name.id) > mostKeyID {
				t.Errorf("%v: %v", name, err)
			}
		}
	})
}
