package compose_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/access/people"
	"github.com/motacilla-live/motacilla/compose"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/page/languages"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/net/html"
)

// shown is what a page of the desk has.
type shown struct {
	lang, dir, title, script, styles, icon string
	config                                 map[string]any
}

func parse(t *testing.T, w *httptest.ResponseRecorder) shown {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	root, err := html.Parse(strings.NewReader(read(w)))
	if err != nil {
		t.Fatal(err)
	}
	var s shown
	for n := range root.Descendants() {
		attrs := map[string]string{}
		for _, a := range n.Attr {
			attrs[a.Key] = a.Val
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("<%s> has %s, which the policy forbids", n.Data, a.Key)
			}
		}
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "html":
			s.lang, s.dir = attrs["lang"], attrs["dir"]
		case n.Data == "title":
			s.title = n.FirstChild.Data
		case n.Data == "link" && attrs["rel"] == "icon":
			s.icon = attrs["href"]
		case n.Data == "link":
			s.styles = attrs["href"]
		case n.Data == "script" && attrs["type"] == "module":
			s.script = attrs["src"]
		case n.Data == "script":
			if _, ok := attrs["data-desk"]; !ok || attrs["type"] != "application/json" {
				t.Errorf("a script has %v", attrs)
			}
			if err := json.Unmarshal([]byte(n.FirstChild.Data), &s.config); err != nil {
				t.Error(err)
			}
		}
	}
	return s
}

// TestShell: the page has what the program needs, and files that may be cached for ever.
func TestShell(t *testing.T) {
	for _, at := range []struct{ base, path string }{{"", ""}, {"/news/live", ""}, {"/news", "/redaktion/pult"}} {
		path := at.path
		if path == "" {
			path = "/compose"
		}
		r := open(t, &compose.Options{Path: at.path}, func(o *live.Options) {
			o.BasePath, o.Page.Name = at.base, `A & B </script><script>alert(1)</script>`
		})
		for _, target := range []string{at.base + path, at.base + path + "/", path, at.base + path + "/match", at.base + path + "/a.b_c/?x=1"} {
			w := r.do(http.MethodGet, target, "")
			s := parse(t, w)
			c := s.config
			if c["base"] != at.base || c["path"] != at.base+path || c["home"] != at.base+"/" || c["site"] != `A & B </script><script>alert(1)</script>` ||
				c["lang"] != "en" || c["dir"] != "ltr" || c["images"] != true || c["maxImage"] != float64(20<<20) || c["frames"] != "off" || c["undo"] != float64(8000) ||
				c["account"] != "" || c["signIn"] != "" || c["signOut"] != "" || c["people"] != false || len(c["words"].(map[string]any)) == 0 {
				t.Errorf("%s: the configuration is %v", target, c)
			}
			if s.lang != "en" || s.title != "Desk – A & B </script><script>alert(1)</script>" {
				t.Errorf("%s: %+v", target, s)
			}
			for _, file := range append([]string{s.icon, s.script, s.styles}, strings.Fields(strings.Trim(flat(c["styles"]), "[]"))...) {
				f := r.do(http.MethodGet, file, "", "Authorization", "")
				if f.Code != http.StatusOK || f.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || !strings.HasPrefix(file, at.base+"/") {
					t.Errorf("%s: %d %v", file, f.Code, f.Header())
				}
			}
		}
	}
}

func flat(v any) string {
	var list []string
	for _, one := range v.([]any) {
		list = append(list, one.(string))
	}
	return strings.Join(list, " ")
}

// TestHeaders: no other site can show the desk in a frame, nothing but the server's own scripts runs in it, and no cache keeps it.
func TestHeaders(t *testing.T) {
	r := open(t, nil, nil)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		w := r.do(method, "/compose", "")
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("X-Frame-Options") != "DENY" || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "same-origin" ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %v", method, w.Code, h)
		}
		const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: http: data: blob:; " +
			"media-src 'self' https: http:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
		if got := h.Get("Content-Security-Policy"); got != policy {
			t.Errorf("%s: the policy is %s", method, got)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodDelete} {
		if w := r.do(method, "/compose/match", ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
	look, err := page.NewLook(page.LookOptions{Frames: page.FramesAsk, Styles: func() ([]byte, error) { return []byte("p{}"), nil }})
	if err != nil {
		t.Fatal(err)
	}
	r = open(t, nil, func(o *live.Options) {
		o.Page.Look, o.PublicURL = look, "https://live.example.org"
		o.Publishers = hubs
	})
	w := r.do(http.MethodGet, "/compose", "")
	if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, "; frame-src 'self' https:;") ||
		!strings.Contains(got, "connect-src 'self' https://live.example.org wss://live.example.org https://hub.example wss://hub.example;") {
		t.Errorf("the policy is %s", got)
	}
	if c := parse(t, w).config; c["frames"] != "ask" || len(c["styles"].([]any)) != 2 {
		t.Errorf("the configuration is %v", c)
	}
}

