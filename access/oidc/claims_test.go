package oidc_test

import (
	"net"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla/access/oidc"
)

func listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }

// What servers say of groups and names, and what follows from it.
func TestClaims(t *testing.T) {
	for _, c := range []struct {
		name     string
		option   func(o *oidc.Options)
		claims   func(c jwt.MapClaims)
		userinfo map[string]any
		person   string // its name
		rights   []string
	}{
		{"a list", nil, func(c jwt.MapClaims) { c["groups"] = []any{"sports", 3, "admins", "sports"} }, nil, "Anna", []string{"admin", "editor:match-*"}},
		{"one text", nil, func(c jwt.MapClaims) { c["groups"] = "sports" }, nil, "Anna", []string{"editor:match-*"}},
		{"an object, as of Zitadel", nil, func(c jwt.MapClaims) { c["groups"] = map[string]any{"sports": map[string]any{"1": "a.example.org"}} }, nil, "Anna",
			[]string{"editor:match-*"}},
		{"dots, as of Keycloak", func(o *oidc.Options) { o.GroupsClaim = "resource_access.live.example.roles" }, func(c jwt.MapClaims) {
			c["resource_access"] = map[string]any{"live.example": map[string]any{"roles": []string{"admins"}}}
		}, nil, "Anna", []string{"admin"}},
		{"a name with dots", func(o *oidc.Options) { o.GroupsClaim = "https://example.org/groups" }, func(c jwt.MapClaims) {
			c["https://example.org/groups"] = []string{"admins"}
		}, nil, "Anna", []string{"admin"}},
		{"of the userinfo endpoint", nil, func(c jwt.MapClaims) { delete(c, "groups"); delete(c, "name") },
			map[string]any{"sub": "anna", "groups": []string{"sports"}, "name": "Anna A."}, "Anna A.", []string{"editor:match-*"}},
		{"what the token says counts", nil, func(c jwt.MapClaims) { c["groups"] = []string{"sports"}; delete(c, "name") },
			map[string]any{"sub": "anna", "groups": []string{"admins"}, "name": "Anna A."}, "Anna A.", []string{"editor:match-*"}},
		{"everybody", func(o *oidc.Options) { o.Roles = []string{"*=reader", "admins=admin"} }, func(c jwt.MapClaims) { delete(c, "groups") }, nil, "Anna", []string{"reader"}},
		{"by address", func(o *oidc.Options) { o.GroupsClaim, o.Roles = "email", []string{"anna@example.org=editor"} }, func(c jwt.MapClaims) {
			c["email"], c["email_verified"] = "anna@example.org", true
		}, nil, "Anna", []string{"editor"}},
		{"by an address that is not verified", func(o *oidc.Options) { o.GroupsClaim, o.Roles = "email", []string{"anna@example.org=editor"} }, func(c jwt.MapClaims) {
			c["email"], c["email_verified"] = "anna@example.org", false
		}, nil, "", nil},
		{"another name", func(o *oidc.Options) { o.NameClaim = "given_name" }, func(c jwt.MapClaims) { c["given_name"] = "A." }, nil, "A.", []string{"admin"}},
		{"no name", nil, func(c jwt.MapClaims) { c["name"] = " "; c["preferred_username"] = "anna1" }, nil, "anna1", []string{"admin"}},
		{"no name at all", nil, func(c jwt.MapClaims) { delete(c, "name") }, nil, "anna", []string{"admin"}},
		{"azp", nil, func(c jwt.MapClaims) { c["aud"] = []string{"another", client}; c["azp"] = client }, nil, "Anna", []string{"admin"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHostile(t)
			h.claims = c.claims
			if c.userinfo != nil {
				h.userinfo = c.userinfo
			}
			s := newSite(t, func(string) *oidc.Options {
				o := h.options()
				if c.option != nil {
					c.option(o)
				}
				return o
			})
			b := s.browser()
			b.signIn()
			if c.person == "" {
				b.is("")
				return
			}
			b.is("oidc/anna", c.rights...)
			if who := b.who(0); who == nil || who.Holder.Name != c.person {
				t.Errorf("%+v, want %s", who, c.person)
			}
		})
	}
}
