// Package e2e reads live pages in Chromium. Servers, stores and pages are the real ones.
package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// sharedBrowser starts one Chromium for all tests. Debian's chromium-headless-shell is the engine alone, if it is there: the whole
// browser makes a window with toolbars for each context, unseen, which costs nine times as much as the page.
var sharedBrowser = sync.OnceValues(func() (context.Context, error) {
	if binary, err := exec.LookPath("chromium-headless-shell"); err == nil {
		return startBrowser(binary)
	}
	return wholeBrowser()
})

// wholeBrowser starts one for what the engine alone lacks: notifications, and pages that are kept when a reader leaves them.
var wholeBrowser = sync.OnceValues(func() (context.Context, error) {
	binary, err := exec.LookPath("chromium")
	if err != nil {
		return nil, err
	}
	return startBrowser(binary)
})

func startBrowser(binary string) (context.Context, error) {
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options,
		chromedp.ExecPath(binary), chromedp.UserDataDir(filepath.Join(scratch, filepath.Base(binary))),
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.WSURLReadTimeout(patience), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("ignore-certificate-errors-spki-list", certificate.Pin),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	browsers.mu.Lock()
	browsers.close = append(browsers.close, func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		stop()
	})
	browsers.mu.Unlock()
	return ctx, chromedp.Do(ctx)
}

// browsers are those that were started. TestMain closes them.
var browsers struct {
	mu    sync.Mutex
	close []func()
}

func closeBrowsers() {
	for _, closeOne := range browsers.close {
		closeOne()
	}
}

// browser returns a browser of its own for a test, with nothing stored: what is often called an incognito window.
func browser(t *testing.T) context.Context {
	t.Helper()
	return contextOf(t, sharedBrowser)
}

func contextOf(t *testing.T, start func() (context.Context, error)) context.Context {
	t.Helper()
	shared, err := start()
	if errors.Is(err, exec.ErrNotFound) {
		const missing = "the browser tests need Chromium: apt-get install -y chromium"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	if err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	ctx, cancel := chromedp.NewContext(shared, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a window: %v", err)
	}
	return ctx
}

// tab is an open page.
type tab struct {
	t     *testing.T
	ctx   context.Context
	close func()

	mu    sync.Mutex
	asked map[string]int // requests and WebSockets, by publisher
}

// open opens url in a new tab of in's browser. The scripts in early run before the page's own.
func open(t *testing.T, in context.Context, url string, early ...string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(in)
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx, close: cancel, asked: map[string]int{}}
	p.run()
	if err := chromedp.Listen(ctx, p.heard); err != nil {
		t.Fatal(err)
	}
	for _, script := range early {
		p.run(call(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}))
	}
	p.run(call(network.Enable, network.EnableParams{}),
		call(emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}),
		chromedp.EmulateViewport(390, 844), chromedp.Navigate(url))
	return p
}

// asksTransport finds the transport in a URL. The server may be below a path such as /news/live.
var asksTransport = regexp.MustCompile(`/live/(` + strings.Join(everyTransport, "|") + `|mercure|centrifugo|pusher|nchan)/`)

// heard counts the requests of the page to each publisher.
func (p *tab) heard(event any) {
	var url string
	switch sent := event.(type) {
	case *network.EventRequestWillBeSent:
		url = sent.Request.URL
	case *network.EventWebSocketCreated:
		url = sent.URL
	}
	if m := asksTransport.FindStringSubmatch(url); m != nil {
		name := m[1]
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked[name]++
	}
}

// transports returns the transports that the pages have used so far.
func transports(pages ...*tab) []string {
	used := map[string]int{}
	for _, p := range pages {
		p.mu.Lock()
		maps.Copy(used, p.asked)
		p.mu.Unlock()
	}
	return slices.Sorted(maps.Keys(used))
}

// times returns how often the page asked a publisher.
func (p *tab) times(publisher string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[publisher]
}

// forget makes transports begin anew.
func (p *tab) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.asked)
}

func (p *tab) cookieIsHTTPOnly(name string) {
	p.t.Helper()
	err := chromedp.Do(p.ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		got, err := cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{})
		if err != nil {
			return err
		}
		for _, c := range got.Cookies {
			if c.Name == name && c.HTTPOnly {
				return nil
			}
		}
		return fmt.Errorf("no cookie %q that is HttpOnly among %d", name, len(got.Cookies))
	}))
	if err != nil {
		p.t.Error(err)
	}
}

func (p *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// eval runs script, awaits its value and decodes it into out.
func (p *tab) eval(script string, out any) {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]byte](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatal(err)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(value, out); err != nil {
		p.t.Fatalf("%s: %v", script, err)
	}
}

// until waits until script is true. The script may fail while the tab goes from page to page.
func (p *tab) until(script string) {
	p.t.Helper()
	script = "(() => { try { return Boolean(" + script + ") } catch { return false } })()"
	deadline := time.Now().Add(patience)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 160*time.Millisecond) { // the browser has other tabs
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](script))
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			var body string
			p.eval(`document.body.innerText.slice(0, 600)`, &body)
			p.t.Fatalf("never came true: %s (%v)\n%s", script, err, body)
		}
		time.Sleep(pause)
	}
}

const visible = `[...document.querySelectorAll("#live-posts > .live-post-wrapper:not([hidden]) > .live-post .post-body")]` +
	`.map(e => e.textContent)`

// shows waits until the page shows exactly these texts, newest first.
func (p *tab) shows(texts ...string) {
	p.t.Helper()
	want, _ := json.Marshal(texts)
	p.until(fmt.Sprintf("JSON.stringify(%s) === JSON.stringify(%s)", visible, want))
}

func (p *tab) live() {
	p.t.Helper()
	p.until(`document.querySelector("[data-live-status=live]")`)
}

func (p *tab) shot(width, height int64, dark bool) []byte {
	p.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
	p.run(chromedp.EmulateViewport(width, height),
		call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}))
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	return png
}

// call makes an action of a command of the protocol.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, command, params)
		return err
	})
}