// TestFiles: the program and its styles are there, and so are the licences of what is in them.
func TestFiles(t *testing.T) {
	r := open(t, nil, nil)
	s := parse(t, r.do(http.MethodGet, "/compose", ""))
	tag := r.do(http.MethodGet, s.script, "").Header().Get("ETag")
	for target, status := range map[string]int{s.script: 304, "/compose/assets/desk.js": 404, "/compose/assets/none": 404} {
		if w := r.do(http.MethodGet, target, "", "If-None-Match", tag); w.Code != status {
			t.Errorf("%s: %d, want %d", target, w.Code, status)
		}
	}
	w := r.do(http.MethodGet, "/compose/assets/LICENSES.txt", "")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "preact") || !strings.Contains(w.Body.String(), "Permission is hereby granted") {
		t.Errorf("the licences: %d %.200s", w.Code, w.Body)
	}
	if w := r.do(http.MethodPost, s.script, ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	source, err := os.ReadFile("static/desk.js")
	if err != nil || !strings.Contains(string(source[:min(200, len(source))]), "LICENSES.txt") {
		t.Errorf("the program does not say where the licences are (%v)", err)
	}
}

// TestSignInAndBack: who has not signed in is led to the page for signing in, which leads back. Who may not draft gets a page of the
// site.
func TestSignInAndBack(t *testing.T) {
	hook := func(r *http.Request, ch motacilla.ChannelID, action route.Action) (route.Grant, error) {
		switch r.Header.Get("Authorization") {
		case "Bearer editor":
			return route.Grant{}, nil
		case "Bearer contributor":
			if ch == "match" || ch == "" {
				return route.Grant{}, nil
			}
			return route.Grant{}, motacilla.ErrForbidden
		case "Bearer reader":
			return route.Grant{}, motacilla.ErrForbidden
		case "Bearer away":
			return route.Grant{}, motacilla.ErrUnavailable
		}
		return route.Grant{}, motacilla.ErrUnauthorized
	}
	for _, base := range []string{"", "/news"} {
		r := open(t, nil, func(o *live.Options) {
			o.Authorize, o.Page.SignInURL, o.BasePath, o.Page.Home = hook, "https://id.example/in?realm=a", base, "/news/front"
			o.Routes = []route.Route{{Name: "account", Pattern: "/me", Handler: http.NotFoundHandler()}}
		})
		for _, q := range []struct {
			who, path string
			status    int
			next      string
		}{
			{"", "/compose", 303, "/compose"}, {"", "/compose/match", 303, "/compose/match"}, {"", "/compose/a.b_c?x=1", 303, "/compose/a.b_c?x=1"},
			{"", "/compose/?x=%26", 303, "/compose?x=%26"}, {"reader", "/compose", 403, ""}, {"contributor", "/compose", 200, ""},
			{"contributor", "/compose/match", 200, ""}, {"contributor", "/compose/members", 403, ""}, {"editor", "/compose/none", 200, ""},
			{"editor", "/compose/" + strings.Repeat("a", 256), 400, ""}, {"away", "/compose", 503, ""},
		} {
			r.bearer = q.who
			for _, prefix := range []string{base, ""} { // a proxy may have removed the base path
				w := r.do(http.MethodGet, prefix+q.path, "")
				next := ""
				if to, err := url.Parse(w.Header().Get("Location")); err != nil || q.status == 303 && (to.Host != "id.example" || to.Query().Get("realm") != "a") {
					t.Errorf("%s leads to %v (%v)", q.path, to, err)
				} else {
					next = to.Query().Get("next")
				}
				if q.next != "" {
					if want := base + q.next; next != want {
						t.Errorf("%s %s: back to %q, want %q", q.who, q.path, next, want)
					}
				}
				if w.Code != q.status || w.Header().Get("Cache-Control") != "no-store" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
					t.Errorf("%s %s: %d %v, want %d", q.who, q.path, w.Code, w.Header(), q.status)
				}
			}
		}
		r.bearer = "editor"
		c := parse(t, r.do(http.MethodGet, "/compose", "")).config
		if c["signIn"] != "https://id.example/in?realm=a" || c["account"] != base+"/me" || c["people"] != false || c["home"] != "/news/front" {
			t.Errorf("the configuration is %v", c)
		}
	}
}

