package webpush

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// vapid identifies this server to push services (RFC 8292). A browser subscribes with the public key, and its push service takes
// messages of this key alone.
type vapid struct {
	key     *ecdsa.PrivateKey
	public  string // the public key in base64url
	contact string // a mailto or https URL, for the operators of push services
	now     func() time.Time

	mu     sync.Mutex // guards tokens
	tokens map[string]token
}

type token struct {
	header  string
	expires time.Time
}

// A token serves for half of the longest time that push services accept (RFC 8292, section 2), since their clocks may be wrong.
const (
	tokenLife  = 12 * time.Hour
	tokenSpare = time.Hour
	mostTokens = 100 // that are kept; a push service needs one
)

const scalarSize = 32 // bytes of a private key

// newKey returns a private key as it is stored.
func newKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return key.Bytes()
}

// newVAPID returns the identity of a private key.
func newVAPID(scalar []byte, contact string) (*vapid, error) {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, motacilla.Invalid("private_key", "must be a private key of the curve P-256: %d bytes in base64url", scalarSize)
	}
	public, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	return &vapid{key: key, public: encode64(public), contact: contact, now: time.Now, tokens: map[string]token{}}, nil
}

// authorization returns the header Authorization of a message to a push service.
func (v *vapid) authorization(endpoint *url.URL) (string, error) {
	audience := endpoint.Scheme + "://" + strings.TrimSuffix(endpoint.Host, ":443")
	now := v.now()
	v.mu.Lock()
	known, ok := v.tokens[audience]
	v.mu.Unlock()
	if ok && now.Before(known.expires.Add(-tokenSpare)) {
		return known.header, nil
	}
	made, err := v.sign(audience, now.Add(tokenLife))
	if err != nil {
		return "", err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.tokens) >= mostTokens { // readers name the services, so there may be any number
		clear(v.tokens)
	}
	v.tokens[audience] = made
	return made.header, nil
}

// sign makes a token: a JWT (RFC 7519), signed by ES256 (RFC 7518, section 3.4).
func (v *vapid) sign(audience string, expires time.Time) (token, error) {
	claims, err := json.Marshal(map[string]any{"aud": audience, "exp": expires.Unix(), "sub": v.contact})
	if err != nil {
		return token{}, err
	}
	signed := encode64([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + encode64(claims)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, v.key, digest[:])
	if err != nil {
		return token{}, err
	}
	var signature [2 * scalarSize]byte
	r.FillBytes(signature[:scalarSize])
	s.FillBytes(signature[scalarSize:])
	return token{"vapid t=" + signed + "." + encode64(signature[:]) + ", k=" + v.public, expires}, nil
}

// hash names parts, so that nobody without the private key can find or choose a name. It is 32 characters of 0-9 and a-f.
func (v *vapid) hash(parts ...string) string {
	scalar, _ := v.key.Bytes() // a key that was parsed has bytes
	h := hmac.New(sha256.New, scalar)
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
