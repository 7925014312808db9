package grip

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla"
)

// verifier checks the header Grip-Sig, by which a proxy shows that a request comes through it.
type verifier struct {
	key    any
	parser *jwt.Parser
}

// newVerifier returns the verifier of a key of the configuration.
func newVerifier(key, issuer string) (*verifier, error) {
	v := &verifier{key: secretOf(key)}
	method := "HS256"
	switch {
	case key == "":
		return nil, motacilla.Invalid("verify_key", "must be the key with which the proxy signs, such as Pushpin's sig_key")
	case isPEM(key):
		public, err := jwt.ParseECPublicKeyFromPEM([]byte(key))
		if err != nil {
			return nil, motacilla.Invalid("verify_key", "must be a public key of ECDSA in PEM, or a secret")
		}
		v.key, method = public, "ES256"
	}
	options := []jwt.ParserOption{jwt.WithValidMethods([]string{method}), jwt.WithExpirationRequired()}
	if issuer != "" {
		options = append(options, jwt.WithIssuer(issuer))
	}
	v.parser = jwt.NewParser(options...)
	return v, nil
}

func isPEM(key string) bool { return strings.HasPrefix(strings.TrimSpace(key), "-----BEGIN ") }

// secretOf returns the bytes of a key, which may be in base64.
func secretOf(key string) []byte {
	if encoded, ok := strings.CutPrefix(key, "base64:"); ok {
		if decoded, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			return decoded
		}
	}
	return []byte(key)
}

// verify returns nil if the token of a request is the proxy's.
func (v *verifier) verify(token string) error {
	if _, err := v.parser.Parse(token, func(*jwt.Token) (any, error) { return v.key, nil }); err != nil {
		return fmt.Errorf("the header Grip-Sig: %w", err)
	}
	return nil
}
