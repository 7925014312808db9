package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/route"
)

// tokenSpace has a record for each named token. Its key is the token's name.
const tokenSpace = "access-tokens"

const tokenKind = "token"

// tokenPrefix begins each named token, so that programs that look for lost secrets find it.
const tokenPrefix = "mot_"

// Token is a named token, for a program.
type Token struct {
	Name    string    `json:"name"`
	Rights  Rights    `json:"rights"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
	By      string    `json:"by"`               // who made it
}

// storedToken is a token as it is kept.
type storedToken struct {
	Token
	Hash string `json:"hash"` // of the secret
}

var tokenName = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`)

const mostTokenName = 40

// Validate returns an ErrInvalid that names the field, or nil.
func (t *Token) Validate(now time.Time) error {
	switch {
	case !tokenName.MatchString(t.Name) || len(t.Name) > mostTokenName:
		return motacilla.Invalid("name", "must be 1 to %d lower-case letters, digits and single hyphens", mostTokenName)
	case len(t.Rights) == 0:
		return motacilla.Invalid("rights", "must have a role")
	case !t.Expires.IsZero() && !t.Expires.After(now):
		return motacilla.Invalid("expires", "must be in the future")
	}
	return t.Rights.Validate()
}

// CreateToken makes a token, and returns its secret, which is kept nowhere. ErrExists: there is a token of that name.
func (k *Kit) CreateToken(ctx context.Context, t Token) (secret string, err error) {
	_, secret, err = k.createToken(ctx, t)
	return secret, err
}

// createToken returns the token too, as it is kept.
func (k *Kit) createToken(ctx context.Context, t Token) (made Token, secret string, err error) {
	t.Created = time.Now().UTC().Truncate(time.Microsecond)
	if err := t.Validate(t.Created); err != nil {
		return Token{}, "", err
	}
	secret = tokenPrefix + t.Name + "_" + rand.Text()
	value, err := json.Marshal(storedToken{t, hash(secret)})
	if err != nil {
		return Token{}, "", err
	}
	_, err = k.o.Records.Put(ctx, motacilla.Record{Namespace: tokenSpace, Key: t.Name, Value: value, Expires: t.Expires})
	if errors.Is(err, motacilla.ErrConflict) {
		return Token{}, "", fmt.Errorf("token %q: %w", t.Name, motacilla.ErrExists)
	}
	return t, secret, err
}

// Tokens returns all tokens, in the order of their names.
func (k *Kit) Tokens(ctx context.Context) ([]Token, error) {
	var all []Token
	err := k.each(ctx, tokenSpace, "", func(r motacilla.Record) error {
		var t storedToken
		if err := json.Unmarshal(r.Value, &t); err != nil {
			return fmt.Errorf("read token %q: %w", r.Key, err)
		}
		all = append(all, t.Token)
		return nil
	})
	return all, err
}

// RevokeToken removes a token. Nodes that remember it learn of it within 2 s. ErrNotFound: there is none.
func (k *Kit) RevokeToken(ctx context.Context, name string) error {
	if !tokenName.MatchString(name) || len(name) > mostTokenName {
		return fmt.Errorf("token %q: %w", short.Cut(name, mostTokenName), motacilla.ErrNotFound)
	}
	r, err := k.o.Records.Get(ctx, tokenSpace, name)
	if err == nil {
		err = k.o.Records.Delete(ctx, tokenSpace, name, r.Version)
	}
	none := errors.Is(err, motacilla.ErrNotFound)
	if err == nil || none { // an earlier call may have removed it, and failed then
		err = k.Revoke(ctx, tokenKind+"/"+name)
	}
	if err == nil && none {
		err = motacilla.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("token %q: %w", name, err)
	}
	return nil
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// tokenOf returns the subject of a named token.
func (k *Kit) tokenOf(ctx context.Context, name string) (*Subject, error) {
	s, _, err := k.token(ctx, name)
	return s, err
}

func (k *Kit) token(ctx context.Context, name string) (s *Subject, digest string, err error) {
	r, err := k.o.Records.Get(ctx, tokenSpace, name)
	if errors.Is(err, motacilla.ErrNotFound) {
		return nil, "", fmt.Errorf("%w: the token is not known here", motacilla.ErrUnauthorized)
	}
	if err != nil {
		return nil, "", err
	}
	var t storedToken
	if err := json.Unmarshal(r.Value, &t); err != nil {
		return nil, "", fmt.Errorf("read token %q: %w", name, err)
	}
	who := tokenKind + "/" + name
	return &Subject{Holder: k.Holder(who, who, name), Rights: t.Rights, Expires: t.Expires}, t.Hash, nil
}

// tokens is the [Authenticator] of named tokens.
type tokens struct{ kit *Kit }

func (t tokens) Authenticate(ctx context.Context, c Credential) (*Subject, error) {
	rest, is := strings.CutPrefix(c.Secret, tokenPrefix)
	if !is || c.Cookie != "" {
		return nil, nil
	}
	name, _, ok := strings.Cut(rest, "_")
	if !ok || !tokenName.MatchString(name) || len(name) > mostTokenName {
		return nil, fmt.Errorf("%w: the token is not known here", motacilla.ErrUnauthorized)
	}
	s, digest, err := t.kit.token(ctx, name)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(digest), []byte(hash(c.Secret))) != 1 {
		return nil, fmt.Errorf("%w: the token is not known here", motacilla.ErrUnauthorized)
	}
	return s, nil
}

// server is the [Authenticator] of the server's token, which is an admin's, and of the cookie of its form, which is a reader's.
type server struct{ *route.Token }

// What the server's token permits can't be revoked while the server runs.
var (
	serverHolder = &route.Holder{ID: "server", Who: "server", Name: "the server's token"}
	everything   = Rights{{Role: Admin}}
	allReading   = Rights{{Role: Reader}}
)

func (s server) Authenticate(_ context.Context, c Credential) (*Subject, error) {
	switch {
	case c.Cookie == "" && s.Matches(c.Secret), c.Cookie == route.WriterCookie && s.SignedToWrite(c.Secret):
		return &Subject{Holder: serverHolder, Rights: everything}, nil
	case c.Cookie == route.Cookie && s.Signed(c.Secret):
		return &Subject{Holder: serverHolder, Rights: allReading}, nil
	}
	return nil, nil
}

// Cookies implements [Cookied]. A browser that may write has both; the first that is known counts.
func (s server) Cookies() []string { return []string{route.WriterCookie, route.Cookie} }
