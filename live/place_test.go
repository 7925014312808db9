package live_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/route"
)

var nothing = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

// TestConflicts: if two parts of a site claim the same path or name, the error names both.
func TestConflicts(t *testing.T) {
	t.Parallel()
	twoStreams := func(p *live.Parts) []publisher.Publisher {
		return []publisher.Publisher{sse.New(p.Feed, nil), sse.New(p.Feed, &sse.Options{Path: "other/{channel_id}"})}
	}
	for _, tt := range []struct {
		name   string
		change func(o *live.Options)
		want   []string
	}{
		{"the app's route and the index", func(o *live.Options) {
			o.Routes = []route.Route{{Pattern: "/", Handler: nothing}}
		}, []string{"the live page", "a route of the app", "the path /"}},
		{"the app's route and a publisher", func(o *live.Options) {
			o.Routes = []route.Route{{Pattern: "/live/sse/{match}", Handler: nothing}}
		}, []string{`publisher "sse"`, "a route of the app", "/live/sse/{match}"}},
		{"the app's route and a receiver", func(o *live.Options) {
			o.Routes = []route.Route{{Pattern: "/api/channels", Handler: nothing}}
		}, []string{`receiver "api-openapi"`, "a route of the app", "/api/channels"}},
		{"the app's route and one for operating", func(o *live.Options) {
			o.Operations = []route.Route{{Pattern: "/health", Handler: nothing}}
			o.Routes = []route.Route{{Pattern: "/health", Handler: nothing}}
		}, []string{"the server", "a route of the app", "/health"}},
		{"paths that overlap", func(o *live.Options) {
			o.Routes = []route.Route{{Pattern: "/{any}/match", Handler: nothing}}
		}, []string{"the live page", "a route of the app", "overlap"}},
		{"a route below the base path", func(o *live.Options) {
			o.Routes = []route.Route{{Pattern: base + "/channels/{id}", Handler: nothing}}
		}, []string{"the live page", "a route of the app"}},
		{"two routes with one name", func(o *live.Options) {
			o.Routes = []route.Route{{Name: "page", Pattern: "/mine", Handler: nothing}}
		}, []string{"the live page", "a route of the app", `name "page"`}},
		{"a publisher twice", func(o *live.Options) { o.Publishers = twoStreams }, []string{`publisher "sse" and publisher "sse"`}},
	} {
		o := options(t)
		tt.change(&o)
		_, err := live.New(o)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", tt.name, err, want)
			}
		}
	}
}

// TestOwnPages: an app has its own page at /, its own folder, and answers everything else itself, as a single-page app does.
func TestOwnPages(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"index.html": {Data: []byte("the app's own page")}, "app.js": {Data: []byte("own()")}, "pic/a.txt": {Data: []byte("a")},
	}
	o := options(t)
	o.Page = page.Options{NoIndex: true, NoChannels: true}
	o.Routes = []route.Route{
		{Pattern: "/", Handler: route.Files(files, "index.html")},
		{Pattern: "/static/{file...}", Handler: route.Files(files, "")},
		{Pattern: "/{path...}", Handler: route.Files(files, "index.html")},
	}
	s := start(t, o)
	for _, prefix := range []string{base, ""} {
		for path, want := range map[string]string{
			"/": "the app's own page", "/app.js": "own()", "/static/pic/a.txt": "a",
			"/channels/match": "the app's own page", "/sign-in": "the app's own page",
			"/channels/match/transports": `"transports"`, "/assets/live.js": "", "/live/interval-polling/match/": `"match"`,
		} {
			w := s.ask("GET", prefix+path, "")
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s%s: %d, want %q in %.200s", prefix, path, w.Code, want, w.Body)
			}
		}
		older := prefix + "/channels/match/older"
		if w := s.ask("GET", older, ""); w.Code != http.StatusBadRequest {
			t.Errorf("%s without a place: %d", older, w.Code)
		}
		w := s.ask("GET", older+"?before=2999-05-01T12:30:00.000000Z_"+string(motacilla.NewPostID(time.Now())), "")
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="live-posts"`) {
			t.Errorf("%s: %d %s", older, w.Code, w.Body)
		}
		if w := s.ask("GET", strings.Replace(older, "match", "members", 1)+"?before=x", ""); w.Code != http.StatusForbidden {
			t.Errorf("older posts of a private channel: %d", w.Code)
		}
		if w := s.ask("GET", prefix+"/static/none", ""); w.Code != http.StatusNotFound {
			t.Errorf("%s/static/none: %d", prefix, w.Code)
		}
	}
}

// TestHomeWithoutAnIndex: the pages lead to the app's own page.
func TestHomeWithoutAnIndex(t *testing.T) {
	t.Parallel()
	for home, want := range map[string]string{"": `href="/"`, "/start": `href="/start"`} {
		o := options(t)
		o.Page = page.Options{NoIndex: true, Home: home}
		s := start(t, o)
		if w := s.ask("GET", base+"/", "", "Accept", "text/html"); w.Code != http.StatusNotFound {
			t.Errorf("there is an index: %d", w.Code)
		}
		if w := s.ask("GET", base+"/channels/match", ""); !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page does not have %s:\n%s", want, w.Body)
		}
	}
}
