package oidc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla/access/oidc"
)

const (
	client = "the-client"
	secret = "the client's s3cret/+:%"
)

var ownKey, otherKey = newKey(), newKey()

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// hostile is an OpenID Connect server that does as it should, apart from what a test changes.
type hostile struct {
	*httptest.Server
	t testing.TB

	mu       sync.Mutex
	asked    url.Values // by the browser, the last time
	keysRead atomic.Int64
	tokens   atomic.Int64 // calls of the token endpoint

	metadata map[string]any                                       // what it says about itself, beyond the usual
	answer   func(q url.Values)                                   // changes how the browser comes back
	claims   func(c jwt.MapClaims)                                // changes the ID token
	sign     func(c jwt.MapClaims) string                         // signs it
	token    func(w http.ResponseWriter, answer map[string]any)   // answers for the token endpoint
	keys     func(w http.ResponseWriter, r *http.Request, is any) // answers for the keys
	userinfo any                                                  // nil: there is no such endpoint
}

func newHostile(t testing.TB) *hostile {
	h := &hostile{t: t, sign: func(c jwt.MapClaims) string { return signed(t, jwt.SigningMethodRS256, "own", ownKey, c) }}
	mux := http.NewServeMux()
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { show(w, h.about()) })
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		h.keysRead.Add(1)
		public := ownKey.PublicKey
		set := map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "kid": "own", "use": "sig", "n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
		}}}
		if h.keys != nil {
			h.keys(w, r, set)
			return
		}
		show(w, set)
	})
	mux.HandleFunc("/authorize", h.authorize)
	mux.HandleFunc("POST /token", h.exchange)
	mux.HandleFunc("/userinfo", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer the-access-token" {
			http.Error(w, "who?", http.StatusUnauthorized)
			return
		}
		show(w, h.userinfo)
	})
	return h
}

func show(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// about is what it says about itself.
func (h *hostile) about() map[string]any {
	about := map[string]any{
		"issuer": h.URL, "authorization_endpoint": h.URL + "/authorize", "token_endpoint": h.URL + "/token", "jwks_uri": h.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}, "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"},
	}
	if h.userinfo != nil {
		about["userinfo_endpoint"] = h.URL + "/userinfo"
	}
	for k, v := range h.metadata {
		about[k] = v
	}
	return about
}

// authorize signs everybody in, and sends the browser back.
func (h *hostile) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	h.mu.Lock()
	h.asked = q
	h.mu.Unlock()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		h.t.Error(err)
		return
	}
	answer := url.Values{"code": {"the-code"}, "state": {q.Get("state")}, "iss": {h.URL}}
	if h.answer != nil {
		h.answer(answer)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// exchange checks what a server should check, and gives an ID token. It takes a code again and again.
func (h *hostile) exchange(w http.ResponseWriter, r *http.Request) {
	h.tokens.Add(1)
	h.mu.Lock()
	asked := h.asked
	h.mu.Unlock()
	id, password, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	password, _ = url.QueryUnescape(password)
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if id != client || password != secret || r.PostFormValue("code") != "the-code" || r.PostFormValue("grant_type") != "authorization_code" ||
		r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") || asked.Get("code_challenge_method") != "S256" ||
		base64.RawURLEncoding.EncodeToString(challenge[:]) != asked.Get("code_challenge") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		show(w, map[string]any{"error": "invalid_grant"})
		return
	}
	c := h.usual(asked.Get("nonce"))
	if h.claims != nil {
		h.claims(c)
	}
	answer := map[string]any{"access_token": "the-access-token", "token_type": "Bearer", "expires_in": 60, "id_token": h.sign(c)}
	if h.token != nil {
		h.token(w, answer)
		return
	}
	show(w, answer)
}

// usual are the claims of an ID token.
func (h *hostile) usual(nonce string) jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{
		"iss": h.URL, "sub": "anna", "aud": client, "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "nonce": nonce,
		"name": "Anna", "groups": []string{"admins"}, "sid": "session-1",
	}
}

func signed(t testing.TB, method jwt.SigningMethod, kid string, key any, c jwt.MapClaims) string {
	token := jwt.NewWithClaims(method, c)
	token.Header["kid"] = kid
	s, err := token.SignedString(key)
	if err != nil {
		t.Error(err)
	}
	return s
}

// options are those of a site whose people sign in there.
func (h *hostile) options() *oidc.Options {
	return &oidc.Options{
		Issuer: h.URL, ClientID: client, ClientSecret: secret, Roles: []string{"admins=admin", "sports=editor:match-*"},
	}
}

func (h *hostile) site() *site {
	h.t.Helper()
	return newSite(h.t, func(string) *oidc.Options { return h.options() })
}

// host returns the host of the server.
func (h *hostile) host() string { return strings.TrimPrefix(h.URL, "http://") }
