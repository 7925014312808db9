package live_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/route"
)

// TestOwnSignIn: the app's hook decides, with Public for those who have not signed in, and a private page leads to the app's
// own form and back.
func TestOwnSignIn(t *testing.T) {
	t.Parallel()
	o := options(t)
	var l *live.Live
	o.Authorize = func(r *http.Request, ch motacilla.ChannelID, action route.Action) (route.Grant, error) {
		c, err := r.Cookie("user")
		if err == nil && (c.Value == "editor" || c.Value == "reader" && action == route.Read) {
			return route.Grant{}, nil
		}
		return l.Public(r, ch, action)
	}
	o.Page = page.Options{SignInURL: "/login?from=live"}
	s := start(t, o)
	l = s.Live
	create := `{"id":"new"}`
	for _, tt := range []struct {
		user, method, path, body string
		want                     int
	}{
		{"", "GET", "/channels/match", "", 200},
		{"", "GET", "/channels/members", "", 403},
		{"", "GET", "/channels/none", "", 404},
		{"", "GET", "/channels/members/transports", "", 403},
		{"", "GET", "/live/interval-polling/members/", "", 403},
		{"", "GET", "/live/interval-polling/match/", "", 200},
		{"", "GET", "/api/channels/members", "", 403},
		{"", "GET", "/api/channels/match", "", 200},
		{"", "GET", "/api/channels", "", 200},
		{"", "POST", "/api/channels", create, 401},
		{"reader", "GET", "/channels/members", "", 200},
		{"reader", "POST", "/api/channels", create, 401},
		{"editor", "GET", "/live/interval-polling/members/", "", 200},
		{"editor", "POST", "/api/channels", create, 201},
	} {
		headers := []string{"Content-Type", "application/json"}
		if tt.user != "" {
			headers = append(headers, "Cookie", "user="+tt.user)
		}
		if w := s.ask(tt.method, base+tt.path, tt.body, headers...); w.Code != tt.want {
			t.Errorf("%q %s %s: %d, want %d\n%s", tt.user, tt.method, tt.path, w.Code, tt.want, w.Body)
		}
	}
	for _, prefix := range []string{base, ""} {
		w := s.ask("GET", prefix+"/channels/members?before=x", "", "Accept", "text/html")
		want := `href="/login?from=live&amp;next=%2Fnews%2Flive%2Fchannels%2Fmembers%3Fbefore%3Dx"`
		if body := w.Body.String(); !strings.Contains(body, want) || strings.Contains(body, "<form") {
			t.Errorf("the page does not have %s:\n%s", want, body)
		}
	}
	if w := s.ask("POST", base+"/sign-in", "token=x", "Content-Type", "application/x-www-form-urlencoded"); w.Code != 404 {
		t.Errorf("there is a form for a token: %d", w.Code)
	}
}

// TestCookieOfAPublicURL: if readers come by https, the cookie is for https only, also if no proxy is trusted to say so.
func TestCookieOfAPublicURL(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]bool{"": false, "http://example.org" + base: false, "https://example.org" + base: true} {
		o := options(t)
		o.PublicURL = public
		w := start(t, o).ask("POST", base+"/sign-in", url.Values{"token": {secret}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		cookies := w.Result().Cookies()
		if len(cookies) != 1 || cookies[0].Secure != want || cookies[0].Path != base {
			t.Errorf("%q: %d, cookies %v, want Secure %v", public, w.Code, cookies, want)
		}
	}
}
