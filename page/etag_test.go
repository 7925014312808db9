package page_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/page/languages"
	"github.com/motacilla-live/motacilla/route"
)

// versioned is an app's own renderer.
type versioned struct {
	*page.Renderer
	version string
}

func (v versioned) Version() string { return v.version }

// TestETagCoversOptions restarts the server of a page with one other option. A browser that has the page from before must
// get the new one.
func TestETagCoversOptions(t *testing.T) {
	at := func(origin string) func(motacilla.ChannelID) []page.Transport {
		return func(motacilla.ChannelID) []page.Transport {
			return []page.Transport{{Name: "sse", URL: origin + "/live/sse/match/"}}
		}
	}
	const newest = "/channels/match"
	older := newest + "?before=2026-05-01T12:30:00.000000Z_" + string(motacilla.NewPostID(start))
	set, err := languages.New()
	if err != nil {
		t.Fatal(err)
	}
	before := page.Options{Renderer: versioned{page.NewRenderer(), "1"}, Name: "Before", Heartbeat: time.Second, PageSize: 10, Transports: at("https://a.example.org")}
	for _, c := range []struct {
		name, path string
		change     func(*page.Options)
		want       int
	}{
		{"name", newest, func(o *page.Options) { o.Name = "After" }, http.StatusOK},
		{"heartbeat", newest, func(o *page.Options) { o.Heartbeat = time.Minute }, http.StatusOK},
		{"size", older, func(o *page.Options) { o.PageSize = 20 }, http.StatusOK},
		{"origin of the transports, which is in the policy", newest, func(o *page.Options) {
			o.Transports = at("https://b.example.org")
		}, http.StatusOK},
		{"templates", newest, func(o *page.Options) {
			o.Look = look(t, page.LookOptions{Templates: folder("footer.html", "<p>Imprint</p>")})
		}, http.StatusOK},
		{"style sheet", newest, func(o *page.Options) {
			o.Look = look(t, page.LookOptions{Styles: func() ([]byte, error) { return []byte("p{}"), nil }})
		}, http.StatusOK},
		{"time zone", newest, func(o *page.Options) {
			o.Look = look(t, page.LookOptions{TimeZone: time.FixedZone("X", 3600)})
		}, http.StatusOK},
		{"language of the channel", newest, func(o *page.Options) {
			o.Look = look(t, page.LookOptions{Languages: set, ChannelLanguages: []string{"match=de"}})
		}, http.StatusOK},
		{"words", newest, func(o *page.Options) {
			o.Look = look(t, page.LookOptions{Languages: set, LanguageFiles: folder("en.yaml", "language: en\nwords: {badge: Now}")})
		}, http.StatusOK},
		{"a renderer of another version", newest, func(o *page.Options) { o.Renderer = versioned{page.NewRenderer(), "2"} }, http.StatusOK},
		{"a renderer of the same version", newest, func(o *page.Options) { o.Renderer = versioned{page.NewRenderer(), "1"} },
			http.StatusNotModified},
		{"nothing", newest, func(*page.Options) {}, http.StatusNotModified},
		{"nothing, older posts", older, func(*page.Options) {}, http.StatusNotModified},
	} {
		t.Run(c.name, func(t *testing.T) {
			ask := func(o page.Options, tag string) (status int, etag string) {
				src := newSource()
				table := route.NewTable()
				if err := table.Add("page", "/", page.New(src, src.snapshot, &o).URLs()...); err != nil {
					t.Fatal(err)
				}
				r, w := httptest.NewRequest("GET", c.path, nil), httptest.NewRecorder()
				if tag != "" {
					r.Header.Set("If-None-Match", tag)
				}
				table.ServeHTTP(w, r)
				return w.Code, w.Header().Get("ETag")
			}
			status, tag := ask(before, "")
			if status != http.StatusOK || tag == "" {
				t.Fatalf("first answer: %d, ETag %q", status, tag)
			}
			after := before
			c.change(&after)
			if status, _ := ask(after, tag); status != c.want {
				t.Errorf("after the restart: %d, want %d", status, c.want)
			}
		})
	}
}
