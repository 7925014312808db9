package route_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// says returns a handler that answers with the name and the path's values.
func says(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(name + "(" + r.PathValue("channel_id") + r.PathValue("post") + ")"))
	})
}

func table(t *testing.T) *route.Table {
	t.Helper()
	tab := route.NewTable()
	for _, err := range []error{
		tab.Add("polling", "/live", route.Route{Name: "poll", Pattern: "poll/{channel_id}/", Handler: says("poll")}),
		tab.Add("socket", "/live", route.Route{Name: "ws", Pattern: "/ws/channel/{channel_id}", Handler: says("ws")}),
		tab.Add("page", "/", route.Route{Name: "home", Pattern: "", Handler: says("home")},
			route.Route{Name: "post", Pattern: "c/{channel_id}/p/{post}", Handler: says("post")}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return tab
}

func get(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

func TestTableMounts(t *testing.T) {
	tab := table(t)
	for target, want := range map[string]string{
		"/":                         "home()",
		"/live/poll/match-42/":      "poll(match-42)",
		"/live/poll/match-42":       "poll(match-42)",
		"/live/poll/match-42?since": "poll(match-42)",
		"/live/poll/a%2Fb/":         "poll(a/b)",
		"/live/poll/a%40b":          "poll(a@b)",
		"/live/poll/%2e%2e/":        "poll(..)",
		"/live/poll/%252F/":         "poll(%2F)",
		"/ws/channel/c/":            "ws(c)",
		"/c/a/p/b":                  "post(ab)",
		// nothing beneath, nothing around, and no redirect to what it might have meant
		"/live/poll/match-42/x":      "",
		"/live/poll/":                "",
		"/live/poll":                 "",
		"/live/ws/channel/c/":        "",
		"/nothing":                   "",
		"//live/poll/match-42/":      "",
		"/live//poll/match-42/":      "",
		"/live/poll//":               "",
		"/live/poll/match-42//":      "",
		"/live/poll/./":              "",
		"/live/poll/../poll/c/":      "",
		"/live/poll/c/..":            "",
		"/../live/poll/match-42/":    "",
		"//evil.example/..":          "",
		"/live%2Fpoll/match-42/":     "",
		"/LIVE/poll/match-42/":       "",
		"//":                         "",
		"/%2F":                       "",
		"/live/poll/match-42/%2F":    "",
		"/live/poll/%2f":             "",
		"/live/poll/match-42/%2e%2e": "",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "DELETE"} {
			w := get(tab, method, target)
			if want == "" && (w.Code != 404 || w.Header().Get("Content-Type") != "application/problem+json") {
				t.Errorf("%s %s: %d %s %s", method, target, w.Code, w.Header().Get("Location"), w.Body)
			}
			if want != "" && (w.Code != 200 || w.Body.String() != want) {
				t.Errorf("%s %s: %d %s, want %s", method, target, w.Code, w.Body, want)
			}
		}
	}
}

func TestTableRefuses(t *testing.T) {
	h := says("x")
	for name, c := range map[string]struct {
		base string
		rt   route.Route
		want []string
	}{
		"name":             {"/live", route.Route{Name: "poll", Pattern: "other", Handler: h}, []string{"polling", "new", `"poll"`}},
		"pattern":          {"/live", route.Route{Pattern: "poll/{id}", Handler: h}, []string{"polling", "new", "/live/poll/{id}/"}},
		"pattern, escaped": {"", route.Route{Pattern: "/liv%65/poll/{id}", Handler: h}, []string{"polling", "new"}},
		"root":             {"", route.Route{Pattern: "/", Handler: h}, []string{"page", "new"}},
		"overlap":          {"", route.Route{Pattern: "/ws/{x}/fixed", Handler: h}, []string{"socket", "new", "overlap", "/ws/{x}/fixed/"}},
		"no handler":       {"", route.Route{Pattern: "/x"}, []string{"new", "/x"}},
		"method":           {"", route.Route{Pattern: "GET /x", Handler: h}, []string{"new"}},
		"method, tab":      {"", route.Route{Pattern: "GET\t/x", Handler: h}, []string{"new"}},
		"query":            {"", route.Route{Pattern: "/x?y", Handler: h}, []string{"new", "/x?y"}},
		"empty part":       {"", route.Route{Pattern: "/x//y", Handler: h}, []string{"new", "/x//y"}},
		"dots":             {"", route.Route{Pattern: "/x/../y", Handler: h}, []string{"new", "/x/../y"}},
		"base, no slash":   {"live", route.Route{Pattern: "x", Handler: h}, []string{"new", "live/x"}},
		"open brace":       {"", route.Route{Pattern: "/{x", Handler: h}, []string{"new", "/{x"}},
		"part wildcard":    {"", route.Route{Pattern: "/a{x}", Handler: h}, []string{"new", "/a{x}"}},
		"no wildcard name": {"", route.Route{Pattern: "/a/{}", Handler: h}, []string{"new", "/a/{}"}},
		"wildcard twice":   {"", route.Route{Pattern: "/{x}/{x}/q", Handler: h}, []string{"new", "{x}"}},
		"rest, no end":     {"", route.Route{Pattern: "/q/{x...}/y", Handler: h}, []string{"new", "{x...}"}},
		"rest, overlap":    {"", route.Route{Pattern: "/ws/{x}/fixed/{y...}", Handler: h}, []string{"socket", "new", "overlap"}},
		"end":              {"", route.Route{Pattern: "/q/{$}", Handler: h}, []string{"new", "{$}"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := table(t).Add(`publisher "new"`, c.base, c.rt)
			if err == nil {
				t.Fatal("was mounted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not name %q", err, want)
				}
			}
			if strings.Contains(err.Error(), ".go:") {
				t.Errorf("%q shows where the code is", err)
			}
		})
	}
}

func TestTableMoreSpecific(t *testing.T) {
	tab := table(t)
	if err := tab.Add("fixed", "/live", route.Route{Pattern: "poll/demo", Handler: says("fixed")}); err != nil {
		t.Fatal(err)
	}
	if got := get(tab, "GET", "/live/poll/demo/").Body.String(); got != "fixed()" {
		t.Error(got)
	}
}

func TestTableURL(t *testing.T) {
	tab := table(t)
	for _, c := range []struct {
		name   string
		params []string
		want   string
	}{
		{"poll", []string{"match-42"}, "/live/poll/match-42/"},
		{"poll", []string{"a/b c?d#e%"}, "/live/poll/a%2Fb%20c%3Fd%23e%25/"},
		{"poll", []string{"A.b_c~d:e@f+g"}, "/live/poll/A.b_c~d:e@f+g/"},
		{"post", []string{"c", "p"}, "/c/c/p/p/"},
		{"home", nil, "/"},
		{"poll", nil, ""}, {"poll", []string{"a", "b"}, ""}, {"poll", []string{""}, ""}, {"poll", []string{".."}, ""},
		{"none", nil, ""}, {"", nil, ""},
	} {
		got, err := tab.URL(c.name, c.params...)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s %q: %q, %v", c.name, c.params, got, err)
		}
		if c.name == "poll" && err == nil && get(tab, "GET", got).Body.String() != "poll("+c.params[0]+")" {
			t.Errorf("%s does not lead back", got)
		}
	}
}

