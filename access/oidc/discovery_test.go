package oidc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/access/oidc"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/outbound/outboundtest"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// The site starts while the server is away, says so, and lets people in as soon as the server is there.
func TestServerIsAway(t *testing.T) {
	h := newHostile(t)
	address := h.Listener.Addr().String()
	handler := h.Config.Handler
	h.Close()
	s := h.site()
	b := s.browser()
	if a := b.signIn(); a.StatusCode != http.StatusServiceUnavailable || a.form.Failed != access.SignInAway || a.form.Next != "/channels/open" ||
		len(a.form.Others) != 1 || a.form.Others[0].URL != "/sign-in/oidc?next=%2Fchannels%2Fopen" || a.form.Passwords {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a := s.tell("eyJ"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a logout token: %d", a.StatusCode)
	}
	listener, err := listen(address)
	if err != nil {
		t.Skip("another process has taken the port: ", err)
	}
	back := httptest.NewUnstartedServer(handler)
	_ = back.Listener.Close()
	back.Listener = listener
	back.Start()
	t.Cleanup(back.Close)
	for b.signIn().form.Failed == access.SignInAway {
		time.Sleep(50 * time.Millisecond)
	}
	b.is("oidc/anna", "admin")
}

func TestFalseMetadata(t *testing.T) {
	for name, about := range map[string]map[string]any{
		"another issuer":          {"issuer": "https://login.example.org"},
		"a script":                {"authorization_endpoint": "javascript:alert(1)"},
		"no encryption":           {"authorization_endpoint": "http://login.example.org/"},
		"a token for everybody":   {"token_endpoint": "http://login.example.org/token"},
		"keys for everybody":      {"jwks_uri": "http://login.example.org/keys"},
		"userinfo for everybody":  {"userinfo_endpoint": "http://login.example.org/me"},
		"signing out of a script": {"end_session_endpoint": "javascript:alert(1)"},
		"another protocol":        {"authorization_endpoint": "ftp://login.example.org/"},
		"no keys":                 {"jwks_uri": ""},
		"no token endpoint":       {"token_endpoint": nil},
	} {
		h := newHostile(t)
		h.metadata = about
		s := h.site()
		if a := s.browser().signIn(); a.StatusCode != http.StatusServiceUnavailable || a.form.Failed != access.SignInAway {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
}

// The audit log and the log say what to do if the server is on a private network.
func TestPrivateServer(t *testing.T) {
	s := newSite(t, func(string) *oidc.Options {
		return &oidc.Options{Issuer: "https://10.0.0.1", ClientID: client, Roles: []string{"*=reader"}}
	})
	if a := s.browser().signIn(); a.form.Failed != access.SignInAway {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if e := s.noted("sign in"); len(e) != 1 || !strings.Contains(e[0].Refused, "outbound.allow") {
		t.Errorf("the audit log has %+v", e)
	}
}

func TestOptions(t *testing.T) {
	kit := access.NewKit(&access.KitOptions{Client: outbound.New(nil)})
	for want, change := range map[string]func(o *oidc.Options){
		"":                             func(*oidc.Options) {},
		"client_id: must be set":       func(o *oidc.Options) { o.ClientID = "" },
		"issuer: must be an https URL": func(o *oidc.Options) { o.Issuer = "http://login.example.org" },
		"issuer: must be":              func(o *oidc.Options) { o.Issuer = "https://login.example.org/?a" },
		"id: must be":                  func(o *oidc.Options) { o.ID = "Google" },
		"roles: must have a line":      func(o *oidc.Options) { o.Roles = nil },
		`roles: "admins" must be`:      func(o *oidc.Options) { o.Roles = []string{"admins"} },
		`roles: "=admin" must be`:      func(o *oidc.Options) { o.Roles = []string{"=admin"} },
		`roles: "a=boss"`:              func(o *oidc.Options) { o.Roles = []string{"a=boss"} },
		`roles: "a=editor:"`:           func(o *oidc.Options) { o.Roles = []string{"a=editor:"} },
	} {
		o := &oidc.Options{Issuer: "https://login.example.org", ClientID: client, Roles: []string{"CN=a,OU=b=editor:match-*,final"}}
		change(o)
		a, err := oidc.New(o, kit)
		if want == "" != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
		if want == "" {
			if err := a.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "server.public_url must be set") {
				t.Errorf("without a public URL: %v", err)
			}
		}
	}
}

// The page for signing in leads to the only server at once. If there are several, it shows them.
func TestEntrance(t *testing.T) {
	h := newHostile(t)
	s := h.site()
	if a := s.browser().get(s.url + "/sign-in?next=/channels/a"); a.Request.URL.String() != s.url+"/channels/a" {
		t.Errorf("it leads to %s", a.Request.URL)
	}
	second := h.options()
	second.ID, second.Name = "two", "Another"
	s.nodes, s.table = nil, nil
	s.join(s.url, h.options(), second)
	a := s.browser().get(s.url + "/sign-in?next=/channels/a")
	want := []access.SignInAt{{Name: "127.0.0.1", URL: "/sign-in/oidc?next=%2Fchannels%2Fa"}, {Name: "Another", URL: "/sign-in/oidc-two?next=%2Fchannels%2Fa"}}
	if a.StatusCode != http.StatusOK || len(a.form.Others) != 2 || a.form.Others[0] != want[0] || a.form.Others[1] != want[1] {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	b := s.browser()
	b.get(s.url + a.form.Others[1].URL)
	b.is("oidc-two/anna", "admin")
	// What was begun for one server can't be completed with another.
	b = s.browser()
	back, _ := url.Parse(b.callbackOf())
	back.Path = "/sign-in/oidc-two/callback"
	for _, c := range b.Jar.Cookies(back) {
		b.Jar.SetCookies(back, []*http.Cookie{{Name: strings.Replace(c.Name, "_oidc_", "_oidc-two_", 1), Value: c.Value, Path: "/"}})
	}
	if a := b.get(back.String()); a.form.Failed != access.SignInAgain {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	b.is("")
}

// people is an authenticator that has accounts of its own.
type people struct{}

func (people) Authenticate(context.Context, access.Credential) (*access.Subject, error) {
	return nil, nil
}
func (people) Account(context.Context, string) (*access.Account, error) { return nil, nil }
func (people) SignInForm(_ *http.Request, next string) access.SignInForm {
	return access.SignInForm{Next: next, Passwords: true, Login: "as people want it"}
}

// If another authenticator has accounts, it has the page for signing in, with its form and an entry for this server.
func TestBesidePeople(t *testing.T) {
	kit := access.NewKit(&access.KitOptions{Records: memory.New(nil).Records(), Client: outboundtest.NewClient(t)})
	o, err := oidc.New(&oidc.Options{Issuer: "https://login.example.org", ClientID: client, Name: "A", Roles: []string{"*=reader"}}, kit)
	if err != nil {
		t.Fatal(err)
	}
	access.New(kit, "", o, people{})
	for _, rt := range o.URLs() {
		if !strings.HasPrefix(rt.Pattern, "/sign-in/oidc") {
			t.Errorf("it serves %s", rt.Pattern)
		}
	}
	form := kit.SignInForm(httptest.NewRequest(http.MethodGet, "/", nil), "/a?b=c")
	if !form.Passwords || form.Login == "" || form.Next != "/a?b=c" || len(form.Others) != 1 ||
		form.Others[0] != (access.SignInAt{Name: "A", URL: "/sign-in/oidc?next=%2Fa%3Fb%3Dc"}) {
		t.Errorf("the form is %+v", form)
	}
}

// A site below a path, whose public URL has it.
func TestBelow(t *testing.T) {
	h := newHostile(t)
	s := h.site()
	s.nodes, s.table = nil, nil
	s.join(s.url+"/news/", h.options())
	b := s.browser()
	if a := b.get(s.url + "/news/sign-in?next=/news/channels/a"); a.Request.URL.String() != s.url+"/news/channels/a" {
		t.Errorf("it leads to %s", a.Request.URL)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if back := h.asked.Get("redirect_uri"); back != s.url+"/news/sign-in/oidc/callback" {
		t.Errorf("the server sends browsers back to %s", back)
	}
	if n := len(s.noted("sign in")); n != 1 {
		t.Errorf("%d have signed in", n)
	}
}
