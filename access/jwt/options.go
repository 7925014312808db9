package jwt

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/route"
)

// Options are the settings. Audience and a key must be set: Secret, PublicKeys or JWKS. Other zero fields mean the defaults.
type Options struct {
	Audience   []string `key:"audience" required:"true" doc:"a token's aud must have one of these; - alone takes tokens for any audience"`
	Issuer     string   `key:"issuer" doc:"who signs: a token's iss; must be set with jwks, and if there are several entries of this type"`
	IssuerName string   `key:"issuer_name" doc:"short name of the issuer, which tells its people from those of other issuers"`

	Secret     string   `key:"secret" secret:"true" doc:"secret of at least 32 bytes, for tokens signed with HS256"`
	OldSecret  string   `key:"old_secret" secret:"true" doc:"the secret before, as long as its tokens last"`
	PublicKeys []string `key:"public_keys" doc:"public keys: PEM files, or their texts; RSA is for RS256, P-256 for ES256, Ed25519 for EdDSA"`
	JWKS       string   `key:"jwks" doc:"https URL of a set of public keys (RFC 7517)"`
	Algorithms []string `key:"algorithms" doc:"of HS256, RS256, ES256, EdDSA; empty is all that the keys are for"`

	RoleClaim     string `key:"role_claim" doc:"claim that has the role, or several, such as realm_access.roles"` // motacilla
	ChannelsClaim string `key:"channels_claim" doc:"claim that has the channels of the role; a token without it has none"`
	DefaultRole   string `key:"default_role" doc:"role of a token that names no role: reader, contributor or editor; empty is none"`
	NameClaim     string `key:"name_claim" doc:"claim that has what people are called"` // name

	Cookie string        `key:"cookie" doc:"name of a cookie that has a token, which your own site sets"`
	Leeway time.Duration `key:"leeway" min:"1s" max:"1m" doc:"time by which the issuer's clock may differ"` // 10s
	MaxAge time.Duration `key:"max_age" min:"0s" doc:"age at which a token ends, from its iat, if exp is later; 0s is none"`
}

// Defaults returns the options that zero fields mean.
func Defaults() *Options {
	return &Options{RoleClaim: "motacilla", NameClaim: "name", Leeway: 10 * time.Second}
}

const (
	leastSecret = 32 // bytes: as many as the hash has (RFC 7518, section 3.2)
	mostLeeway  = time.Minute

	anyAudience = "-"
)

var (
	issuerName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,38}[a-z0-9])?$`)
	cookieName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)
)

// complete returns o with the defaults. The error is a motacilla.ErrInvalid that names the option.
func (o *Options) complete() (*Options, error) {
	c, d := *o, Defaults()
	c.RoleClaim = cmp.Or(c.RoleClaim, d.RoleClaim)
	c.NameClaim = cmp.Or(c.NameClaim, d.NameClaim)
	c.Leeway = cmp.Or(c.Leeway, d.Leeway)
	if err := c.checkIssuer(); err != nil {
		return nil, err
	}
	if err := c.checkKeys(); err != nil {
		return nil, err
	}
	role, err := access.ParseRole(c.DefaultRole)
	switch {
	case c.DefaultRole != "" && (err != nil || role == access.Admin):
		return nil, motacilla.Invalid("default_role", "must be reader, contributor or editor, not %q", c.DefaultRole)
	case c.Cookie != "" && !cookieName.MatchString(c.Cookie):
		return nil, motacilla.Invalid("cookie", "must be the name of a cookie, not %q", c.Cookie)
	case slices.Contains([]string{access.Cookie, route.Cookie}, strings.TrimPrefix(c.Cookie, "__Host-")):
		return nil, motacilla.Invalid("cookie", "must not be one of this server's own")
	case c.Leeway < 0 || c.Leeway > mostLeeway:
		return nil, motacilla.Invalid("leeway", "must be at most %v", mostLeeway)
	case c.MaxAge < 0:
		return nil, motacilla.Invalid("max_age", "must not be negative")
	}
	return &c, nil
}

func (o *Options) checkIssuer() error {
	switch {
	case len(o.Audience) == 0 || slices.Contains(o.Audience, ""):
		return motacilla.Invalid("audience", `must be set: what tokens for this site have as aud, or %q for tokens without one`, anyAudience)
	case len(o.Audience) > 1 && slices.Contains(o.Audience, anyAudience):
		return motacilla.Invalid("audience", "must be names, or %q alone", anyAudience)
	case o.JWKS != "" && o.Issuer == "":
		return motacilla.Invalid("issuer", "must be set, since jwks is: a provider may sign for several issuers with the same keys")
	case o.IssuerName != "" && !issuerName.MatchString(o.IssuerName):
		return motacilla.Invalid("issuer_name", "must be at most 40 lower-case letters, digits, dots and hyphens")
	}
	return nil
}

func (o *Options) checkKeys() error {
	for _, s := range []struct{ option, value string }{{"secret", o.Secret}, {"old_secret", o.OldSecret}} {
		switch {
		case s.value == "":
		case len(s.value) < leastSecret:
			return motacilla.Invalid(s.option, "must have at least %d bytes", leastSecret)
		case strings.Contains(s.value, "-----BEGIN"):
			return motacilla.Invalid(s.option, "must not be a key in PEM: put a public key into public_keys")
		}
	}
	switch {
	case o.Secret == "" && o.OldSecret != "":
		return motacilla.Invalid("old_secret", "needs secret")
	case len(o.PublicKeys) > 0 && o.JWKS != "":
		return motacilla.Invalid("public_keys", "must not be set with jwks")
	case o.Secret == "" && len(o.PublicKeys) == 0 && o.JWKS == "":
		return motacilla.Invalid("secret", "must be set, or public_keys, or jwks")
	}
	for _, a := range o.Algorithms {
		if !slices.Contains(algorithms, a) {
			return motacilla.Invalid("algorithms", "must be of %s, not %q", strings.Join(algorithms, ", "), a)
		}
	}
	if o.JWKS != "" {
		if u, err := outbound.CheckURL(o.JWKS); err != nil || u.Scheme != "https" {
			return motacilla.Invalid("jwks", "must be an https URL")
		}
	}
	return nil
}
