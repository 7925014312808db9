package jwt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla"
)

func TestOptions(t *testing.T) {
	mine := issuerKeys()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GODEBUG", "rsa1024min=0")
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(mine.ed)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field  string // that is wrong; empty: none is
		change func(*Options)
	}{
		{"", func(*Options) {}},
		{"audience", func(o *Options) { o.Audience = nil }},
		{"audience", func(o *Options) { o.Audience = []string{""} }},
		{"audience", func(o *Options) { o.Audience = []string{"-", "live"} }},
		{"", func(o *Options) { o.Audience = []string{"-"} }},
		{"secret", func(o *Options) { o.Secret = "" }},
		{"secret", func(o *Options) { o.Secret = secret[:31] }},
		{"secret", func(o *Options) { o.Secret = mine.pems()[0] }},
		{"old_secret", func(o *Options) { o.OldSecret = "short" }},
		{"old_secret", func(o *Options) { o.OldSecret, o.Secret, o.PublicKeys = o.Secret, "", mine.pems() }},
		{"public_keys", func(o *Options) { o.PublicKeys = []string{"no/such/file.pem"} }},
		{"public_keys", func(o *Options) { o.PublicKeys = []string{pemOf(&p384.PublicKey)} }},
		{"public_keys", func(o *Options) { o.PublicKeys = []string{pemOf(&small.PublicKey)} }},
		{"public_keys", func(o *Options) {
			o.PublicKeys = []string{string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))}
		}},
		{"public_keys", func(o *Options) {
			o.PublicKeys = []string{string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("a")}))}
		}},
		{"public_keys", func(o *Options) { o.PublicKeys = []string{"-----BEGIN PUBLIC KEY-----"} }},
		{"public_keys", func(o *Options) { o.PublicKeys = []string{strings.Repeat(mine.pems()[0], 11)} }},
		{"public_keys", func(o *Options) { o.PublicKeys, o.Issuer, o.JWKS = mine.pems(), "me", "https://id.example.org/" }},
		{"issuer", func(o *Options) { o.JWKS = "https://id.example.org/keys" }},
		{"", func(o *Options) { o.JWKS, o.Issuer = "https://id.example.org/keys", "https://id.example.org" }},
		{"jwks", func(o *Options) { o.JWKS, o.Issuer = "http://id.example.org/keys", "me" }},
		{"jwks", func(o *Options) { o.JWKS, o.Issuer = "file:///etc/keys", "me" }},
		{"issuer_name", func(o *Options) { o.IssuerName = "a/b" }},
		{"algorithms", func(o *Options) { o.Algorithms = []string{"none"} }},
		{"algorithms", func(o *Options) { o.Algorithms = []string{"HS256", "RS256"} }},
		{"algorithms", func(o *Options) { o.Algorithms, o.PublicKeys = []string{"HS256"}, mine.pems()[:1] }},
		{"", func(o *Options) { o.Algorithms, o.PublicKeys = []string{"HS256", "RS256"}, mine.pems()[:1] }},
		{"default_role", func(o *Options) { o.DefaultRole = "admin" }},
		{"default_role", func(o *Options) { o.DefaultRole = "boss" }},
		{"cookie", func(o *Options) { o.Cookie = "a b" }},
		{"cookie", func(o *Options) { o.Cookie = "__Host-motacilla_session" }},
		{"cookie", func(o *Options) { o.Cookie = "motacilla_reader" }},
		{"", func(o *Options) { o.Cookie = "__Host-app" }},
		{"leeway", func(o *Options) { o.Leeway = time.Hour }},
		{"leeway", func(o *Options) { o.Leeway = -1 }},
		{"max_age", func(o *Options) { o.MaxAge = -1 }},
	} {
		o := options()
		c.change(o)
		_, err := New(newKit(t, nil), o)
		var field *motacilla.FieldError
		if errors.As(err, &field); c.field == "" && err != nil || c.field != "" && (field == nil || field.Field != c.field) {
			t.Errorf("%+v: %v, want an error about %q", o, err, c.field)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error has the secret: %v", err)
		}
	}
}

