package jwt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	gojwt "github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
)

// Authenticator knows signed tokens.
type Authenticator struct {
	kit    *access.Kit
	o      *Options
	keys   []key   // of the options
	set    *keySet // nil if the options have no JWKS
	parser *gojwt.Parser
}

var (
	_ access.Authenticator = (*Authenticator)(nil)
	_ access.Cookied       = (*Authenticator)(nil)
	_ access.Starter       = (*Authenticator)(nil)
)

// New returns an Authenticator. The error is a motacilla.ErrInvalid that names the option. Whoever calls it calls Shutdown.
func New(kit *access.Kit, options *Options) (*Authenticator, error) {
	o, err := options.complete()
	if err != nil {
		return nil, err
	}
	a := &Authenticator{kit: kit, o: o}
	if a.keys, err = ownKeys(o); err != nil {
		return nil, err
	}
	if o.JWKS != "" {
		a.set = newKeySet(o.JWKS, kit.Client(), kit.Logger())
	}
	rules := []gojwt.ParserOption{
		gojwt.WithStrictDecoding(), gojwt.WithExpirationRequired(), gojwt.WithIssuedAt(), gojwt.WithLeeway(o.Leeway),
	}
	if !slices.Contains(o.Audience, anyAudience) {
		rules = append(rules, gojwt.WithAudience(o.Audience...))
	}
	a.parser = gojwt.NewParser(rules...)
	return a, nil
}

// Start begins to get the issuer's keys. It does not wait for them.
func (a *Authenticator) Start(context.Context) error {
	if a.set != nil {
		a.set.start()
	}
	return nil
}

// Shutdown ends what was begun.
func (a *Authenticator) Shutdown(context.Context) error {
	if a.set != nil {
		a.set.close()
	}
	return nil
}

// Cookies implements [access.Cookied].
func (a *Authenticator) Cookies() []string {
	if a.o.Cookie == "" {
		return nil
	}
	return []string{a.o.Cookie}
}

// mostToken is the longest token that is read, in bytes.
const mostToken = 8 << 10

// Authenticate implements [access.Authenticator]. A token of another issuer is of another kind, if the options have an issuer.
func (a *Authenticator) Authenticate(ctx context.Context, c access.Credential) (*access.Subject, error) {
	switch {
	case c.Cookie != "" && c.Cookie != a.o.Cookie:
		return nil, nil
	case len(c.Secret) > mostToken:
		return nil, refused(fmt.Sprintf("it is longer than %d bytes", mostToken))
	case !looksSigned(c.Secret) && c.Cookie != "":
		return nil, refused("it is no signed token")
	case !looksSigned(c.Secret):
		return nil, nil
	}
	var wrong error // with the key
	t, err := a.parser.Parse(c.Secret, func(t *gojwt.Token) (any, error) {
		var found any
		found, wrong = a.keyOf(ctx, t)
		return found, wrong
	})
	switch {
	case errors.Is(wrong, errOtherIssuer):
		return nil, nil
	case wrong != nil:
		return nil, wrong
	case err != nil:
		return nil, refused(reason(err))
	}
	return a.subject(ctx, c.Secret, t.Claims.(gojwt.MapClaims))
}

// looksSigned reports whether a text has the form of a signed token (RFC 7515, section 7.1): three parts in base64url, of which
// the first begins a JSON object.
func looksSigned(s string) bool {
	return strings.HasPrefix(s, "e") && strings.Count(s, ".") == 2 && strings.Trim(s, characters) == ""
}

// characters are those of base64url, and the full stop.
const characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

func refused(why string) error {
	return fmt.Errorf("%w: the token is refused: %s", motacilla.ErrUnauthorized, why)
}

var errOtherIssuer = errors.New("the token is of another issuer")

// types are what a token may say that it is (RFC 8725, section 3.11): not a logout token, for example.
var types = []string{"jwt", "at+jwt", "application/jwt", "application/at+jwt"}

// keyOf returns the key that a token must be signed with. What the token's header says of keys chooses among those that there are:
// jku, jwk, x5u and x5c are not looked at.
func (a *Authenticator) keyOf(ctx context.Context, t *gojwt.Token) (any, error) {
	if a.o.Issuer != "" {
		if issuer, err := t.Claims.GetIssuer(); err != nil || issuer != a.o.Issuer {
			return nil, errOtherIssuer
		}
	}
	if _, critical := t.Header["crit"]; critical {
		return nil, refused("its header has crit, and no extension is understood")
	}
	if typ, given := t.Header["typ"]; given {
		if s, _ := typ.(string); !slices.Contains(types, strings.ToLower(s)) {
			return nil, refused("its typ is not JWT")
		}
	}
	algorithm := t.Method.Alg()
	if !slices.Contains(algorithms, algorithm) || len(a.o.Algorithms) > 0 && !slices.Contains(a.o.Algorithms, algorithm) {
		return nil, refused("its algorithm is not taken here")
	}
	id, given := t.Header["kid"]
	name, text := id.(string)
	if given && !text || len(name) > mostKeyID {
		return nil, refused("its kid is wrong")
	}
	if a.set != nil && algorithm != hs256 {
		return a.set.find(ctx, keyName{name, algorithm})
	}
	var own gojwt.VerificationKeySet
	for _, k := range a.keys {
		if k.algorithm == algorithm {
			own.Keys = append(own.Keys, k.value)
		}
	}
	return own, nil // if there is none, the library refuses the token
}
