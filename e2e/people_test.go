package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/access/people"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/page/languages"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// peopleSite is a server of pages whose people have accounts. Its channel is private.
type peopleSite struct {
	url   string // by the name localhost, because passkeys belong to a name
	addr  string
	first string // the path of the link for the first account
}

// newPeopleSite starts one. base is the path below which it is; empty is the root.
func newPeopleSite(t *testing.T, base, language string) *peopleSite {
	t.Helper()
	store := memory.New(nil)
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: channel, Title: "The match", Access: motacilla.Private}, 0); err != nil {
		t.Fatal(err)
	}
	set, err := languages.New()
	if err != nil {
		t.Fatal(err)
	}
	look, err := page.NewLook(page.LookOptions{Languages: set, Language: language})
	if err != nil {
		t.Fatal(err)
	}
	snapshot := func(_ context.Context, ch motacilla.ChannelID) (*motacilla.Update, error) {
		return &motacilla.Update{Channel: ch, Reset: true, Complete: true, State: &motacilla.State{Title: "The match"}}, nil
	}
	pages := page.New(store, snapshot, &page.Options{
		Look: look, Base: base, SignInURL: base + "/sign-in", Failed: func(_ *http.Request, err error) { t.Error(err) },
	})
	kit := access.NewKit(&access.KitOptions{Records: store.Records()})
	var notice bytes.Buffer
	own := people.New(&people.Options{Notice: &notice}, kit)
	who := access.New(kit, "", own)
	table, err := route.NewTableBelow(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, rt := range pages.URLs() {
		if strings.Contains(rt.Pattern, "{channel_id}") {
			rt = route.Guard(rt, route.Read, who.Authorize)
		}
		if err := table.Add("page", "", rt); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Add("people", "", own.URLs()...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(who.Around(table))
	t.Cleanup(server.Close)
	who.Join(access.Site{
		Channel: store.Channel, Secure: func(*http.Request) bool { return false }, Base: base, Pages: pages,
		Address: func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.1") },
	})
	if err := who.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = who.Shutdown(context.Background()) })
	s := &peopleSite{addr: server.Listener.Addr().String()}
	s.url = "http://localhost" + s.addr[strings.LastIndexByte(s.addr, ':'):]
	if err := own.Announce(t.Context(), s.url+base); err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`http\S+`).FindString(notice.String())
	if !strings.HasPrefix(found, s.url+base+"/invitation/") {
		t.Fatalf("no link for the first account: %s", &notice)
	}
	s.first = strings.TrimPrefix(found, s.url)
	return s
}

// keys presses keys.
func (p *tab) keys(keys string, options ...chromedp.KeyOption) {
	p.t.Helper()
	p.run(chromedp.KeyEvent(keys, options...))
}

// tabTo presses the tabulator until an element has the focus.
func (p *tab) tabTo(selector string) {
	p.t.Helper()
	var there bool
	for range 60 {
		if p.eval(fmt.Sprintf(`document.activeElement.matches(%q)`, selector), &there); there {
			return
		}
		p.keys(kb.Tab)
	}
	p.t.Fatalf("the tabulator leads to no %s", selector)
}

// fill goes to an input by the tabulator, and writes over what it has.
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	p.tabTo(selector)
	p.eval(`document.activeElement.select()`, nil)
	p.keys(text)
}

// press goes to a button or a link by the tabulator, and presses it.
func (p *tab) press(selector string) {
	p.t.Helper()
	p.tabTo(selector)
	p.keys(kb.Enter)
}

// at waits until the page is the one at a path.
func (p *tab) at(path string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`location.pathname + location.search === %q && document.readyState === "complete"`, path))
}

// reads waits until an element has exactly this text.
func (p *tab) reads(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector(%q).textContent === %q`, selector, text))
}

// authenticator is a virtual one, which is part of a tab.
type authenticator struct {
	p  *tab
	id webauthn.AuthenticatorID
}

// newAuthenticator gives a tab one that verifies its user. Nobody touches it until touched is called.
func newAuthenticator(p *tab) *authenticator {
	p.t.Helper()
	p.run(call(webauthn.Enable, webauthn.EnableParams{}))
	a := &authenticator{p: p}
	p.run(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		got, err := cdp.Call(ctx, target, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
			Options: &webauthn.VirtualAuthenticatorOptions{
				Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
				HasResidentKey: true, HasUserVerification: true, IsUserVerified: true,
			},
		})
		a.id = got.AuthenticatorID
		return err
	}))
	return a
}

// touched says whether somebody touches it whenever it asks.
func (a *authenticator) touched(yes bool) {
	a.p.t.Helper()
	a.p.run(call(webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: yes}))
}

// verifies says whether it knows its user.
func (a *authenticator) verifies(yes bool) {
	a.p.t.Helper()
	a.p.run(call(webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: yes}))
}

// questions are what a page asks its reader in a dialog.
type questions struct {
	asked chan string
	sure  atomic.Bool // the reader agrees
}

func (p *tab) questions() *questions {
	p.t.Helper()
	q := &questions{asked: make(chan string, 10)}
	p.run(call(cdpage.Enable, cdpage.EnableParams{}))
	err := chromedp.Listen(p.ctx, func(event any) {
		dialog, ok := event.(*cdpage.EventJavascriptDialogOpening)
		if !ok {
			return
		}
		sure := q.sure.Load() // as it is before the test goes on
		q.asked <- dialog.Message
		go func() { // the listener must not wait
			_ = chromedp.Do(p.ctx, call(cdpage.HandleJavaScriptDialog, cdpage.HandleJavaScriptDialogParams{Accept: sure}))
		}()
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return q
}
