package route_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/motacilla-live/motacilla/route"
	"pgregory.net/rapid"
)

func below(t *testing.T, base string, routes ...route.Route) *route.Table {
	t.Helper()
	tab, err := route.NewTableBelow(base)
	if err == nil {
		err = tab.Add("app", "/live", routes...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// file answers with the rest of the path.
var file = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write([]byte(r.Pattern + " " + r.PathValue("file")))
})

// TestBelow: a route is at its path with and without the base path, and its URL has the base path.
func TestBelow(t *testing.T) {
	tab := below(t, "/news/live",
		route.Route{Name: "home", Pattern: "/", Handler: says("home")},
		route.Route{Name: "poll", Pattern: "poll/{channel_id}", Handler: says("poll")},
		route.Route{Name: "static", Pattern: "/static/{file...}", Handler: file})
	for target, want := range map[string]string{
		"/":                            "home()",
		"/news/live":                   "home()",
		"/news/live/":                  "home()",
		"/live/poll/c":                 "poll(c)",
		"/news/live/live/poll/c/":      "poll(c)",
		"/static/a/b.css":              "/static/{file...} a/b.css",
		"/news/live/static/a/b.css":    "/news/live/static/{file...} a/b.css",
		"/news/live/static/":           "/news/live/static/{file...} ",
		"/news/":                       "",
		"/news/live/news/live":         "",
		"/news/live/static/../../x":    "",
		"/news/live/static/%2e%2e/x/y": "/news/live/static/{file...} ../x/y", // Files does not serve it
	} {
		w := get(tab, "GET", target)
		if want == "" && w.Code != 404 || want != "" && w.Body.String() != want {
			t.Errorf("%s: %d %s, want %q", target, w.Code, w.Body, want)
		}
	}
	for _, c := range []struct{ name, param, want string }{
		{"home", "", "/news/live/"},
		{"poll", "a b", "/news/live/live/poll/a%20b/"},
		{"static", "css/a b.css", "/news/live/static/css/a%20b.css"},
		{"static", "../secret", ""},
		{"static", "a//b", ""},
	} {
		var params []string
		if c.param != "" {
			params = []string{c.param}
		}
		if got, err := tab.URL(c.name, params...); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s %q: %q, %v, want %q", c.name, c.param, got, err, c.want)
		}
	}
	if got := tab.Routes()[1].Pattern; got != "/news/live/live/poll/{channel_id}/" {
		t.Errorf("the pattern is %q", got)
	}
}

