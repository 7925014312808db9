package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla/internal/realserver"
)

// apps are those of examples/apps. Each is built once.
var apps = map[string]func() (string, error){
	"nethttp": sync.OnceValues(func() (string, error) { return buildIn("../examples/apps", "nethttp", "./nethttp") }),
	"chi":     sync.OnceValues(func() (string, error) { return buildIn("../examples/apps", "chi", "./chi") }),
	"echo":    sync.OnceValues(func() (string, error) { return buildIn("../examples/apps", "echo", "./echo") }),
	"gin":     sync.OnceValues(func() (string, error) { return buildIn("../examples/apps", "gin", "./gin") }),
}

const password = "a-password-of-the-browser-tests"

// serveApp starts an app, signs its editor in and creates the channel.
func serveApp(t *testing.T, name string) *program {
	t.Helper()
	path, err := apps[name]()
	if err != nil {
		t.Fatal(err)
	}
	addr := realserver.FreeAddress(t)
	p := &program{
		t: t, run: []string{path, "-addr", addr, "-file", "shop.db"}, ready: "/", dir: t.TempDir(), addr: addr, base: "/news/live",
		env: append(os.Environ(), "SHOP_KEY=key", "SHOP_PASSWORD="+password, "GIN_MODE=release"),
		url: "http://" + addr + "/news/live/channels/" + string(channel),
	}
	p.start()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.PostForm("http://"+addr+"/sign-in", url.Values{"user": {"editor"}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	p.cookie, _, _ = strings.Cut(answer.Header.Get("Set-Cookie"), ";")
	if p.cookie == "" {
		t.Fatalf("signing in: %s", answer.Status)
	}
	p.api(http.MethodPost, "channels", text{"id": channel, "title": "The match"}, nil)
	return p
}

// TestApps drives the live site in each of the apps.
func TestApps(t *testing.T) {
	t.Parallel()
	for name := range apps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("transports", func(t *testing.T) {
				t.Parallel()
				s := serveApp(t, name)
				followsOverEveryTransport(t, s, "http://"+s.addr+s.base)
			})
			t.Run("pages", func(t *testing.T) {
				t.Parallel()
				s := serveApp(t, name)
				s.browsed()
				s.sells()
				s.isPrivate()
				answersOf(t, s, "http://"+s.addr+s.base)
			})
		})
	}
}

// browsed goes from the app's own page to a channel, asks for all links, and for what there is not.
func (s *program) browsed() {
	t := s.t
	t.Helper()
	s.post("one")
	p := open(t, browser(t), "http://"+s.addr+"/")
	p.until(`document.querySelector("h1").textContent === "Welcome"`)
	p.eval(`void document.querySelector("nav a[href='/news/live/']").click()`, nil)
	p.until(`document.querySelector("a.channel[href='/news/live/channels/match']")`)
	p.eval(`void document.querySelector("a.channel[href='/news/live/channels/match']").click()`, nil)
	p.live()
	p.shows("one")
	p.loadedEverything()
	p.eval(`void document.querySelector(".masthead a").click()`, nil)
	p.until(`location.pathname === "/" && document.querySelector("h1").textContent === "Welcome"`)
	p.close()
	paths := crawl(t, "http://"+s.addr+"/")
	for _, want := range []string{
		"/", "/sign-in", "/news/live/", "/news/live/channels/match", "/news/live/channels/match/transports",
		"/news/live/live/interval-polling/match/",
	} {
		if !slices.Contains(paths, want) {
			t.Errorf("no link leads to %s, only to %q", want, paths)
		}
	}
	for path, want := range map[string]string{"/nothing": "Not in the shop", "/news/live/nothing": "There is no such page"} {
		r, _ := http.NewRequest(http.MethodGet, "http://"+s.addr+path, nil)
		r.Header.Set("Accept", "text/html")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusNotFound || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, want %q in\n%s", path, answer.Status, want, body)
		}
	}
}

// sells sends the app's own form, whose handler writes a post.
func (s *program) sells() {
	t := s.t
	t.Helper()
	chromium := browser(t)
	watching, selling := open(t, chromium, "http://"+s.addr+"/news/live/channels/shop"), open(t, chromium, "http://"+s.addr+"/")
	watching.live()
	for i, item := range []string{"a hat", "<b>a cap</b>"} {
		selling.until(`document.querySelector("form.sell")`)
		selling.eval(fmt.Sprintf(`document.querySelector("[name=item]").value = %q;
			void document.querySelector("form.sell").requestSubmit()`, item), nil)
		for _, p := range []*tab{watching, selling} {
			p.until(fmt.Sprintf(`%s[0] === %q && %s.length === %d`, visible, "Sold: "+item, visible, i+1))
		}
		selling.goTo("http://" + s.addr + "/")
	}
	watching.close()
	selling.close()
}

// isPrivate reads a private channel after signing in with the app's own form.
func (s *program) isPrivate() {
	t := s.t
	t.Helper()
	s.api(http.MethodPost, "channels", text{"id": "members", "title": "For members", "access": "private"}, nil)
	s.api(http.MethodPost, "channels/members/posts", text{"text": "a secret"}, nil)
	for _, path := range []string{"/channels/members/transports", "/live/sse/members/", "/api/channels/members/posts"} {
		if answer := get(t, "http://"+s.addr+s.base+path); !strings.Contains(answer, `"status":403`) {
			t.Errorf("%s: %s", path, answer)
		}
	}
	p := open(t, browser(t), "http://"+s.addr+s.base+"/channels/members")
	p.until(`document.body.textContent.includes("This page is private") && !document.querySelector("#live-posts")`)
	p.eval(`void [...document.querySelectorAll("main a")].find(a => a.textContent === "Sign in to read it").click()`, nil)
	send := func(password string) {
		t.Helper()
		p.until(`document.querySelector("form.sign-in")`)
		p.eval(fmt.Sprintf(`document.querySelector("[name=user]").value = "reader";
			document.querySelector("[name=password]").value = %q;
			window.sent = true;
			void document.querySelector("form.sign-in").requestSubmit()`, password), nil)
		p.until(`!window.sent`)
	}
	send("wrong")
	send(password)
	p.until(`location.pathname === "/news/live/channels/members"`)
	p.shows("a secret")
	p.live()
	s.api(http.MethodPost, "channels/members/posts", text{"text": "another one"}, nil)
	p.shows("another one", "a secret")
	p.close()
}