// Keys come from files, too, and a file may have several.
func TestKeyFiles(t *testing.T) {
	mine := issuerKeys()
	file := filepath.Join(t.TempDir(), "keys.pem")
	if err := os.WriteFile(file, []byte("# of November\n"+strings.Join(mine.pems(), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&attackerKeys().rsa.PublicKey)}))
	a := made(t, &Options{Audience: []string{"live"}, PublicKeys: []string{file, pkcs1}}, nil)
	for _, token := range []string{
		signed(gojwt.SigningMethodRS256, mine.rsa, nil, claims(nil)), signed(gojwt.SigningMethodRS256, attackerKeys().rsa, nil, claims(nil)),
		signed(gojwt.SigningMethodES256, mine.ec, nil, claims(nil)), signed(gojwt.SigningMethodEdDSA, mine.ed, nil, claims(nil)),
	} {
		if _, err := a.Authenticate(t.Context(), bearer(token)); err != nil {
			t.Error(err)
		}
	}
}

// The secret changes without a token being refused.
func TestOldSecret(t *testing.T) {
	o := options()
	o.Secret, o.OldSecret = strings.ToUpper(secret), secret
	a := made(t, o, nil)
	for _, s := range []string{o.Secret, o.OldSecret} {
		if _, err := a.Authenticate(t.Context(), bearer(signed(gojwt.SigningMethodHS256, []byte(s), nil, claims(nil)))); err != nil {
			t.Error(err)
		}
	}
}

// Keys of a set that are not for signatures of a known kind are not taken, and do not keep others from it.
func TestOddKeys(t *testing.T) {
	good := issuerKeys().jwks("")
	change := func(i int, name string, to any) map[string]any {
		k := map[string]any{}
		for n, v := range issuerKeys().jwks("")[i] {
			k[n] = v
		}
		k[name] = to
		return k
	}
	var list []map[string]any
	for _, odd := range []map[string]any{
		{}, {"kty": "oct", "k": b64([]byte(secret))}, {"kty": 1}, {"kty": "RSA"}, {"kty": "EC", "crv": "P-256"}, {"kty": "OKP", "crv": "Ed25519"},
		change(0, "use", "enc"), change(0, "key_ops", []string{"encrypt"}), change(0, "alg", "PS256"), change(0, "alg", "none"),
		change(0, "alg", hs256), change(0, "d", "AQAB"), change(0, "e", "AA"), change(0, "e", "Ag"), change(0, "e", b64(make([]byte, 9))),
		change(0, "e", b64([]byte{1, 0, 0, 0, 1})), change(0, "n", b64([]byte(strings.Repeat("a", 128)))), change(0, "n", b64([]byte(strings.Repeat("a", 4096)))),
		change(0, "n", b64([]byte(strings.Repeat("a", 1025)))), change(0, "n", "*"), change(0, "kid", strings.Repeat("a", 201)),
		change(1, "crv", "P-384"), change(1, "x", b64(make([]byte, 32))), change(1, "y", b64(make([]byte, 33))), change(1, "alg", eddsa),
		change(2, "crv", "X25519"), change(2, "x", b64(make([]byte, 31))), change(2, "alg", es256),
	} {
		if odd["kid"] == "rsa" || odd["kid"] == "ec" || odd["kid"] == "ed" {
			odd["kid"] = "odd"
		}
		list = append(list, odd)
	}
	keys, others, err := parseSet(setOf(append(list, good...)))
	if err != nil || len(keys) != 3 || len(others) != len(list) {
		t.Errorf("%v, %d others of %d, %v", keys, len(others), len(list), err)
	}
	twice, _, err := parseSet(setOf(append(good, attackerKeys().jwks("")...)))
	if err != nil || !twice[rsaKey].(*rsa.PublicKey).Equal(issuerKeys().rsa.Public()) {
		t.Errorf("of two keys with a name not the first one counts: %v", err)
	}
}
