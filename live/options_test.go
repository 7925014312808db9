package live_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// loud renders a post as nobody else does.
type loud struct{}

func (loud) RenderPost(p motacilla.Post) (motacilla.HTML, error) {
	return motacilla.TrustedHTML(fmt.Sprintf(`<div class="live-post" data-post-id="%s"><p>LOUD</p></div>`, p.ID)), nil
}

// TestEveryOption sets all options and asks for what each of them changes, with and without the base path: a router may
// remove it.
func TestEveryOption(t *testing.T) {
	t.Parallel()
	says := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
	}
	o := options(t)
	o.PublicURL = "https://example.org" + base
	o.Origins = []string{"https://www.example.org"}
	o.TrustedProxies = []string{"192.0.2.0/24"} // that of httptest's requests
	o.Page = page.Options{Name: "The paper", PageSize: 2}
	o.Renderer = loud{}
	o.Feed.Limits = publisher.Limits{Readers: 100}
	o.RequestsPerAddress = 1000
	o.Routes = []route.Route{{Name: "about", Pattern: "/about", Handler: says("about us")}}
	o.Operations = []route.Route{{Name: "health", Pattern: "/health", Handler: says("well")}}
	o.Logger = zap.NewNop()
	o.Metrics = prometheus.NewRegistry()
	o.Tracer = func(ctx context.Context, _ string, _ motacilla.ChannelID) (context.Context, func(error)) {
		return ctx, func(error) {}
	}
	s := start(t, o)
	for i := range 3 {
		s.post(fmt.Sprint("post ", i))
	}
	for _, prefix := range []string{base, ""} {
		for _, tt := range []struct{ path, want string }{
			{"/", "The paper"},
			{"/channels/match", "LOUD"},
			{"/channels/match", `href="` + base + `/channels/match?before=`}, // two posts on a page
			{"/channels/match", `data-transports="` + base + `/channels/match/transports"`},
			{"/channels/match/transports", `"https://example.org` + base + `/live/sse/match/"`},
			{"/live/interval-polling/match/?since=0", "LOUD"},
			{"/api/channels", `"match"`},
			{"/api/openapi.json", `"url":"` + base + `"`},
			{"/about", "about us"},
			{"/health", "well"},
		} {
			w := s.ask("GET", prefix+tt.path, "", "Origin", "https://www.example.org")
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("%s%s: %d, want %q in\n%s", prefix, tt.path, w.Code, tt.want, w.Body)
			}
		}
		w := s.ask("GET", prefix+"/live/interval-polling/match/?since=0", "", "Origin", "https://www.example.org")
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != "https://www.example.org" {
			t.Errorf("%s: the origin that may read is %q", prefix, got)
		}
		w = s.ask("GET", prefix+"/channels/members", "", "Accept", "text/html")
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `action="`+base+`/sign-in"`) {
			t.Errorf("%s: private: %d\n%s", prefix, w.Code, w.Body)
		}
		if !strings.Contains(w.Body.String(), `value="`+base+`/channels/members"`) {
			t.Errorf("%s: signing in does not lead back:\n%s", prefix, w.Body)
		}
		w = s.ask("POST", prefix+"/sign-in", "token=a+token+of+the+tests&next="+base+"/channels/members",
			"Content-Type", "application/x-www-form-urlencoded", "X-Forwarded-Proto", "https", "X-Forwarded-For", "198.51.100.7")
		cookie := w.Header().Get("Set-Cookie")
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != base+"/channels/members" ||
			!strings.Contains(cookie, "Path="+base) || !strings.Contains(cookie, "Secure") {
			t.Errorf("%s: signing in: %d to %q, cookie %q", prefix, w.Code, w.Header().Get("Location"), cookie)
		}
		w = s.ask("GET", prefix+"/channels/members", "", "Cookie", strings.Split(cookie, ";")[0])
		if w.Code != http.StatusOK {
			t.Errorf("%s: signed in: %d", prefix, w.Code)
		}
		w = s.ask("GET", prefix+"/nothing", "", "Accept", "text/html")
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), `href="`+base+`/"`) {
			t.Errorf("%s: nothing: %d\n%s", prefix, w.Code, w.Body)
		}
	}
	if got, err := s.URL("page", "a b"); err != nil || got != base+"/channels/a%20b/" {
		t.Errorf("the URL of a page is %q, %v", got, err)
	}
	for _, rt := range s.Routes() {
		if !strings.HasPrefix(rt.Pattern, base+"/") {
			t.Errorf("the route %s is at %s", rt.Name, rt.Pattern)
		}
	}
}

