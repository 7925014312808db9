package e2e

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/motacilla-live/motacilla/internal/realserver"
)

// deskSite is a process of `motacilla serve` with people, and one channel. It can be stopped, killed and started again.
type deskSite struct {
	*program
	url string // by the name localhost, because passkeys and cookies belong to a name; with the base path
}

// newDeskSite starts one.
func newDeskSite(t *testing.T, env ...string) *deskSite {
	t.Helper()
	return newDeskSiteWith(t, "", env...)
}

// newDeskSiteWith is newDeskSite with a configuration, which is YAML.
func newDeskSiteWith(t *testing.T, config string, env ...string) *deskSite {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "motacilla.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(realserver.FreePort(t))
	p := serveAt(t, overTCP, "127.0.0.1:"+port, dir, "", append([]string{"MOTACILLA_ACCESS=people"}, env...)...)
	return &deskSite{p, "http://localhost:" + port + p.base}
}

// invites returns the link of an invitation to do what rights say, such as "editor" or "contributor:match-*". login is proposed, and
// may be empty.
func (d *deskSite) invites(login string, rights ...string) string {
	d.t.Helper()
	type right struct {
		Role     string   `json:"role"`
		Channels []string `json:"channels,omitempty"`
	}
	var list []right
	for _, r := range rights {
		role, channels, some := strings.Cut(r, ":")
		one := right{Role: role}
		if some {
			one.Channels = strings.Split(channels, ",")
		}
		list = append(list, one)
	}
	var made struct{ URL string }
	d.api(http.MethodPost, "access/invitations", map[string]any{"rights": list, "login": login}, &made)
	return d.url + "/invitation/" + made.URL[strings.LastIndexByte(made.URL, '/')+1:]
}

// deskPassword is everybody's.
const deskPassword = "four words in a row"

// person makes an account, and returns the cookie of a session of it.
func (d *deskSite) person(login string, rights ...string) *http.Cookie {
	d.t.Helper()
	return d.session(d.invites(login, rights...), url.Values{"login": {login}, "name": {login}, "password": {deskPassword}})
}

// signIn returns the cookie of another session.
func (d *deskSite) signIn(login string) *http.Cookie {
	d.t.Helper()
	return d.session(d.url+"/sign-in", url.Values{"login": {login}, "password": {deskPassword}, "next": {d.base + "/account"}})
}

// session sends a form that signs in.
func (d *deskSite) session(to string, form url.Values) *http.Cookie {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		d.t.Fatal(err)
	}
	_ = answer.Body.Close()
	for _, c := range answer.Cookies() {
		if c.Name == "motacilla_session" {
			return c
		}
	}
	d.t.Fatalf("nobody was signed in: %s", answer.Status)
	return nil
}

// as signs a browser in. All its tabs are then signed in, at the name localhost.
func (d *deskSite) as(in context.Context, session *http.Cookie) context.Context {
	d.t.Helper()
	httpOnly := true
	set := call(network.SetCookie, network.SetCookieParams{Name: session.Name, Value: session.Value, URL: d.url + "/", HTTPOnly: &httpOnly})
	if err := chromedp.Do(in, set); err != nil {
		d.t.Fatal(err)
	}
	return in
}

// desk opens the desk of the channel in a browser of its own, signed in.
func (d *deskSite) desk(session *http.Cookie) *tab {
	d.t.Helper()
	return open(d.t, d.as(browser(d.t), session), d.url+"/compose/"+string(channel))
}

// TestDeskAsksWhoItIs: who has not signed in is led to the page for signing in, and back to the desk. Who may not write there is told
// so by a page of the site.
func TestDeskAsksWhoItIs(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	for name, base := range map[string]string{"at the root": "", "below a path": "/news/live"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDeskSite(t, "MOTACILLA_SERVER_BASE_PATH="+base)
			d.person("ed", "editor")
			reader := d.person("rea", "reader")

			here := base + "/compose/" + string(channel)
			p := open(t, browser(t), d.url+"/compose/"+string(channel)+"/")
			p.at(base + "/sign-in?next=" + url.QueryEscape(here))
			p.fill("#login", "ed")
			p.fill("#password", deskPassword)
			p.press("button[type=submit]")
			p.at(here)
			p.until(`document.querySelector("#desk").childElementCount > 0`)

			p = d.desk(reader)
			p.until(`document.querySelector(".error-status").textContent === "403"`)
		})
	}
}

// TestDeskWithTheToken: on a site without accounts the server's token opens the desk, by the form that private pages have.
func TestDeskWithTheToken(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s := serve(t, "", "MOTACILLA_SERVER_BASE_PATH=/news/live")
	p := open(t, browser(t), s.site()+s.base+"/compose")
	p.fill("#token", token)
	p.press("button[type=submit]")
	p.at("/news/live/compose")
	p.until(`document.querySelector("#desk").childElementCount > 0`)
}
