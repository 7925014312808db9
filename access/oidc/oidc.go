package oidc

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

// OIDC is an [access.Authenticator] of people who sign in at an OpenID Connect server. Its accounts are ID/SUBJECT, such as
// oidc/248289761001: the subject is the server's own ID of a person, and never changes.
type OIDC struct {
	o     Options
	kit   *access.Kit
	id    string // "oidc", or "oidc-ID"
	name  string
	roles roles

	discovery *discovery
	limit     *route.RateLimit // of calls that make this site call the server
}

var (
	_ access.Sited   = (*OIDC)(nil)
	_ access.Leaver  = (*OIDC)(nil)
	_ access.Starter = (*OIDC)(nil)
)

// New returns an OIDC. The error names the option that is wrong.
func New(options *Options, kit *access.Kit) (*OIDC, error) {
	o := &OIDC{o: options.withDefaults(), kit: kit, id: name}
	issuer, err := o.o.check()
	if err != nil {
		return nil, err
	}
	if o.roles, err = parseRoles(o.o.Roles); err != nil {
		return nil, err
	}
	if o.o.ID != "" {
		o.id += "-" + o.o.ID
	}
	o.name = cmp.Or(o.o.Name, issuer.Hostname())
	o.discovery = newDiscovery(&o.o, newHTTP(kit.Client()), kit.Logger())
	o.limit = route.NewRateLimit(1, &route.RateLimitOptions{
		Address: func(r *http.Request) netip.Addr { return kit.Site().Address(r) }, // the site is not known yet
	})
	return o, nil
}

// Start returns an error if nobody could sign in: the server sends browsers back to a whole URL that it knows.
func (o *OIDC) Start(context.Context) error {
	if o.kit.Site().URL == "" {
		return errors.New("server.public_url must be set: the OpenID Connect server sends people back to it")
	}
	return nil
}

// Authenticate knows nothing: people who have signed in have sessions.
func (o *OIDC) Authenticate(context.Context, access.Credential) (*access.Subject, error) {
	return nil, nil
}

// Offer implements [access.Offers].
func (o *OIDC) Offer() access.SignInAt { return access.SignInAt{Name: o.name, URL: o.path("")} }

// URLs implements [access.Sited].
func (o *OIDC) URLs() []route.Route {
	at := func(part string, serve http.HandlerFunc, methods ...string) route.Route {
		return route.Route{Name: "sign-in-" + o.id + strings.ReplaceAll(part, "/", "-"), Pattern: o.path(part), Handler: only(serve, methods...)}
	}
	routes := []route.Route{
		at("", o.begin, http.MethodGet),
		at("/callback", o.callback, http.MethodGet),
		at("/logout", o.backChannel, http.MethodPost),
		at("/sign-out", o.signOut(), http.MethodPost),
	}
	if o.kit.Entrance(o) {
		routes = append(routes,
			route.Route{Name: "sign-in-entrance", Pattern: "/sign-in", Handler: only(o.entrance, http.MethodGet)},
			route.Route{Name: "sign-out", Pattern: "/sign-out", Handler: only(o.signOut(), http.MethodPost)})
	}
	return routes
}

// only answers other methods than these with 405. No cache keeps what serve answers.
func only(serve http.HandlerFunc, methods ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route.Allow(w, r, methods...) {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Referrer-Policy", "no-referrer")
			serve(w, r)
		}
	})
}

// path returns the path of a part, below the site's base.
func (o *OIDC) path(part string) string { return "/sign-in/" + o.id + part }

// url returns the URL of a path below the site's base.
func (o *OIDC) url(path string) string { return strings.TrimSuffix(o.kit.Site().URL, "/") + path }

// https reports whether the site's pages come by https.
func (o *OIDC) https() bool { return strings.HasPrefix(o.kit.Site().URL, "https:") }

// who returns the name of an account.
func (o *OIDC) who(subject string) string { return o.id + "/" + subject }

// space has the records of this package, under keys that begin with what they are and the authenticator's id.
const space = "access-oidc"

// key returns the key of a record about something whose name is the server's or a secret.
func (o *OIDC) key(what, of string) string {
	sum := sha256.Sum256([]byte(of))
	return fmt.Sprintf("%s/%s/%s", what, o.id, base64.RawURLEncoding.EncodeToString(sum[:]))
}
