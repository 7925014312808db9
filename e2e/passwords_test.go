package e2e

import (
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// TestPasswordsWithoutScript: somebody is invited, signs in and changes the password, in a browser without JavaScript and with the
// keyboard alone.
func TestPasswordsWithoutScript(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s := newPeopleSite(t, "", "en")
	p := open(t, browser(t), "about:blank")
	p.run(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))

	const bad, first, second = "horse", "four words in a row", "and four words more"
	p.goTo(s.url + s.first)
	p.fill("#login", "Ada") // as phones write it
	p.fill("#name", "Ada M.")
	p.fill("#password", bad+"\r")
	p.until(`document.activeElement.matches("#password[aria-invalid][aria-describedby~=wrong]")`)
	p.reads("#wrong", "This password is too short. Take at least 10 characters.")
	p.fill("#password", first+"\r")
	p.at("/account")
	p.reads(".account-who strong", "Ada M.")
	p.reads("noscript", "Allow JavaScript to add and remove passkeys, and to sign out elsewhere.")
	p.until(`!document.querySelector("[data-passkey]:not([hidden]), [data-remove]:not([hidden])")`)

	p.fill("#name", "Ada Moreau\r")
	p.at("/account?saved=1")
	p.reads(".account-who strong", "Ada Moreau")
	p.fill("#old", bad)
	p.fill("#password", second+"\r")
	p.until(`document.activeElement.matches("#old[aria-invalid]")`)
	p.fill("#old", first)
	p.fill("#password", second+"\r")
	p.at("/account?saved=1")
	p.press(".account-who button")
	p.at("/")

	p.goTo(s.url + "/channels/match")
	p.press("main a[href*=sign-in]")
	p.at("/sign-in?next=" + url.QueryEscape("/channels/match"))
	p.until(`document.activeElement.id === "login"`)
	p.keys("ada")
	p.fill("#password", first+"\r")
	p.reads("#wrong", "The user name or the password is wrong.")
	p.until(`document.activeElement.matches("#password[aria-describedby=wrong]") && document.querySelector("#login").value === "ada"`)
	p.keys(second + "\r")
	p.at("/channels/match")
	p.reads("h1", "The match")
}

// TestPasswordsWithoutTLS: at an address without https, a browser tells the server nothing of a form but its origin, and only if the
// page lets it. There are no passkeys then.
func TestPasswordsWithoutTLS(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s := newPeopleSite(t, "", "en")
	shared, err := sharedBrowser()
	if err != nil {
		browser(t) // says what is missing
	}
	chromium, cancel := chromedp.NewContext(shared, chromedp.WithNewBrowserContext(func(p *target.CreateBrowserContextParams) {
		p.ProxyServer = s.addr // the server is all hosts
	}))
	t.Cleanup(cancel)
	if err := chromedp.Do(chromium); err != nil {
		t.Fatal(err)
	}
	const site = "http://live.example"
	p := open(t, chromium, site+s.first)
	p.until(`document.readyState === "complete" && !isSecureContext && !document.querySelector("[data-passkey]")`)
	p.fill("#login", "ada")
	p.fill("#name", "Ada")
	p.fill("#password", "four words in a row\r")
	p.at("/account")
	p.reads(".account-who strong", "Ada")
}