// TestRequestsPerAddress: an address that asks too often is refused, and whoever runs the server is not.
func TestRequestsPerAddress(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.RequestsPerAddress = 1
	fine := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	o.Operations = []route.Route{{Pattern: "/health", Handler: fine}, {Pattern: "alive/", Handler: fine}, {Pattern: "/debug/{file...}", Handler: fine}}
	s := start(t, o)
	path := ""
	refused := func() bool {
		w := s.ask("GET", base+path, "")
		return w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") != ""
	}
	for _, path = range []string{"/assets/none", "/channels/match", "/live/interval-polling/match/", "/api/channels", "/nothing"} {
		await(t, "requests of "+path+" are refused", refused)
	}
	for range 100 {
		for _, path := range []string{base + "/health", "/health/", base + "/alive", "/debug/goroutines"} {
			if w := s.ask("GET", path, ""); w.Code != http.StatusOK {
				t.Fatalf("%s: %d", path, w.Code)
			}
		}
	}
}

// TestWrongOptions: the error names the option, and what it must be.
func TestWrongOptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(o *live.Options)
		want   string
	}{
		{"no store", func(o *live.Options) { o.Store = nil }, "live: Store must be set"},
		{"base path", func(o *live.Options) { o.BasePath = "news/" }, "live: BasePath must be a path such as /news/live"},
		{"public URL", func(o *live.Options) { o.PublicURL = "example.org" }, "live: PublicURL must be an http or https URL"},
		{"public URL with a query", func(o *live.Options) { o.PublicURL = "https://example.org/?a" }, "live: PublicURL must be"},
		{"two paths", func(o *live.Options) { o.PublicURL = "https://example.org/other" }, "they must be the same"},
		{"public URL without the path", func(o *live.Options) { o.PublicURL = "https://example.org/" }, "must end in BasePath, " + base},
		{"proxies", func(o *live.Options) { o.TrustedProxies = []string{"proxy"} }, "live: TrustedProxies"},
		{"requests", func(o *live.Options) { o.RequestsPerAddress = -1 }, "live: RequestsPerAddress must not be negative"},
		{"publisher", func(o *live.Options) {
			o.Publishers = func(*live.Parts) []publisher.Publisher { return []publisher.Publisher{nil} }
		}, "live: Publishers must not have a nil, as at 0"},
		{"receiver", func(o *live.Options) {
			o.Receivers = func(*live.Parts) []receiver.Receiver { return []receiver.Receiver{nil} }
		}, "live: Receivers must not have a nil, as at 0"},
	} {
		o := options(t)
		tt.change(&o)
		l, err := live.New(o)
		if err == nil || l != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestPathOfThePublicURL is the base path, if no other is given.
func TestPathOfThePublicURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"https://example.org/a/b", "https://example.org/a/b/"} {
		o := options(t)
		o.BasePath, o.PublicURL = "", url
		s := start(t, o)
		w := s.ask("GET", "/a/b/channels/match/transports", "")
		if !strings.Contains(w.Body.String(), `"https://example.org/a/b/live/sse/match/"`) {
			t.Errorf("%s: %s", url, w.Body)
		}
	}
}

// TestTransportsBelowTheBasePath: without a public URL the list has URLs that are relative to its own URL, with and without
// a slash at its end.
func TestTransportsBelowTheBasePath(t *testing.T) {
	t.Parallel()
	s := start(t, options(t))
	for path, want := range map[string]string{
		"/channels/match/transports":  `"../../live/sse/match/"`,
		"/channels/match/transports/": `"../../../live/sse/match/"`,
	} {
		if w := s.ask("GET", base+path, ""); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %s, want %s", path, w.Body, want)
		}
	}
	o := options(t)
	o.BasePath = ""
	s = start(t, o)
	if w := s.ask("GET", "/channels/match/transports", ""); !strings.Contains(w.Body.String(), `"/live/sse/match/"`) {
		t.Errorf("at the root: %s", w.Body)
	}
}
