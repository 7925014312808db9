package e2e

import (
	"net/url"
	"testing"
)

// TestPasskeys: somebody is invited, makes a passkey, sees the account, signs out, and signs in again, with the keyboard alone.
func TestPasskeys(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	for name, base := range map[string]string{"at the root": "", "below a path": "/news/live"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPeopleSite(t, base, "en")
			p := open(t, browser(t), "about:blank")
			key := newAuthenticator(p)
			key.touched(true)

			p.goTo(s.url + s.first)
			p.until(passkeysOffered)
			p.fill("#login", "ada")
			p.press("[data-passkey] button") // without a name
			p.until(`document.activeElement.id === "name"`)
			p.fill("#name", "Ada")
			p.press("[data-passkey] button")
			p.at(base + "/account")
			p.until(passkeysOffered)
			p.reads(".account-who strong", "Ada")
			p.until(`document.querySelectorAll("[data-remove^=passkeys]").length === 1`)
			p.until(`document.querySelector(".rights strong").textContent === "Admin"`)
			p.cookieIsHTTPOnly("motacilla_session")

			p.press(".account-who button") // sign out
			p.at(base + "/")
			key.touched(false) // the list of passkeys at the field would sign in at once
			p.goTo(s.url + base + "/account")
			p.at(base + "/sign-in?next=" + url.QueryEscape(base+"/account"))

			p.goTo(s.url + base + "/channels/match")
			p.press("main a[href*=sign-in]")
			p.at(base + "/sign-in?next=" + url.QueryEscape(base+"/channels/match"))
			p.until(passkeysOffered)
			p.tabTo("[data-passkey] button")
			key.touched(true)
			p.press("[data-passkey] button")
			p.at(base + "/channels/match")
			p.reads("h1", "The match")

			p.goTo(s.url + s.first) // it works once
			p.until(`document.querySelector("#wrong").textContent.includes("no longer valid")`)
		})
	}
}

// TestPasskeysInTheList: a browser offers passkeys at the field for the user name.
func TestPasskeysInTheList(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s := newPeopleSite(t, "", "en")
	p := open(t, browser(t), "about:blank")
	var able bool
	newAuthenticator(p).touched(true)
	p.goTo(s.url + s.first)
	p.eval(`PublicKeyCredential.isConditionalMediationAvailable()`, &able)
	if !able {
		t.Skip("this browser has no list of passkeys")
	}
	p.until(passkeysOffered)
	p.fill("#login", "ada")
	p.fill("#name", "Ada")
	p.press("[data-passkey] button")
	p.at("/account")
	p.press(".account-who button")
	p.at("/")
	p.goTo(s.url + "/sign-in?next=/account")
	p.at("/account")
}

// TestPasskeyTells: what goes wrong with a passkey is told in words of the site's language, and can be tried again.
func TestPasskeyTells(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s := newPeopleSite(t, "", "de")
	p := open(t, browser(t), "about:blank")
	questions := p.questions()
	key := newAuthenticator(p)
	key.touched(true)
	key.verifies(false)

	const said = "[data-passkey] [role=alert]"
	p.goTo(s.url + s.first)
	p.until(passkeysOffered)
	p.fill("#login", "ada")
	p.fill("#name", "Ada")
	p.press("[data-passkey] button")
	p.reads(said, "Es wurde abgebrochen oder hat zu lange gedauert. Bitte versuchen Sie es noch einmal.")
	p.fill("#login", "!")
	p.press("[data-passkey] button")
	p.reads(said, "Das geht nicht als Benutzername. Nehmen Sie Buchstaben von a bis z, Ziffern, Punkte und Bindestriche.")
	p.fill("#login", "ada")
	key.verifies(true)
	p.press("[data-passkey] button")
	p.at("/account")

	p.until(passkeysOffered)
	p.press("[data-passkey] button")
	p.reads(said, "Dieses Gerät hat schon einen Passkey für Ihr Konto.")
	remove := func(sure bool) {
		t.Helper()
		questions.sure.Store(sure)
		p.press("[data-remove^=passkeys]")
		if got := receive(t, "a question is asked", questions.asked); got != "Den Passkey „“ entfernen? Sie können sich mit ihm dann nicht mehr anmelden." {
			t.Errorf("the question is %q", got)
		}
	}
	remove(false)
	p.until(`!document.querySelector("[data-remove][aria-busy]")`)
	remove(true)
	p.reads("[data-passkey-said]", "Ohne diesen Passkey könnten Sie sich nicht mehr anmelden. Fügen Sie erst einen anderen hinzu, oder legen Sie ein Passwort fest.")
	p.fill("#password", "vier Wörter und ein Vogel")
	p.press("#password ~ button, form:has(#password) button")
	p.at("/account?saved=1")
	p.reads(".saved", "Gespeichert.")
	p.until(passkeysOffered)
	remove(true)
	p.reads("[data-passkey-said]", "Der Passkey ist entfernt.")
	p.until(`!document.querySelector("[data-remove^=passkeys]") && document.activeElement.id === "passkeys"`)

	p.press(".account-who button")
	p.at("/")
	p.goTo(s.url + "/sign-in")
	p.until(passkeysOffered) // the browser still has it, and offers it in the list too
	p.press("[data-passkey] button")
	p.reads(said, "Dieser Passkey ist hier nicht bekannt. Vielleicht wurde er entfernt.")
}
