package oidc

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// name is the type in the configuration.
const name = "oidc"

// Options are the settings of an OIDC. Issuer and ClientID are required.
type Options struct {
	Issuer       string        `key:"issuer" required:"true" doc:"URL of the OpenID Connect server, exactly as the server itself writes it"`
	ClientID     string        `key:"client_id" required:"true" doc:"ID under which the server knows this site"`
	ClientSecret string        `key:"client_secret" secret:"true" doc:"secret that the server has given to this site; a server may do without"`
	Name         string        `key:"name" doc:"what people call the server, as in Sign in with NAME; default: its host"`
	ID           string        `key:"id" doc:"word for this server, if there are several: then /sign-in/oidc-ID is its path"`
	Scopes       []string      `key:"scopes" doc:"what is asked of the server about people; openid is always asked for"`
	GroupsClaim  string        `key:"groups_claim" min:"1" doc:"claim with a person's groups; dots lead into objects, as realm_access.roles"`
	Roles        []string      `key:"roles" doc:"what groups may do: GROUP=ROLE, or as sports=editor:match-*; the group * is everybody"`
	NameClaim    string        `key:"name_claim" doc:"claim that has the name of a person"`
	Session      time.Duration `key:"session" min:"1m" max:"720h" doc:"how long a person stays signed in; then groups are looked at again"`
}

// Defaults returns the options that the configuration does not give.
func Defaults() *Options {
	return &Options{
		Scopes: []string{"openid", "profile", "email"}, GroupsClaim: "groups", NameClaim: "name", Session: 12 * time.Hour,
	}
}

// withDefaults returns o with its zero fields filled in.
func (o Options) withDefaults() Options {
	d := Defaults()
	if len(o.Scopes) == 0 {
		o.Scopes = d.Scopes
	}
	if !slices.Contains(o.Scopes, "openid") {
		o.Scopes = append([]string{"openid"}, o.Scopes...)
	}
	if o.GroupsClaim == "" {
		o.GroupsClaim = d.GroupsClaim
	}
	if o.NameClaim == "" {
		o.NameClaim = d.NameClaim
	}
	if o.Session <= 0 {
		o.Session = d.Session
	}
	return o
}

var idForm = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`)

const mostID = 20

// check returns the issuer's URL, or an error that names the option.
func (o *Options) check() (*url.URL, error) {
	if o.ClientID == "" {
		return nil, errors.New("client_id: must be set")
	}
	if o.ID != "" && (!idForm.MatchString(o.ID) || len(o.ID) > mostID) {
		return nil, fmt.Errorf("id: must be 1 to %d lower-case letters, digits and single hyphens", mostID)
	}
	u, err := url.Parse(o.Issuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !secure(u) {
		return nil, errors.New("issuer: must be an https URL, such as https://login.example.org (http only for a server on this machine)")
	}
	return u, nil
}

// secure reports whether nobody can change what comes from u on its way. That is so for a server on the same machine too.
func secure(u *url.URL) bool {
	if u.Scheme != "http" {
		return u.Scheme == "https"
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}