// TestEmptyPath: the app's router may remove a prefix, and leave nothing.
func TestEmptyPath(t *testing.T) {
	tab := below(t, "/news/live", route.Route{Pattern: "/", Handler: says("home")})
	var pattern string
	h := http.StripPrefix("/news/live", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tab.ServeHTTP(w, r)
		pattern = r.Pattern
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/news/live?after=a", nil))
	if w.Code != 200 || w.Body.String() != "home()" || pattern != "/{$}" {
		t.Errorf("%d %s, pattern %q", w.Code, w.Body, pattern)
	}
}

// TestBasePathOfARoute: the base path may be the beginning of a route's own path, unless two routes then claim one path. The
// error says that the base path is the cause.
func TestBasePathOfARoute(t *testing.T) {
	for base, want := range map[string]string{
		"/live": "", "/assets": "",
		"/channels": "claim paths that overlap: /channels/channels/{id}/ and /channels/{id}/transports/; the base path is /channels",
	} {
		tab, err := route.NewTableBelow(base)
		if err == nil {
			err = tab.Add("page", "/live", route.Route{Pattern: "/", Handler: file},
				route.Route{Pattern: "/channels/{id}", Handler: file}, route.Route{Pattern: "/channels/{id}/transports", Handler: file},
				route.Route{Pattern: "/assets/{file}", Handler: file}, route.Route{Pattern: "sse/{id}", Handler: file})
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("%s: error is %v, want %s", base, err, want)
		}
	}
}

// TestFolderWithoutItsSlash: the redirect is right too if a proxy has removed the base path.
func TestFolderWithoutItsSlash(t *testing.T) {
	tab := below(t, "/news/live", route.Route{Pattern: "/static/{file...}", Handler: file})
	for _, target := range []string{"/static?v=1", "/news/live/static?v=1"} {
		if w := get(tab, "GET", target); w.Code != 307 || w.Header().Get("Location") != "./static/?v=1" {
			t.Errorf("%s: %d to %q", target, w.Code, w.Header().Get("Location"))
		}
	}
	tab = below(t, "/news/live", route.Route{Pattern: "/themes/{theme}/fo%6ets/{file...}", Handler: file})
	for _, target := range []string{"/themes/dark%2Fred/fonts", "/news/live/themes/a/fonts", "/themes/a/f%6Fnts"} {
		want := "./" + target[strings.LastIndexByte(target, '/')+1:] + "/"
		if w := get(tab, "GET", target); w.Code != 307 || w.Header().Get("Location") != want {
			t.Errorf("%s: %d to %q, want %s", target, w.Code, w.Header().Get("Location"), want)
		}
	}
	tab = below(t, "", route.Route{Pattern: "/static/{file...}", Handler: file}, route.Route{Pattern: "/static", Handler: says("own")})
	if w := get(tab, "GET", "/static"); w.Body.String() != "own()" {
		t.Errorf("a route of its own: %d %s", w.Code, w.Body)
	}
}

func TestCatchAll(t *testing.T) {
	for _, base := range []string{"", "/a"} {
		tab := below(t, base,
			route.Route{Name: "all", Pattern: "/{file...}", Handler: file},
			route.Route{Name: "home", Pattern: "/", Handler: says("home")},
			route.Route{Name: "poll", Pattern: "poll/{channel_id}", Handler: says("poll")})
		for target, want := range map[string]string{
			base + "/":            "home()",
			base + "/live/poll/c": "poll(c)",
			base + "/live/other":  base + "/{file...} live/other",
			base + "/x":           base + "/{file...} x",
			"/y/z":                "/{file...} y/z",
		} {
			if w := get(tab, "GET", target); w.Body.String() != want {
				t.Errorf("base %q, %s: %d %s, want %q", base, target, w.Code, w.Body, want)
			}
		}
	}
}

func TestBasePathIsChecked(t *testing.T) {
	for _, base := range []string{"/", "news", "/news/", "//news", "/a//b", "/a/../b", "/{x}", "/a b", "/a?b", "https://x/a", "/ä", "/%61"} {
		if tab, err := route.NewTableBelow(base); err == nil || tab != nil {
			t.Errorf("%q: no error", base)
		}
	}
}

// TestConflictsAreErrors: whatever routes there are, the error comes from Add, before the mux would panic, and names both
// owners.
func TestConflictsAreErrors(t *testing.T) {
	part := rapid.SampledFrom([]string{"a", "b", "{x}", "{y}", "%61"})
	pattern := rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(part, 0, 3).Draw(t, "parts")
		if rapid.Bool().Draw(t, "rest") {
			parts = append(parts, "{z...}")
		}
		return "/" + strings.Join(parts, "/")
	})
	rapid.Check(t, func(t *rapid.T) {
		tab, err := route.NewTableBelow(rapid.SampledFrom([]string{"", "/a", "/c/d"}).Draw(t, "base"))
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range rapid.SliceOfN(pattern, 1, 6).Draw(t, "patterns") {
			if strings.Count(p, "{x}") > 1 || strings.Count(p, "{y}") > 1 {
				continue
			}
			err := tab.Add("owner "+string(rune('A'+i)), "/", route.Route{Pattern: p, Handler: says(p)})
			if err != nil && (strings.Contains(err.Error(), "can't be mounted") || strings.Count(err.Error(), "owner ") != 2) {
				t.Fatalf("%s: %v", p, err)
			}
		}
		get(tab, "GET", "/a/b") // must not panic
	})
}

func TestFiles(t *testing.T) {
	fsys := fstest.MapFS{
		"index.html":      {Data: []byte("<h1>home</h1>")},
		"app.js":          {Data: []byte("js()")},
		"docs/index.html": {Data: []byte("<h1>docs</h1>")},
		"empty/x.txt":     {Data: []byte("x")},
		".env":            {Data: []byte("secret")},
		"a/.git/config":   {Data: []byte("secret")},
	}
	tab := below(t, "/s", route.Route{Pattern: "/files/{file...}", Handler: route.Files(fsys, "")},
		route.Route{Pattern: "/{path...}", Handler: route.Files(fsys, "index.html")})
	for target, want := range map[string]string{
		"/s/files/":                  "<h1>home</h1>",
		"/s/files/app.js":            "js()",
		"/s/files/index.html":        "<h1>home</h1>",
		"/s/files/docs/":             "<h1>docs</h1>",
		"/s/files/none":              "",
		"/s/files/empty":             "",
		"/s/files/.env":              "",
		"/s/files/a/.git/config":     "",
		"/s/files/%2e%2e/app.js":     "",
		"/s/match/42":                "<h1>home</h1>", // a path of the single-page app
		"/match/42":                  "<h1>home</h1>",
		"/s/app.js":                  "js()",
		"/s/.env":                    "<h1>home</h1>",
		"/s/files/%2Fapp.js":         "",
		"/s/files/docs%2Findex.html": "<h1>docs</h1>",
	} {
		w := get(tab, "GET", target)
		if want == "" && w.Code != 404 || want != "" && (w.Code != 200 || w.Body.String() != want) {
			t.Errorf("%s: %d %s, want %q", target, w.Code, w.Body, want)
		}
	}
	for target, want := range map[string]string{"/s/files/docs?v=1": "./docs/?v=1", "/s/docs": "./docs/", "/docs": "./docs/"} {
		if w := get(tab, "GET", target); w.Code != 307 || w.Header().Get("Location") != want {
			t.Errorf("%s: %d to %q, want %s", target, w.Code, w.Header().Get("Location"), want)
		}
	}
	w := httptest.NewRecorder()
	tab.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/s/files/app.js", nil))
	if w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
}
