package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// foreign is another site, with its own origin.
type foreign struct {
	url    string
	wire   wire         // to the site and to the live server
	others []string     // origins that may read too
	body   atomic.Value // what stands in the page's body
	policy atomic.Value // its Content-Security-Policy; http://SERVER and ws://SERVER are the live server
	server atomic.Value // the live server's host
}

// strict is a policy that allows only what the element needs: no inline scripts or styles, no HTML from strings.
const strict = "default-src 'none'; script-src http://SERVER; connect-src http://SERVER ws://SERVER; img-src http: https:; " +
	"require-trusted-types-for 'script'; trusted-types motacilla"

func newForeign(t *testing.T) *foreign {
	t.Helper()
	return newForeignOver(t, usual())
}

func newForeignOver(t *testing.T, w wire) *foreign {
	t.Helper()
	f := &foreign{wire: w}
	f.body.Store(element(""))
	f.policy.Store(strict)
	f.server.Store("")
	site := w.start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := f.server.Load().(string)
		server := f.wire.url(host)
		wired := strings.NewReplacer("http://SERVER", server, "ws://SERVER", f.wire.sockets(host), "SERVER", host)
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", wired.Replace(f.policy.Load().(string)))
		if r.URL.Path == "/other" {
			_, _ = fmt.Fprint(w, `<!doctype html><html lang="en"><title>Another page</title><p class="other">Another page</p>`)
			return
		}
		body := strings.ReplaceAll(f.body.Load().(string), "SERVER", server)
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><meta charset="utf-8"><title>Another site</title>
			<meta name="viewport" content="width=device-width"><body><main><h1>Another site</h1>%s</main>
			<script type="module" src="%s/assets/live-posts.js"></script>`, body, server)
	}))
	t.Cleanup(site.Close)
	f.url = site.URL
	return f
}

// serveTo starts the program, which allows pages of the site to read.
func (f *foreign) serveTo(t *testing.T, publishers ...string) *program {
	t.Helper()
	config := "server: {origins: [" + strings.Join(append(f.others, f.url), ", ") + "]}\npublishers:\n"
	for _, name := range publishers {
		config += "  - {type: " + name
		if name == "interval-polling" {
			config += ", interval: 500ms"
		}
		config += "}\n"
	}
	file := filepath.Join(t.TempDir(), "motacilla.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serveOver(t, f.wire, t.TempDir(), "", "MOTACILLA_CONFIG="+file)
	f.server.Store(s.addr)
	return s
}

// element returns the custom element with these attributes and this content.
func element(attributes string, inside ...string) string {
	return `<live-posts src="SERVER" channel="match" ` + attributes + `>` + strings.Join(inside, "") + `</live-posts>`
}

const root = `document.querySelector("live-posts").shadowRoot`

const visibleInElement = `[...` + root + `.querySelectorAll(
	"#live-posts:not([hidden]) > .live-post-wrapper:not([hidden]) > .live-post .post-body")].map(e => e.textContent)`

// holds waits until the element shows exactly these texts, newest first.
func (p *tab) holds(texts ...string) {
	p.t.Helper()
	want := ""
	for i, text := range texts {
		if i > 0 {
			want += ","
		}
		want += fmt.Sprintf("%q", text)
	}
	p.until("JSON.stringify(" + visibleInElement + ") === JSON.stringify([" + want + "])")
}

func (p *tab) elementIs(status string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector("live-posts").status === %q &&
		%s.querySelector("[role=status]").dataset.liveStatus === %q`, status, root, status))
}
