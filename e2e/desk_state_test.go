package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/motacilla-live/motacilla/internal/bundle"
)

// deskState is the state of the desk alone, as a module for a page of its own. Its libraries are those of compose/client.
func deskState(t *testing.T) []byte {
	t.Helper()
	code, err := deskBundle()
	if errors.Is(err, exec.ErrNotFound) {
		const missing = "the tests of the desk's state need npm: apt-get install -y nodejs npm"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	if err != nil {
		t.Fatal(err)
	}
	return code
}

var deskBundle = sync.OnceValues(func() ([]byte, error) {
	folder, err := deskSources()
	if err != nil {
		return nil, err
	}
	return bundle.File(filepath.Join(folder, "e2e/testdata/deskstate/page.ts"))
})

// deskSources is the folder of a copy of the desk's sources, so that nothing is installed where tests of other packages install it at the
// same time.
var deskSources = sync.OnceValues(func() (string, error) {
	folder := filepath.Join(scratch, "desk")
	for _, source := range []string{"compose/client", "page/client", "e2e/testdata/deskstate"} {
		if err := copySources(filepath.Join("..", source), filepath.Join(folder, source)); err != nil {
			return "", err
		}
	}
	return folder, deskLibraries(filepath.Join(folder, "compose/client"))
})

// deskLibraries has the libraries of the desk in folder: those that are installed in compose/client, if they are the right ones.
func deskLibraries(folder string) error {
	source, err := filepath.Abs("../compose/client")
	if err != nil {
		return err
	}
	wanted, err := os.Stat(filepath.Join(source, "package-lock.json"))
	if err != nil {
		return err
	}
	has, err := os.Stat(filepath.Join(source, "node_modules/.package-lock.json"))
	if err == nil && has.ModTime().After(wanted.ModTime()) {
		return os.Symlink(filepath.Join(source, "node_modules"), filepath.Join(folder, "node_modules"))
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return err
	}
	return downloads(folder, "npm ci --no-audit --no-fund --ignore-scripts --prefer-offline --loglevel=error")
}

// deskFront is a proxy before a desk's server. It has the page with the state, and loses requests and answers on demand.
type deskFront struct {
	t   *testing.T
	url string

	mu      sync.Mutex
	instead func(w http.ResponseWriter, r *http.Request) bool // answers a request in the server's place, and returns true
	after   func(r *http.Request, s int) bool                 // is called when the server has answered with status s; false: the answer is lost
	asked   []string                                          // METHOD path
}

func newDeskFront(t *testing.T, d *deskSite) *deskFront {
	t.Helper()
	code := deskState(t)
	f := &deskFront{t: t}
	own := &http.Transport{DisableKeepAlives: true}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: d.addr})
			r.Out.Host = r.In.Host
		},
		Transport:      own,
		FlushInterval:  -1,
		ModifyResponse: f.answered,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	const script = "/desk-state.js"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case script:
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write(code)
		case "/desk-state":
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<!doctype html><title>A desk</title><script type="module" src="` + script + `"></script>`))
		default:
			if !f.answers(w, r) {
				proxy.ServeHTTP(w, r)
			}
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		own.CloseIdleConnections()
	})
	f.url = "http://localhost" + server.URL[strings.LastIndexByte(server.URL, ':'):]
	return f
}

// answers answers a request itself, if a test wants that.
func (f *deskFront) answers(w http.ResponseWriter, r *http.Request) bool {
	f.mu.Lock()
	f.asked = append(f.asked, r.Method+" "+r.URL.Path)
	instead := f.instead
	f.mu.Unlock()
	return instead != nil && instead(w, r)
}

func (f *deskFront) answered(answer *http.Response) error {
	f.mu.Lock()
	after := f.after
	f.mu.Unlock()
	if after != nil && !after(answer.Request, answer.StatusCode) {
		_ = answer.Body.Close()
		panic(http.ErrAbortHandler)
	}
	return nil
}

// loses sets what is called with each answer of the server. If it returns false, the answer is lost.
func (f *deskFront) loses(after func(r *http.Request, status int) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after = after
}

// says sets what may answer requests in the server's place.
func (f *deskFront) says(instead func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instead = instead
}

// requests returns the requests so far whose METHOD and path begin with start.
func (f *deskFront) requests(start string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, one := range f.asked {
		if strings.HasPrefix(one, start) {
			n++
		}
	}
	return n
}

// opens opens the page with the state in a browser that is signed in.
func (f *deskFront) opens(in context.Context, query string) *tab {
	f.t.Helper()
	p := open(f.t, in, f.url+"/desk-state?channel="+string(channel)+"&"+query)
	p.until(`globalThis.desk && desk.me.session.value === "in"`)
	return p
}

// offline cuts a tab off the net, or gives it back. The page is told that it is back when it is.
func (p *tab) offline(yes bool) {
	p.t.Helper()
	rules := []*network.Conditions{}
	if yes {
		rules = append(rules, &network.Conditions{Offline: true, DownloadThroughput: -1, UploadThroughput: -1})
	}
	tells := call(network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: yes, DownloadThroughput: -1, UploadThroughput: -1})
	cuts := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.EmulateNetworkConditionsByRule,
			network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: rules})
		return err
	})
	if yes {
		p.run(tells, cuts)
	} else {
		p.run(cuts, tells)
	}
}

// empty waits until everything in the outbox has been sent.
func (p *tab) empty() {
	p.t.Helper()
	p.until(`desk.outbox.entries.value.length === 0`)
}

// empties waits until the browser's database has no records in these stores. The images of a change go a moment after the change itself.
func (p *tab) empties(stores ...string) {
	p.t.Helper()
	var counts map[string]int
	await(p.t, fmt.Sprintf("the database has none of %q", stores), func() bool {
		p.eval(`records()`, &counts)
		return !slices.ContainsFunc(stores, func(store string) bool { return counts[store] != 0 })
	})
}

// postJSON is a post by REST.
type postJSON struct {
	ID       string `json:"id"`
	Show     bool   `json:"show"`
	Pinned   bool   `json:"pinned"`
	Revision int64  `json:"revision"`
	Created  string `json:"created"`
	Content  []struct {
		Type  string
		Value struct{ Text, Media, Alt string }
	} `json:"content"`
}

// words returns the texts of a post's blocks; of an image its alternative text.
func (p postJSON) words() string {
	var parts []string
	for _, b := range p.Content {
		parts = append(parts, strings.NewReplacer("<p>", "", "</p>", "").Replace(b.Value.Text+b.Value.Alt))
	}
	return strings.Join(parts, " ")
}

// all returns the posts of the channel as an editor sees them, the oldest first.
func (d *deskSite) all() []postJSON {
	d.t.Helper()
	var list []postJSON
	for next := ""; ; {
		var page struct {
			Posts []postJSON
			Next  *string
		}
		d.api(http.MethodGet, "channels/"+string(channel)+"/posts?limit=100"+next, nil, &page)
		for _, p := range page.Posts {
			list = append([]postJSON{p}, list...)
		}
		if page.Next == nil {
			return list
		}
		next = "&before=" + url.QueryEscape(*page.Next)
	}
}

// texts returns the words of all posts, the oldest first.
func (d *deskSite) texts() []string {
	d.t.Helper()
	list := []string{}
	for _, p := range d.all() {
		list = append(list, p.words())
	}
	return list
}

// draftJSON is a draft by REST.
type draftJSON struct {
	postJSON
	State string
	At    *string
	Post  *string
	Note  string
}

func (d *deskSite) drafts() []draftJSON {
	d.t.Helper()
	var page struct{ Drafts []draftJSON }
	d.api(http.MethodGet, "channels/"+string(channel)+"/drafts?limit=100", nil, &page)
	return page.Drafts
}

// js returns v as a script has it.
func js(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func numbered(format string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, i+1)
	}
	return list
}
