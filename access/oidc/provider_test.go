package oidc_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/access/oidc"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/route"
	"golang.org/x/net/html"
)

// real returns a site whose people sign in at a real server.
func real(t testing.TB) (*site, *realserver.OIDCProvider) {
	t.Helper()
	var server *realserver.OIDCProvider
	s := newSite(t, func(site string) *oidc.Options {
		if server == nil {
			server = realserver.NewOIDCProvider(t, site)
		}
		return &oidc.Options{
			Issuer: server.Issuer, ClientID: realserver.OIDCClient, ClientSecret: realserver.OIDCSecret, Name: "The Newsroom",
			Scopes: []string{"profile", "groups"}, Roles: []string{"admins=admin", "sports=editor:match-*"},
		}
	})
	return s, server
}

// submit fills in the first form of a page and sends it.
func (b *browser) submit(a answer, values url.Values) answer {
	b.s.Helper()
	doc, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		b.s.Fatal(err)
	}
	action := ""
	for n := range doc.Descendants() {
		attr := func(name string) string {
			for _, one := range n.Attr {
				if one.Key == name {
					return one.Val
				}
			}
			return ""
		}
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "form" && action == "":
			action = attr("action")
		case n.Data == "input" && attr("type") == "hidden":
			values.Set(attr("name"), attr("value"))
		}
	}
	if action == "" {
		b.s.Fatalf("%s has no form: %s", a.Request.URL, a.body)
	}
	at, err := a.Request.URL.Parse(action)
	if err != nil {
		b.s.Fatal(err)
	}
	return b.post(at.String(), values)
}

// signInAs signs in at the real server, and consents if that is asked for.
func (b *browser) signInAs(login string) answer {
	b.s.Helper()
	a := b.submit(b.signIn(), url.Values{"login": {login}, "password": {"any"}})
	if !strings.HasPrefix(a.Request.URL.String(), b.s.url) {
		a = b.submit(a, url.Values{})
	}
	return a
}

func TestRealServer(t *testing.T) {
	s, _ := real(t)
	for _, c := range []struct {
		login  string
		rights []string
	}{
		{"anna", []string{"admin", "editor:match-*"}},
		{"ben", []string{"editor:match-*"}},
	} {
		b := s.browser()
		if a := b.signInAs(c.login); a.Request.URL.String() != s.url+"/channels/open" {
			t.Errorf("%s has come to %s: %s", c.login, a.Request.URL, a.body)
		}
		b.is("oidc/"+c.login, c.rights...)
	}
	b := s.browser()
	if a := b.signInAs("carl"); a.StatusCode != http.StatusForbidden || a.form.Failed != access.SignInDenied {
		t.Errorf("carl, who has no role: %d %s", a.StatusCode, a.body)
	}
	b.is("")
	for i, e := range s.noted("sign in") {
		want := []string{"oidc/carl", "oidc/ben", "oidc/anna"}[i]
		if e.Who != want || (e.Refused != "") != (want == "oidc/carl") || e.Path != "/sign-in/oidc/callback" {
			t.Errorf("the audit log has %+v, want %s", e, want)
		}
	}
	if name := s.noted("sign in")[2].Name; name != "Anna Ahlström" {
		t.Errorf("the name is %q", name)
	}
}

var refreshed = regexp.MustCompile(`content="0; url=([^"]+)"`)

// Whoever signs out here is led to the server to sign out there too. The server knows by the ID token who it is and where to go then, and
// tells this site, where the other browsers of the person stay signed in.
func TestRealSignOut(t *testing.T) {
	s, server := real(t)
	laptop, phone := s.browser(), s.browser()
	laptop.signInAs("anna")
	phone.signInAs("anna")
	a := laptop.post(s.url+"/sign-in/oidc/sign-out", url.Values{"next": {"/"}})
	laptop.is("")
	at := refreshed.FindStringSubmatch(a.body)
	if at == nil {
		t.Fatalf("signing out: %d %s", a.StatusCode, a.body)
	}
	next := html.UnescapeString(at[1])
	if !strings.HasPrefix(next, server.Issuer+"/") || !strings.Contains(next, "id_token_hint=ey") {
		t.Fatalf("signing out leads to %s", next)
	}
	refused := strings.Replace(next, "id_token_hint=ey", "id_token_hint=ez", 1) // the server reads it
	if a := laptop.get(refused); a.StatusCode != http.StatusBadRequest {
		t.Errorf("with another hint: %d %s", a.StatusCode, a.body)
	}
	if a = laptop.submit(laptop.get(next), url.Values{"logout": {"yes"}}); a.Request.URL.String() != s.url+"/" {
		t.Errorf("after signing out at the server: %s %s", a.Request.URL, a.body)
	}
	if e := s.noted("sign out"); len(e) != 2 || e[0].Who != "oidc/anna" || e[0].Refused != "" || e[0].Path != "/sign-in/oidc/logout" {
		t.Errorf("the audit log has %+v", e)
	}
	phone.is("oidc/anna", "admin", "editor:match-*")
}

// Whoever signs out at the server, in one browser, is signed out there on all nodes, and in no other browser.
func TestRealSignOutThere(t *testing.T) {
	s, server := real(t)
	s.channel("closed")
	laptop, phone := s.browser(), s.browser()
	laptop.signInAs("anna")
	phone.signInAs("anna")
	ended := make(chan struct{})
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url, nil)
	for _, c := range laptop.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	grant, err := s.nodes[1].Authorize(r, "closed", route.Read)
	if err != nil {
		t.Fatal(err)
	}
	grant.Holder.OnRevoke(func() { close(ended) })
	laptop.submit(laptop.get(server.Issuer+"/session/end?client_id="+realserver.OIDCClient), url.Values{"logout": {"yes"}})
	<-ended
	laptop.is("")
	phone.is("oidc/anna", "admin", "editor:match-*")
}
