package jwt

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	gojwt "github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/internal/short"
)

// reason says why a token is refused.
func reason(err error) string {
	for _, known := range []struct {
		error
		text string
	}{
		{gojwt.ErrTokenMalformed, "it is no signed token"},
		{gojwt.ErrTokenUnverifiable, "its algorithm is not taken here"},
		{gojwt.ErrTokenSignatureInvalid, "its signature is wrong"},
		{gojwt.ErrTokenRequiredClaimMissing, "it lacks exp or aud"},
		{gojwt.ErrTokenExpired, "it has expired"},
		{gojwt.ErrTokenNotValidYet, "it is not valid yet"},
		{gojwt.ErrTokenUsedBeforeIssued, "its iat is in the future"},
		{gojwt.ErrTokenInvalidAudience, "it is for another audience"},
	} {
		if errors.Is(err, known.error) {
			return known.text
		}
	}
	return "a claim has a wrong form"
}

// lastTime is about the last one that JSON can say (RFC 3339), with the leeway.
const lastTime = 253402300799 - 60

// subject returns whom a token is of, from its claims, which have been checked.
func (a *Authenticator) subject(ctx context.Context, token string, claims gojwt.MapClaims) (*access.Subject, error) {
	for _, name := range []string{"exp", "nbf", "iat"} {
		// The library's time of such a number may be one of long ago.
		if v, given := claims[name].(float64); given && v > lastTime {
			return nil, refused(name + " is no time")
		}
	}
	exp, err := claims.GetExpirationTime()
	if err != nil || exp == nil {
		return nil, refused("it lacks exp")
	}
	expires := exp.Add(a.o.Leeway)
	if a.o.MaxAge > 0 {
		iat, err := claims.GetIssuedAt()
		if err != nil || iat == nil {
			return nil, refused("it lacks iat")
		}
		if end := iat.Add(a.o.MaxAge + a.o.Leeway); end.Before(expires) {
			expires = end
		}
		if !time.Now().Before(expires) {
			return nil, refused(fmt.Sprintf("it is older than %v", a.o.MaxAge))
		}
	}
	sub, err := claims.GetSubject()
	if err != nil {
		return nil, refused("its sub is no text")
	}
	who, err := a.o.who(sub)
	if err != nil {
		return nil, refused(err.Error())
	}
	rights, err := a.o.rights(claims)
	if err != nil {
		return nil, refused(err.Error())
	}
	signed := access.SignedToken{Text: token, Who: who, Name: a.o.name(claims, sub)}
	if v, given := claims["jti"]; given {
		if signed.JTI, given = v.(string); !given || signed.JTI == "" {
			return nil, refused("its jti is no text")
		}
	}
	if iat, err := claims.GetIssuedAt(); err == nil && iat != nil {
		signed.Issued = iat.Time
	}
	holder, err := a.kit.SignedHolder(ctx, signed)
	if err != nil {
		return nil, err
	}
	return &access.Subject{Holder: holder, Rights: rights, Expires: expires.UTC()}, nil
}

const (
	mostSubject = 255 // bytes, as OpenID Connect has it
	mostName    = 100 // bytes
)

// who returns the account of a subject. Subjects of another issuer have another one if the options name the issuers.
func (o *Options) who(subject string) (string, error) {
	if len(subject) > mostSubject || strings.ContainsFunc(subject, func(c rune) bool { return !unicode.IsGraphic(c) }) {
		return "", fmt.Errorf("its sub has more than %d bytes, or a character that can't be seen", mostSubject)
	}
	who := "jwt/"
	if o.IssuerName != "" {
		who += o.IssuerName + "/"
	}
	return who + escape.Replace(subject), nil
}

// escape keeps a subject from looking like one of an issuer with a name.
var escape = strings.NewReplacer("%", "%25", "/", "%2F")

// name returns what the holder of a token is called.
func (o *Options) name(claims map[string]any, subject string) string {
	given, _ := claim(claims, o.NameClaim).(string)
	for _, s := range []string{given, subject} {
		s = strings.Map(func(c rune) rune {
			if !unicode.IsGraphic(c) {
				return -1
			}
			return c
		}, s)
		if s = strings.TrimSpace(short.Cut(s, mostName)); s != "" {
			return s
		}
	}
	return "the holder of a signed token"
}
