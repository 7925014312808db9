package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"sync"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// secret is the app's. Nobody else knows it.
const secret = "a secret of at least thirty-two bytes"

// pairs has a private key for each algorithm.
type pairs struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
	ed  ed25519.PrivateKey
}

func newPairs() (p pairs) {
	var err [3]error
	p.rsa, err[0] = rsa.GenerateKey(rand.Reader, leastRSA)
	p.ec, err[1] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, p.ed, err[2] = ed25519.GenerateKey(rand.Reader)
	for _, e := range err {
		if e != nil {
			panic(e)
		}
	}
	return p
}

// issuerKeys are those of the issuer, attackerKeys those of somebody else. They are made once, because that takes long.
var issuerKeys, attackerKeys = sync.OnceValue(newPairs), sync.OnceValue(newPairs)

func pemOf(public any) string {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// pems returns the public keys as the options take them.
func (p pairs) pems() []string {
	return []string{pemOf(p.rsa.Public()), pemOf(p.ec.Public()), pemOf(p.ed.Public())}
}

// jwks returns the public keys as a set. The keys are named rsa, ec and ed, and then suffix.
func (p pairs) jwks(suffix string) []map[string]any {
	b64 := base64.RawURLEncoding.EncodeToString
	point, err := p.ec.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return []map[string]any{
		{"kty": "RSA", "kid": "rsa" + suffix, "use": "sig", "alg": rs256, "n": b64(p.rsa.N.Bytes()), "e": b64(big.NewInt(int64(p.rsa.E)).Bytes())},
		{"kty": "EC", "kid": "ec" + suffix, "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		{"kty": "OKP", "kid": "ed" + suffix, "crv": "Ed25519", "alg": "Ed25519", "x": b64(p.ed.Public().(ed25519.PublicKey))},
	}
}

func setOf(keys []map[string]any) []byte {
	body, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return body
}

// claims returns the claims of a good token, with what changes. A change that is nil takes a claim away.
func claims(changes map[string]any) map[string]any {
	all := map[string]any{
		"iss": "https://app.example.org", "aud": "live", "sub": "42", "name": "Anna", "motacilla": "editor",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return all
}

// signed returns a token. header is added to its header. key is of the kind that the method takes.
func signed(method gojwt.SigningMethod, key any, header, claims map[string]any) string {
	t := gojwt.NewWithClaims(method, gojwt.MapClaims(claims))
	maps.Copy(t.Header, header)
	s, err := t.SignedString(key)
	if err != nil {
		panic(err)
	}
	return s
}

// hs returns a token that is signed with the secret.
func hs(changes map[string]any) string {
	return signed(gojwt.SigningMethodHS256, []byte(secret), nil, claims(changes))
}

// options returns those of an app with a secret.
func options() *Options { return &Options{Audience: []string{"live"}, Secret: secret} }

func newKit(t testing.TB, client *outbound.Client) *access.Kit {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	return access.NewKit(&access.KitOptions{Records: store.Records(), Client: client})
}

// made returns an Authenticator that ends with the test.
func made(t testing.TB, o *Options, client *outbound.Client) *Authenticator {
	t.Helper()
	a, err := New(newKit(t, client), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Shutdown(t.Context()) })
	if a.set != nil {
		a.set.wait = time.Hour
	}
	return a
}

func bearer(token string) access.Credential { return access.Credential{Secret: token} }
