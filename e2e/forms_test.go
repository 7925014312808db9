package e2e

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdpage "github.com/chromedp/cdproto/page"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/page/languages"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

var formShots = flag.String("form-shots", "", "the folder into which pictures of the pages for accounts are written")

// formSite serves the pages for accounts as they are with certain data. name is what people have for names.
func formSite(t *testing.T, language, name string) string {
	t.Helper()
	set, err := languages.New()
	if err != nil {
		t.Fatal(err)
	}
	look, err := page.NewLook(page.LookOptions{Languages: set, Language: language})
	if err != nil {
		t.Fatal(err)
	}
	none := func(context.Context, motacilla.ChannelID) (*motacilla.Update, error) {
		return nil, motacilla.ErrNotFound
	}
	pages := page.New(memory.New(nil), none, &page.Options{Look: look, Name: name, Failed: func(_ *http.Request, err error) { t.Error(err) }})
	table := route.NewTable()
	if err := table.Add("page", "/", pages.URLs()...); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	rights := access.Rights{{Role: access.Reader}, {Role: access.Editor, Channels: []string{"1-*", "2"}}}
	invited := access.InvitationForm{Secret: "x", Invites: name, Rights: rights, ByPasskey: true}
	own := access.AccountForm{
		Login: "1", Name: name, Rights: rights, Desk: "/", Password: true, ByPasskey: true, Recent: true, Current: "one",
		Passkeys: []access.Passkey{
			{ID: "one", Label: name, Created: "2026-05-01T12:00:00Z", Used: "2026-05-02T12:00:00Z"}, {ID: "two", Created: "2026-05-01T12:00:00Z"},
		},
		Sessions: []access.Session{{ID: "one", Created: at}, {ID: "two", Created: at, Address: "192.0.2.7"}},
	}
	signIn := access.SignInForm{Next: "/", Passwords: true, ByPasskey: true, Others: []access.SignInAt{{Name: name, URL: "/"}}}
	shown := map[string]any{"signin": signIn, "invitation": invited, "account": own}
	signIn.Login, signIn.Failed, signIn.Wait = "1", access.SignInWait, 30
	invited.Failed, invited.Field = access.LoginTaken, "login"
	own.Failed, own.Field, own.Recent = access.PasswordShort, "password", false
	wrong := map[string]any{"signin": signIn, "invitation": invited, "account": own}
	for path, data := range map[string]map[string]any{"/shown/{name}": shown, "/wrong/{name}": wrong} {
		if err := table.Add("forms", "/", route.Route{Name: path, Pattern: path, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			form := r.PathValue("name")
			pages.Form(w, r, http.StatusOK, form, data[form])
		})}); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(table)
	t.Cleanup(server.Close)
	return server.URL
}

var formPaths = []string{"/shown/signin", "/shown/invitation", "/shown/account", "/wrong/signin", "/wrong/invitation", "/wrong/account"}

// passkeysOffered is true when the script has run, or whoever signed in long ago is asked to do so again.
const passkeysOffered = `document.querySelector("[data-passkey]:not([hidden]), main a[href*='/sign-in?next=']")`

// TestFormsAreAccessible checks the pages for accounts with axe-core, in light and dark colours, and in a language that is written
// from right to left.
func TestFormsAreAccessible(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	axe := axeCore(t)
	p := open(t, browser(t), "about:blank")
	p.run(call(cdpage.SetBypassCSP, cdpage.SetBypassCSPParams{Enabled: true})) // the policies would stop axe
	for language, name := range map[string]string{"en": "Ada Moreau", "ar": "ليلى منصور"} {
		site := formSite(t, language, name)
		for _, path := range formPaths {
			schemes, wrong := []string{"light", "dark"}, strings.HasPrefix(path, "/wrong/")
			switch {
			case wrong && language != "en" && *formShots == "":
				continue
			case wrong || language != "en":
				schemes = schemes[1:] // its contrasts are the lower ones
			}
			for _, scheme := range schemes {
				t.Run(fmt.Sprint(language, path, ", ", scheme), func(t *testing.T) {
					p.t = t
					p.colours(scheme)
					p.goTo(site + path)
					p.until(passkeysOffered)
					p.accessible(axe)
					p.formShots(strings.NewReplacer("/", "-").Replace(language+path), scheme == "dark")
				})
			}
		}
	}
}

// formShots takes pictures of a page, as high as it is.
func (p *tab) formShots(name string, dark bool) {
	if *formShots == "" {
		return
	}
	for _, width := range []int64{390, 1280} {
		_ = p.shot(width, 844, dark)
		var height int64
		p.eval(`document.documentElement.scrollHeight`, &height)
		file := fmt.Sprintf("%s-%d-%v.png", name, width, map[bool]string{false: "light", true: "dark"}[dark])
		if err := os.WriteFile(filepath.Join(*formShots, file), p.shot(width, max(height, 844), dark), 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
}

// TestFormsSpeak: the pages for accounts have no word of English in other languages, and fit on a phone.
func TestFormsSpeak(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	for _, l := range tongues(t) {
		t.Run(l.tag, func(t *testing.T) {
			t.Parallel()
			site := formSite(t, l.tag, l.author)
			p := open(t, browser(t), "about:blank")
			for _, path := range formPaths {
				p.goTo(site + path)
				p.until(passkeysOffered)
				l.speaks(p, strings.Trim(path, "/"), whole)
			}
		})
	}
}
