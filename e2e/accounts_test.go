package e2e

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const goodPassword = "correct horse battery"

// firstAccount opens the link that the program prints, and makes the account "ada".
func (p *program) firstAccount() *tab {
	p.t.Helper()
	ada := open(p.t, browser(p.t), p.firstLink())
	ada.fill("#login", "ada")
	ada.fill("#name", "Ada")
	ada.fill("#password", goodPassword+"\r")
	ada.at("/account")
	return ada
}

// entered signs in with a password, in a browser of its own, to see a page.
func (p *program) entered(login, password, next string) *tab {
	p.t.Helper()
	one := open(p.t, browser(p.t), p.site()+"/sign-in?next="+url.QueryEscape(next))
	one.fill("#login", login)
	one.fill("#password", password+"\r")
	return one
}

// post sends JSON as a page of the site does, and returns the answer's property of that name.
func (p *tab) post(path, body, property string) (value string) {
	p.t.Helper()
	p.eval(fmt.Sprintf(`fetch(%q, {method: "POST", headers: {"Content-Type": "application/json"}, body: %q}).then(r => r.json())
		.then(v => String(v[%q]))`, path, body, property), &value)
	return value
}

// TestSessionIsEnded: who has signed in somewhere else is signed out there from the page of the account. A page that is open there
// gets nothing any more.
func TestSessionIsEnded(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s := serve(t, "sse", "MOTACILLA_ACCESS=people")
	ada := s.firstAccount()
	if id := ada.post("/api/channels", `{"id": "derby", "title": "The derby", "access": "private"}`, "id"); id != "derby" {
		t.Fatalf("the channel is %q", id)
	}
	there := s.entered("ada", goodPassword, "/channels/derby")
	there.at("/channels/derby")
	there.live()

	ada.goTo(s.site() + "/account")
	ada.until(`document.querySelectorAll("[data-remove^=sessions]:not([hidden])").length === 1`)
	ada.press("[data-remove^=sessions]")
	ada.reads("[data-passkey-said]", "Signed out there.")
	there.until(`!document.querySelector("[data-live-status=live]")`)
	there.goTo(s.site() + "/account")
	there.at("/sign-in?next=" + url.QueryEscape("/account"))
	ada.goTo(s.site() + "/account")
	ada.until(`document.querySelector(".account-who") && !document.querySelector("[data-remove^=sessions]")`)
}

// TestResetLink: an admin makes a link for somebody who has lost the password. It works once. The old password and the old sessions are
// gone.
func TestResetLink(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s := serve(t, "sse", "MOTACILLA_ACCESS=people")
	ada := s.firstAccount()
	ben := open(t, browser(t), ada.post("/api/access/invitations", `{"rights": [{"role": "reader"}]}`, "url"))
	ben.fill("#login", "ben")
	ben.fill("#name", "Ben")
	ben.fill("#password", goodPassword+"\r")
	ben.at("/account")

	link := ada.post("/api/access/people/ben/reset", `{}`, "url")
	again := open(t, browser(t), link)
	again.fill("#password", "another horse battery\r")
	again.at("/account")
	again.reads(".account-who strong", "Ben")
	ben.goTo(s.site() + "/account")
	ben.at("/sign-in?next=" + url.QueryEscape("/account"))
	ben.fill("#login", "ben")
	ben.fill("#password", goodPassword+"\r")
	ben.reads("#wrong", "The user name or the password is wrong.")
	ben.goTo(link)
	ben.until(`document.querySelector("#wrong").textContent.includes("no longer valid") && !document.querySelector("#password")`)
	s.entered("ben", "another horse battery", "/account").at("/account")
}

// TestSessionCookie: over TLS no other host can set the session's cookie, and no script can read it.
func TestSessionCookie(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s := serveOver(t, overTLS, t.TempDir(), "sse", "MOTACILLA_ACCESS=people")
	ada := s.firstAccount()
	c := ada.cookies()["__Host-motacilla_session"]
	if c == nil || !c.Secure || !c.HTTPOnly || c.Path != "/" || c.SameSite != network.CookieSameSiteLax {
		t.Errorf("the cookie is %+v", c)
	}
	if c := ada.cookies()["motacilla_session"]; c != nil {
		t.Errorf("there is another one: %+v", c)
	}
}

// cookies returns those that the browser sends to the page's server, by their names.
func (p *tab) cookies() map[string]*network.Cookie {
	p.t.Helper()
	all := map[string]*network.Cookie{}
	p.run(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		got, err := cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{})
		for _, c := range got.Cookies {
			all[c.Name] = c
		}
		return err
	}))
	return all
}
