package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/motacilla-live/motacilla/access"
)

// rowOf is the row of a person on the page of people.
func rowOf(login string) string {
	return fmt.Sprintf(`document.querySelector("[data-person=%s]")`, login)
}

// rights waits until the row of a person says that it has these.
func (p *tab) rights(login string, texts ...string) {
	p.t.Helper()
	list := rowOf(login) + `.querySelectorAll(".person-rights li")`
	p.until(fmt.Sprintf(`[...%s].map((e) => e.textContent.replace(/[\u2066\u2069]/g, "")).join("|") === %s.join("|")`, list, js(texts)))
}

// picks chooses an action from the menu of a person.
func (p *tab) picks(login, action string) {
	p.t.Helper()
	p.enters(rowOf(login) + `.querySelector(".menu button")`)
	p.until(`document.activeElement.matches("[role=menuitem]")`)
	p.enters(fmt.Sprintf(`[...document.querySelectorAll("[role=menuitem]")].find((e) => e.textContent === %q)`, action))
}

// link waits for the link that is shown, and returns it.
func (p *tab) link() (link string) {
	p.t.Helper()
	p.until(`document.querySelector("dialog [data-link]").value.includes("/invitation/")`)
	p.until(`document.activeElement.textContent === "Copy the link"`)
	p.eval(`document.querySelector("dialog [data-link]").value`, &link)
	return link
}

// onHeading waits until no dialog is open and the heading of the page has the focus.
func (p *tab) onHeading() {
	p.t.Helper()
	p.until(`!document.querySelector("dialog") && document.activeElement.matches("[data-heading=people]")`)
}

// account is what the server knows of a person; nil if there is none.
func (d *deskSite) account(login string) *access.Right {
	d.t.Helper()
	var got struct {
		People []struct {
			Login  string
			Rights []access.Right
		}
	}
	d.api(http.MethodGet, "access/people", nil, &got)
	for _, one := range got.People {
		if one.Login == login {
			return &one.Rights[0]
		}
	}
	return nil
}