// TestAccount: the page of the first account leads to the desk, wherever the desk is.
func TestAccount(t *testing.T) {
	for _, base := range []string{"", "/news"} {
		var notice bytes.Buffer
		var accounts *people.People
		r := open(t, &compose.Options{Path: "/desk"}, func(o *live.Options) {
			kit := access.NewKit(&access.KitOptions{Records: o.Store.Records()})
			accounts = people.New(&people.Options{Notice: &notice}, kit)
			o.Access, o.BasePath = access.New(kit, secret, accounts), base
		})
		if err := accounts.Announce(t.Context(), base); err != nil {
			t.Fatal(err)
		}
		_, link, _ := strings.Cut(strings.TrimSpace(notice.String()), "hours: ")
		r.bearer = ""
		form := url.Values{"login": {"ada"}, "name": {"Ada"}, "password": {"a wagtail on a roof"}}
		w := r.do(http.MethodPost, link, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		var cookies []string
		for _, c := range w.Result().Cookies() {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
		cookie := strings.Join(cookies, "; ")
		if c := parse(t, r.do(http.MethodGet, base+"/desk?people", "", "Cookie", cookie)).config; c["people"] != true || c["account"] != base+"/account" {
			t.Errorf("the configuration is %v", c)
		}
		body := r.do(http.MethodGet, base+"/account", "", "Cookie", cookie).Body.String()
		if want := `<a class="button" href="` + base + `/desk">Write posts</a>`; !strings.Contains(body, want) {
			t.Errorf("%d, then the account lacks %s:\n%s", w.Code, want, body)
		}
	}
}

// TestToken: without accounts the form for the server's token opens the desk, and its cookie permits to write.
func TestToken(t *testing.T) {
	for name, set := range map[string]func(*live.Options){
		"the token alone": nil,
		"access without accounts": func(o *live.Options) {
			o.Access = access.New(access.NewKit(&access.KitOptions{Records: o.Store.Records()}), secret)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, nil, set)
			r.bearer = ""
			w := r.do(http.MethodGet, "/compose/match", "")
			if w.Code != http.StatusForbidden || !regexp.MustCompile(`name="next" type="hidden" value="/compose/match"`).MatchString(w.Body.String()) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			signIn := func(token, next string) *httptest.ResponseRecorder {
				form := url.Values{"token": {token}, "next": {next}}
				return r.do(http.MethodPost, "/sign-in", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
			}
			if w := signIn("wrong", "/compose/match"); w.Code != http.StatusForbidden || len(w.Result().Cookies()) != 0 {
				t.Errorf("a wrong token: %d %v", w.Code, w.Header())
			}
			for next, may := range map[string]bool{"/compose/match": true, "/compose": true, "/channels/match": false, "/": false, "": false, "https://evil.example": false} {
				w := signIn(secret, next)
				var cookies []string
				for _, c := range w.Result().Cookies() {
					cookies = append(cookies, c.Name+"="+c.Value)
					if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
						t.Errorf("the cookie %v", c)
					}
				}
				cookie := strings.Join(cookies, "; ")
				want := map[bool][2]int{true: {200, 201}, false: {403, 403}}[may]
				if !may && set == nil {
					want[1] = 401 // the token alone knows nobody who may only read
				}
				if got := r.do(http.MethodGet, "/compose/match", "", "Cookie", cookie).Code; got != want[0] {
					t.Errorf("signed in on the way to %q: the desk is %d, want %d", next, got, want[0])
				}
				if got := r.do(http.MethodPost, "/api/channels/match/posts", `{"text":"a"}`, "Cookie", cookie).Code; got != want[1] {
					t.Errorf("signed in on the way to %q: a post is %d, want %d", next, got, want[1])
				}
				for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
					w := r.do(http.MethodPost, "/api/channels/match/posts", `{"text":"a"}`, append([]string{"Cookie", cookie}, from...)...)
					if w.Code != http.StatusForbidden && w.Code != http.StatusUnauthorized {
						t.Errorf("a post from %v: %d", from, w.Code)
					}
				}
				if got := r.do(http.MethodGet, "/channels/members", "", "Cookie", cookie).Code; got != http.StatusOK {
					t.Errorf("signed in on the way to %q: a private page is %d", next, got)
				}
			}
		})
	}
}