func TestGuard(t *testing.T) {
	expires := motacilla.Revision(5).Time()
	var asked []string
	authorize := func(_ *http.Request, ch motacilla.ChannelID, action route.Action) (route.Grant, error) {
		asked = append(asked, string(ch)+" "+string(action))
		switch ch {
		case "secret":
			return route.Grant{}, motacilla.ErrForbidden
		case "brief":
			return route.Grant{Expires: expires}, nil
		}
		return route.Grant{}, nil
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g := route.GrantOf(r); !g.Expires.IsZero() {
			_, _ = w.Write([]byte(g.Expires.String()))
		}
	})
	tab := route.NewTable()
	open := route.Route{Pattern: "/a/{channel_id}", Handler: handler}
	own := route.Route{Pattern: "/b/{channel_id}", Handler: handler,
		Refuse: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusTeapot) }}
	err := tab.Add("test", "", route.Guard(open, route.Read, authorize), route.Guard(own, route.Write, authorize))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		target string
		code   int
		body   string
		asked  string
	}{
		{"/a/c/", 200, "", "c read"},
		{"/b/c/", 200, "", "c write"},
		{"/a/brief/", 200, expires.String(), "brief read"},
		{"/a/secret/", 403, "forbidden", "secret read"},
		{"/b/secret", 418, "", "secret write"},
		{"/a/a%2Fb/", 400, `"field":"channel_id"`, ""},
		{"/a/%2e%2e/", 400, `"field":"channel_id"`, ""},
		{"/a/%00/", 400, `"field":"channel_id"`, ""},
		{"/b/%20/", 418, "", ""},
	} {
		asked = nil
		w := get(tab, "GET", c.target)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.body) || strings.Join(asked, ",") != c.asked {
			t.Errorf("%s: %d %s, asked %q", c.target, w.Code, w.Body, asked)
		}
	}
	if g := route.GrantOf(httptest.NewRequest("GET", "/", nil)); g != (route.Grant{}) {
		t.Error(g)
	}
}

func TestRoutesAreAbsolute(t *testing.T) {
	table := route.NewTable()
	h := http.NotFoundHandler()
	if err := table.Add("x", "/live", route.Route{Name: "a", Pattern: "a/{channel_id}", Handler: h}, route.Route{Pattern: "/b/", Handler: h}); err != nil {
		t.Fatal(err)
	}
	routes := table.Routes()
	if len(routes) != 2 || routes[0].Pattern != "/live/a/{channel_id}/" || routes[0].Name != "a" || routes[1].Pattern != "/b/" {
		t.Errorf("routes %+v", routes)
	}
}
