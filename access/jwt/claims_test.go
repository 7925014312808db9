package jwt

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
)

// TestRights: what claims permit. wrong is what must be refused: a slip must not permit more than was meant.
func TestRights(t *testing.T) {
	const wrong = "wrong"
	for _, c := range []struct {
		name, role, channels, fallback string // options
		claims                         string
		want                           string // rights as the configuration has them, with spaces between them
	}{
		{"a role", "", "", "", `{"motacilla":"editor"}`, "editor"},
		{"roles in a text", "", "", "", `{"motacilla":"reader contributor"}`, "reader contributor"},
		{"roles in a list", "", "", "", `{"motacilla":["reader","editor"]}`, "reader editor"},
		{"another program's roles", "", "", "", `{"motacilla":["offline_access","Editor","root"]}`, ""},
		{"no claim", "", "", "", `{"role":"admin","roles":["admin"],"scope":"admin"}`, ""},
		{"null", "", "", "reader", `{"motacilla":null}`, "reader"},
		{"a pair", "", "", "", `{"motacilla":{"role":"reader","channels":["match-*","final"]}}`, "reader:match-*,final"},
		{"a pair with one channel", "", "", "", `{"motacilla":{"role":"reader","channels":"final"}}`, "reader:final"},
		{"a pair without channels", "", "", "", `{"motacilla":{"role":"reader"}}`, "reader"},
		{"pairs", "", "", "", `{"motacilla":[{"role":"reader"},{"role":"editor","channels":["final"]}]}`, "reader editor:final"},
		{"a pair for nothing", "", "", "", `{"motacilla":{"role":"admin","channels":[]}}`, ""},
		{"a pair for no text", "", "", "", `{"motacilla":{"role":"admin","channels":""}}`, ""},
		{"a pair for all", "", "", "", `{"motacilla":{"role":"admin","channels":["final","*"]}}`, "admin"},
		{"a pair with a slip", "", "", "", `{"motacilla":{"role":"admin","channel":["final"]}}`, wrong},
		{"a pair with more", "", "", "", `{"motacilla":{"role":"admin","channels":["final"],"not":["final"]}}`, wrong},
		{"a pair for null", "", "", "", `{"motacilla":{"role":"admin","channels":null}}`, wrong},
		{"a pair without role", "", "", "", `{"motacilla":{"channels":["final"]}}`, wrong},
		{"a pair of another program", "", "", "reader", `{"motacilla":{"role":"root"}}`, "reader"},
		{"numbers for channels", "", "", "", `{"motacilla":{"role":"reader","channels":[1]}}`, wrong},
		{"a number", "", "", "", `{"motacilla":4}`, wrong},
		{"true", "", "", "", `{"motacilla":true}`, wrong},
		{"a list in a list", "", "", "", `{"motacilla":[["admin"]]}`, wrong},
		{"a pattern that is none", "", "", "", `{"motacilla":{"role":"reader","channels":["[a"]}}`, wrong},
		{"an empty pattern", "", "", "", `{"motacilla":{"role":"reader","channels":[""]}}`, wrong},
		{"too many roles", "", "", "", `{"motacilla":"` + strings.Repeat("reader ", 101) + `"}`, wrong},

		{"a path", "realm_access.roles", "", "", `{"realm_access":{"roles":["editor","uma_authorization"]}}`, "editor"},
		{"a longer path", "resource_access.live.roles", "", "", `{"resource_access":{"live":{"roles":["editor"]}}}`, "editor"},
		{"a URL", "https://example.org/role", "", "", `{"https://example.org/role":"editor"}`, "editor"},
		{"a URL and a path", "https://example.org/live.role", "", "", `{"https://example.org/live":{"role":"editor"}}`, "editor"},
		{"a path that ends early", "a.b", "", "", `{"a":"editor"}`, ""},
		{"a path that ends late", "a", "", "", `{"a":{"b":"editor"}}`, wrong},

		{"channels", "", "channels", "", `{"motacilla":"editor","channels":["match-*"]}`, "editor:match-*"},
		{"channels in a text", "", "channels", "", `{"motacilla":"editor","channels":"final match-*"}`, "editor:final,match-*"},
		{"channels for each role", "", "channels", "", `{"motacilla":["editor","reader"],"channels":["final"]}`, "editor:final reader:final"},
		{"channels for pairs without", "", "channels", "", `{"motacilla":[{"role":"editor"},{"role":"reader","channels":["open"]}],"channels":["final"]}`, "editor:final reader:open"},
		{"all channels", "", "channels", "", `{"motacilla":"admin","channels":["*"]}`, "admin"},
		{"no channels", "", "channels", "", `{"motacilla":"admin","channels":[]}`, ""},
		{"the channels are missing", "", "channels", "", `{"motacilla":"admin"}`, ""},
		{"the channels are null", "", "channels", "", `{"motacilla":"admin","channels":null}`, ""},
		{"the channels are a number", "", "channels", "", `{"motacilla":"admin","channels":1}`, wrong},

		{"the default role", "", "", "reader", `{}`, "reader"},
		{"the default role with other programs' roles", "realm_access.roles", "", "reader", `{"realm_access":{"roles":["offline_access"]}}`, "reader"},
		{"the default role with a role", "", "", "editor", `{"motacilla":"reader"}`, "reader"},
		{"the default role with a role for nothing", "", "", "editor", `{"motacilla":{"role":"reader","channels":[]}}`, ""},
		{"the default role with channels", "", "channels", "reader", `{"channels":["final"]}`, "reader:final"},
		{"the default role without channels", "", "channels", "reader", `{}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options()
			o.RoleClaim, o.ChannelsClaim, o.DefaultRole = c.role, c.channels, c.fallback
			var more map[string]any
			if err := json.Unmarshal([]byte(c.claims), &more); err != nil {
				t.Fatal(err)
			}
			if more["motacilla"] == nil {
				more["motacilla"] = nil
			}
			s, err := made(t, o, nil).Authenticate(t.Context(), bearer(hs(more)))
			if c.want == wrong {
				if s != nil || !errors.Is(err, motacilla.ErrUnauthorized) {
					t.Errorf("%+v, %v", s, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want, err := access.ParseRights(strings.Fields(c.want))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(s.Rights, want) {
				t.Errorf("%v, want %v", s.Rights, want)
			}
		})
	}
}

func TestWho(t *testing.T) {
	long := strings.Repeat("ä", 60)
	for _, c := range []struct {
		issuer    string
		claims    map[string]any
		who, name string
	}{
		{"", nil, "jwt/42", "Anna"},
		{"", map[string]any{"name": nil}, "jwt/42", "42"},
		{"", map[string]any{"name": 7}, "jwt/42", "42"},
		{"", map[string]any{"name": " \t\u202e "}, "jwt/42", "42"},
		{"", map[string]any{"name": "An\nna\u202e"}, "jwt/42", "Anna"},
		{"", map[string]any{"name": long}, "jwt/42", long[:100]},
		{"", map[string]any{"sub": nil, "name": nil}, "jwt/", "the holder of a signed token"},
		{"", map[string]any{"sub": "auth0|42"}, "jwt/auth0|42", "Anna"},
		{"shop", nil, "jwt/shop/42", "Anna"},
		{"", map[string]any{"sub": "shop/42"}, "jwt/shop%2F42", "Anna"},
		{"", map[string]any{"sub": "shop%2F42"}, "jwt/shop%252F42", "Anna"},
		{"shop", map[string]any{"sub": ""}, "jwt/shop/", "Anna"},
	} {
		o := options()
		o.IssuerName = c.issuer
		s, err := made(t, o, nil).Authenticate(t.Context(), bearer(hs(c.claims)))
		if err != nil || s.Holder.Who != c.who || s.Holder.Name != c.name || !s.Holder.Revocable() || s.Holder.ID == c.who {
			t.Errorf("%q, %v: %+v, %v", c.issuer, c.claims, s, err)
		}
	}
	o := options()
	o.NameClaim = "user.display"
	s, err := made(t, o, nil).Authenticate(t.Context(), bearer(hs(map[string]any{"user": map[string]any{"display": "Anna K."}})))
	if err != nil || s.Holder.Name != "Anna K." {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestAudiences(t *testing.T) {
	for _, c := range []struct {
		taken []string
		aud   any
		ok    bool
	}{
		{[]string{"live"}, "live", true},
		{[]string{"live"}, []string{"shop", "live"}, true},
		{[]string{"live", "app"}, "app", true},
		{[]string{"live", "app"}, "shop", false},
		{[]string{"-"}, "shop", true},
		{[]string{"-"}, nil, true},
	} {
		o := options()
		o.Audience = c.taken
		s, err := made(t, o, nil).Authenticate(t.Context(), bearer(hs(map[string]any{"aud": c.aud})))
		if c.ok != (s != nil && err == nil) {
			t.Errorf("%v for %v: %+v, %v", c.aud, c.taken, s, err)
		}
	}
}