// TestWithoutWebapp: a desk that can't write says so in the log when the site is made.
func TestWithoutWebapp(t *testing.T) {
	for name, want := range map[string]int{"with webapp": 0, "without": 1} {
		core, logs := observer.New(zap.WarnLevel)
		o := live.Options{Store: memory.New(nil), Token: secret}
		o.Receivers = func(p *live.Parts) []receiver.Receiver {
			d, err := compose.New(p.Page, p.Kit(), p.Authorize, &compose.Options{Logger: zap.New(core)})
			if err != nil {
				t.Fatal(err)
			}
			if want > 0 {
				return []receiver.Receiver{d}
			}
			return []receiver.Receiver{d, webapp.New(p.Sink(), p.Authorize, nil)}
		}
		if _, err := live.New(o); err != nil {
			t.Fatal(err)
		}
		if got := logs.FilterMessageSnippet("the receiver webapp").Len(); got != want {
			t.Errorf("%s: it is said %d times, want %d", name, got, want)
		}
	}
}

// TestWrongOptions: an option that can't be is an error that says so.
func TestWrongOptions(t *testing.T) {
	p, err := live.NewParts(live.Options{Store: open(t, nil, nil).store})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "compose", "/compose/", "//compose", "/{x}", "/a b", "/a/../b"} {
		if _, err := compose.New(p.Page, p.Kit(), p.Authorize, &compose.Options{Path: path}); err == nil || !strings.Contains(err.Error(), "path: must be a path") {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, undo := range []time.Duration{-time.Second, time.Millisecond} {
		if _, err := compose.New(p.Page, p.Kit(), p.Authorize, &compose.Options{Undo: undo}); err == nil || !strings.Contains(err.Error(), "undo: must be at least 1s") {
			t.Errorf("%v: %v", undo, err)
		}
	}
	for _, paths := range [][]string{{"/a", "/b"}, {"/channels"}, {"/assets"}} {
		var desks []receiver.Receiver
		for _, path := range paths {
			d, err := compose.New(p.Page, p.Kit(), p.Authorize, &compose.Options{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			desks = append(desks, d)
		}
		_, err := live.New(live.Options{Store: p.Store, Receivers: func(*live.Parts) []receiver.Receiver { return desks }})
		if err == nil || !strings.Contains(err.Error(), "claim") {
			t.Errorf("desks at %q: %v", paths, err)
		}
	}
}

// TestOwnWords: a site's own files of languages may have words of the desk, which are checked.
func TestOwnWords(t *testing.T) {
	set, err := languages.New()
	if err != nil {
		t.Fatal(err)
	}
	build := func(language, file string) (*rig, error) {
		look, err := page.NewLook(page.LookOptions{Language: language, Languages: set, LanguageFiles: fstest.MapFS{"own.yaml": {Data: []byte(file)}}})
		if err != nil {
			return nil, err
		}
		p, err := live.NewParts(live.Options{Store: open(t, nil, nil).store, Page: page.Options{Look: look}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := compose.New(p.Page, p.Kit(), p.Authorize, nil); err != nil {
			return nil, err
		}
		return open(t, nil, func(o *live.Options) { o.Page.Look = look }), nil
	}
	r, err := build("pt-BR", "language: pt\nwords: {desk_title: \"Mesa de {site}\"}\n")
	if err != nil {
		t.Fatal(err)
	}
	if s := parse(t, r.do(http.MethodGet, "/compose", "")); s.title != "Mesa de Motacilla" || s.lang != "pt-BR" {
		t.Errorf("%+v", s)
	}
	for file, want := range map[string]string{
		"language: de\nwords: {desk_title: Pult}\n":                 `desk_title: must have the placeholders of English`,
		"language: de\nwords: {desk_titel: \"{site}\"}\n":           "desk_titel: there is no such word",
		"language: de\nplurals: {desk_x: {other: \"{count} x\"}}\n": "desk_x: there is no such plural",
	} {
		if _, err := build("en", file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", file, err, want)
		}
	}
}