// TestDeskInvites: an admin invites somebody on the desk, whose rights are on some channels. The person uses the link in another browser,
// is in the list then, and has no such page.
func TestDeskInvites(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t, "MOTACILLA_SERVER_BASE_PATH=/news")
	p := open(t, d.as(browser(t), d.person("ada", "admin")), d.url+"/compose")
	p.enters(`[...document.querySelectorAll("main a")].find((e) => e.textContent === "People")`)
	p.at("/news/compose?people")
	p.onHeading()
	p.rights("ada", "Admin on all channels")
	p.eval(`history.back()`, nil)
	p.at("/news/compose")
	p.until(`document.querySelector("[data-channel=match]")`)
	p.eval(`history.forward()`, nil)
	p.at("/news/compose?people")
	p.until(rowOf("ada"))

	p.chooses("Invite")
	p.until(`document.activeElement.matches("dialog input")`)
	p.keys("Ben")
	p.tabTo("dialog select")
	p.keys("c")
	p.until(`document.querySelector("dialog select").value === "contributor"`)
	p.tabTo("dialog input[type=radio]")
	p.keys(kb.ArrowDown)
	p.until(`document.querySelector("dialog [data-channels]")`)
	p.chooses("Make the link")
	p.until(`document.querySelector("dialog .wrong").textContent === "Name at least one channel, or choose all."`)
	p.until(`document.activeElement.matches("[data-channels][aria-invalid=true]")`)
	p.keys("ma[t")
	p.chooses("Make the link")
	p.until(`document.querySelector("dialog .wrong").textContent.includes("must be IDs of channels, or patterns")`)
	p.fill("dialog [data-channels]", "match*, cup-final")
	p.chooses("Make the link")
	link := p.link()
	p.keys(kb.Enter)
	p.until(`document.querySelector("dialog [role=status]").textContent`)
	p.chooses("Done")
	p.until(`!document.querySelector("dialog") && document.activeElement.textContent === "Invite"`)
	p.until(`document.querySelector("[data-invitation]").innerText.includes("Ben")`)
	p.until(`document.querySelector("[data-invitation]").innerText.includes("by ada")`)

	ben := open(t, browser(t), link)
	ben.until(`document.querySelector("#name").value === "Ben"`)
	ben.fill("#login", "ben")
	ben.fill("#password", deskPassword+"\r")
	ben.at("/news/account")
	p.goTo(d.url + "/compose?people")
	p.rights("ben", "Contributor on match*, cup-final")
	p.until(`!document.querySelector("[data-invitation]")`)
	if got, want := d.account("ben"), (&access.Right{Role: access.Contributor, Channels: []string{"match*", "cup-final"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("ben has %v, want %v", got, want)
	}

	ben.goTo(d.url + "/compose")
	ben.until(`document.querySelector("[data-channel=match]") && document.querySelector("[aria-label='Account of Ben']")`)
	ben.until(`![...document.querySelectorAll("a")].some((e) => e.textContent === "People")`)
	ben.goTo(d.url + "/compose?people")
	ben.until(`document.querySelector("main").innerText.includes("You may not do this.")`)
	ben.until(`!document.querySelector("[data-person]") && ![...document.querySelectorAll("button")].some((e) => e.textContent === "Invite")`)
}

// TestDeskManagesPeople: an admin changes the rights of somebody, disables and enables the account, makes and revokes a link, and deletes
// the account. What the server refuses is said, and nothing is shown as done that was not.
func TestDeskManagesPeople(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	in := d.as(browser(t), d.person("ben", "contributor"))
	ben := open(t, in, d.url+"/account")
	p := open(t, d.as(browser(t), d.person("ada", "admin")), d.url+"/compose?people")

	p.picks("ben", "Change name and rights")
	p.until(`document.activeElement.matches("dialog input") && document.activeElement.value === "ben"`)
	p.fill("dialog input", "Ben Ito")
	p.chooses("Add a right")
	p.until(`document.querySelectorAll("dialog select").length === 2 && document.activeElement === document.querySelectorAll("dialog select")[1]`)
	p.keys("a")
	p.until(`document.activeElement.value === "admin"`)
	p.tabTo("dialog .right:nth-of-type(2) input[type=radio]")
	p.keys(kb.ArrowDown)
	p.tabTo("dialog [data-channels]")
	p.keys("match")
	p.chooses("Save")
	p.rights("ben", "Contributor on all channels", "Admin on match")
	p.until(`!document.querySelector("dialog") && document.activeElement.matches("[data-person=ben] .menu button")`)
	p.until(rowOf("ben") + `.innerText.includes("Ben Ito")`)

	p.offline(true)
	p.picks("ben", "Disable")
	p.until(`document.activeElement.textContent === "Disable"`)
	p.keys(kb.Enter)
	p.until(`document.querySelector("dialog .wrong").textContent.includes("can’t be reached")`)
	p.until(`!` + rowOf("ben") + `.querySelector(".badge")`)
	p.offline(false)
	p.chooses("Disable")
	p.until(rowOf("ben") + `.querySelector(".badge").textContent === "Disabled"`)
	ben.goTo(d.url + "/account")
	ben.at("/sign-in?next=" + url.QueryEscape("/account"))
	p.picks("ben", "Enable")
	p.until(`!` + rowOf("ben") + `.querySelector(".badge")`)
	ben.fill("#login", "ben")
	ben.fill("#password", deskPassword+"\r")
	ben.at("/account")

	p.picks("ben", "Link for a new password")
	p.until(`document.activeElement.textContent === "Make the link"`)
	p.keys(kb.Enter)
	link := p.link()
	p.keys(kb.Escape)
	p.enters(`document.querySelector("[data-invitation] button")`)
	p.until(`document.activeElement.textContent === "Cancel"`)
	p.chooses("Revoke")
	p.until(`!document.querySelector("[data-invitation]")`)
	p.onHeading()
	other := open(t, browser(t), link)
	other.until(`document.querySelector("#wrong").textContent.includes("no longer valid")`)

	p.picks("ada", "Delete")
	p.chooses("Delete")
	p.until(`document.querySelector("dialog .wrong").textContent.includes("nobody else may manage the site")`)
	p.keys(kb.Escape)
	p.until(`!document.querySelector("dialog") && document.activeElement.matches("[data-person=ada] .menu button")`)
	p.picks("ben", "Delete")
	p.chooses("Delete")
	p.until(`!` + rowOf("ben"))
	p.onHeading()
	if d.account("ben") != nil || d.account("ada") == nil {
		t.Error("it is not ben whose account is deleted")
	}

	d.person("cleo", "admin")
	d.api(http.MethodPatch, "access/people/ada", text{"disabled": true}, nil)
	p.chooses("Invite")
	p.until(`document.activeElement.matches("dialog input")`)
	p.chooses("Make the link")
	p.until(`document.querySelector("dialog .wrong").textContent === "You are no longer signed in."`)
	p.keys(kb.Escape)
	p.enters(`document.querySelector(".banner a")`)
	p.at("/sign-in?next=" + url.QueryEscape("/compose?people"))
}

// TestDeskPeopleAccessible checks the page of people and its dialogs with axe-core, in light and dark, on a phone and on a desk.
func TestDeskPeopleAccessible(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	axe := axeCore(t)
	d := newDeskSite(t)
	d.person("ben", "contributor", "editor:match-*,cup-final")
	d.api(http.MethodPatch, "access/people/ben", text{"disabled": true}, nil)
	d.person("cleo", "reader")
	d.invites("dora", "editor")
	p := open(t, d.as(browser(t), d.person("ada", "admin")), "about:blank")
	p.run(call(page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})) // the policy would stop axe
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"phone", 390, 844}, {"desk", 1440, 900}} {
		at := func(name string) {
			t.Helper()
			for _, scheme := range []string{"light", "dark"} {
				t.Run(size.name+": "+name+", "+scheme, func(t *testing.T) {
					p.t = t
					p.colours(scheme)
					p.violations(axe)
					var beyond bool
					if p.eval(`document.documentElement.scrollWidth > innerWidth || document.querySelector("main").scrollWidth > innerWidth`, &beyond); beyond {
						t.Error("it is wider than the window")
					}
				})
			}
			p.t = t
		}
		escape := func() {
			p.keys(kb.Escape)
			p.until(`!document.querySelector("dialog")`)
		}
		p.run(chromedp.EmulateViewport(size.width, size.height))
		p.goTo(d.url + "/compose?people")
		p.until(`document.querySelectorAll("[data-person]").length === 3 && document.querySelector("[data-invitation]")`)
		at("people")
		p.enters(rowOf("ben") + `.querySelector(".menu button")`)
		p.until(`document.activeElement.matches("[role=menuitem]")`)
		at("menu")
		p.keys(kb.Escape)
		p.picks("ben", "Change name and rights")
		p.until(`document.querySelector("dialog [data-channels]")`)
		at("change")
		escape()
		p.picks("cleo", "Disable")
		p.until(`document.querySelector("dialog")`)
		at("disable")
		escape()
		p.picks("ben", "Delete")
		p.until(`document.querySelector("dialog")`)
		at("delete")
		escape()
		p.enters(`document.querySelector("[data-invitation] button")`)
		p.until(`document.querySelector("dialog")`)
		at("revoke")
		escape()
		p.picks("cleo", "Link for a new password")
		p.until(`document.querySelector("dialog")`)
		at("reset")
		escape()
		p.chooses("Invite")
		p.until(`document.querySelector("dialog select")`)
		at("invite")
		p.chooses("Make the link")
		p.link()
		at("link")
		escape()
	}
}
