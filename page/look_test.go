package page_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/page/languages"
	"github.com/motacilla-live/motacilla/route"
)

// folder makes a folder of files from pairs of name and text.
func folder(files ...string) fstest.MapFS {
	f := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		f[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return f
}

func look(t *testing.T, o page.LookOptions) *page.Look {
	t.Helper()
	l, err := page.NewLook(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// looking asks a page that has the look, and no transports.
func looking(t *testing.T, o page.Options, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	src := newSource()
	if o.SignIn == nil {
		o.SignIn = func(http.ResponseWriter, *http.Request, string) error { return motacilla.ErrForbidden }
	}
	table := route.NewTable()
	pages := page.New(src, src.snapshot, &o)
	table.NotFound = pages.NotFound
	for _, rt := range pages.URLs() {
		if strings.Contains(rt.Pattern, "{channel_id}") {
			rt = route.Guard(rt, route.Read, func(_ *http.Request, ch motacilla.ChannelID, _ route.Action) (route.Grant, error) {
				if ch == "secret" {
					return route.Grant{}, motacilla.ErrForbidden
				}
				return route.Grant{}, nil
			})
		}
		if err := table.Add("page", "/", rt); err != nil {
			t.Fatal(err)
		}
	}
	r, w := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody), httptest.NewRecorder()
	r.Header.Set("Accept", "text/html")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if err := r.ParseForm(); err != nil { // as middleware may do
		t.Fatal(err)
	}
	table.ServeHTTP(w, r)
	return w
}

func contains(t *testing.T, what, body string, want ...string) {
	t.Helper()
	for _, text := range want {
		if !strings.Contains(body, text) {
			t.Errorf("%s lacks %s:\n%s", what, text, body)
		}
	}
}

// TestOwnTemplates replaces single templates. The others are the look's own.
func TestOwnTemplates(t *testing.T) {
	l := look(t, page.LookOptions{
		Templates: folder(
			"header.html", `<header class="mine"><img src="{{asset "logo.svg"}}" alt="{{.Site}}"></header>`,
			"footer.html", `<footer>{{template "imprint.html" .}} {{.Kind}}</footer>`,
			"imprint.html", `<p>Imprint of {{.Site}}</p>`,
			"token.html", `<p class="mine">{{.Text}}</p><form method="post" action="/sign-in"><input name="token"><input name="next" value="{{.Next}}"></form>`,
			"assets/logo.svg", `<svg xmlns="http://www.w3.org/2000/svg"/>`,
		),
		Styles: func() ([]byte, error) { return []byte(":root{--motacilla-accent:teal}"), nil },
	})
	o := page.Options{Name: "Our <site>", Look: l}
	for path, kind := range map[string]string{"/": "index", "/channels/match": "channel", "/channels/none": "error"} {
		body := looking(t, o, path).Body.String()
		contains(t, path, body, `<header class="mine"><img src="/assets/logo.`, `alt="Our &lt;site&gt;"`, `<p>Imprint of Our &lt;site&gt;</p> `+kind)
		if ours, own := strings.Index(body, "/assets/style."), strings.Index(body, "/assets/site."); ours < 0 || own < ours {
			t.Errorf("%s: the style sheets stand at %d and %d", path, ours, own)
		}
	}
	contains(t, "signing in", looking(t, o, "/channels/secret").Body.String(), `<p class="mine">Enter the token`, `value="/channels/secret"`)
	for name, want := range map[string]string{"logo.svg": "<svg", "site.css": "teal", "words.en.json": `"key_event":"Key event"`} {
		w := looking(t, o, "/assets/"+name)
		if w.Code != http.StatusOK || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		contains(t, name, w.Body.String(), want)
	}
	if w := looking(t, o, "/assets/words.pl.json"); w.Code != http.StatusNotFound || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("a language that is missing: %d %v", w.Code, w.Header())
	}
}

func TestOwnPostTemplate(t *testing.T) {
	l := look(t, page.LookOptions{Templates: folder("post.html",
		`<article class="live-post" data-post-id="{{.ID}}">{{.Channel}}: {{.Author}}, {{.When .Created}}{{range .Content}}{{safe .Text}}{{end}}</article>`)})
	at := time.Date(2026, 5, 1, 12, 30, 0, 0, time.UTC)
	rendered, err := l.Renderer().RenderPostIn("match", motacilla.Post{
		ID: motacilla.NewPostID(at), Author: "<Ada>", Created: at, Modified: at, Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML("<p>Goal!</p>"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	contains(t, "the post", rendered.String(), "match: &lt;Ada&gt;, 1 May 2026, 12:30 UTC<p>Goal!</p>")
}

// TestOurTemplates gives our templates as a site's own, which then are checked.
func TestOurTemplates(t *testing.T) {
	set, err := languages.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range set.Tags() {
		look(t, page.LookOptions{Templates: os.DirFS("templates"), Languages: set, Language: tag})
	}
}

func TestBrokenTemplates(t *testing.T) {
	ours := func(name, old, with string) string {
		text, err := os.ReadFile("templates/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), old) {
			t.Fatalf("%s has no %s", name, old)
		}
		return strings.Replace(string(text), old, with, 1)
	}
	for _, tt := range []struct{ name, file, text, want string }{
		{"does not parse", "error.html", "<p>\n{{if .Text}}", "template: error.html:2: unexpected EOF"},
		{"a field that there is not", "header.html", "<p>\n\n{{.Sight}}", "template: header.html:3:2: executing"},
		{"a word that there is not", "index.html", "<h1>\n{{.Word \"titel\"}}", `the language en has no word "titel"`},
		{"a template that there is not", "channel.html", "{{template \"post.html\"}}\n{{template \"none.html\"}}", `no such template "none.html"`},
		{"an asset that there is not", "header.html", "<img src=\"{{asset \"logo.png\"}}\">", `there is no asset "logo.png"`},
		{"markup that can't be escaped", "header.html", "<a href='{{if .Site}}x'{{end}}>", "header.html"},
		{"nothing uses it", "chanel.html", "<p>", "templates: chanel.html: nothing uses it; pages begin with channel.html, index.html"},
		{"no list", "channel.html", `<script type="module" src="{{asset "live.js"}}"></script>`,
			`templates: channel.html: must have the list of posts, an element with the ID live-posts; {{template "posts.html" .}} writes it`},
		{"a list without attributes", "posts.html", ours("posts.html", ` data-heartbeat="{{.Heartbeat}}"`, ""),
			"the element with the ID live-posts must have the attributes data-heartbeat"},
		{"a list that is not live", "posts.html", ours("posts.html", `{{if not .Past}} data-live="auto"{{end}}`, ""), "the attributes data-live"},
		{"posts without wrappers", "posts.html", ours("posts.html", `class="live-post-wrapper"`, ""), "of the class live-post-wrapper"},
		{"wrappers without attributes", "posts.html", ours("posts.html", `data-pinned="{{.Pinned}}"`, ""), "must have the attributes data-pinned"},
		{"no script", "head.html", ours("head.html", `<script type="module"`, `<script`), `must have <script type="module"`},
		{"a post without its ID", "post.html", `<div class="live-post">{{.Author}}</div>`,
			`templates: post.html: must be one element with the class live-post and data-post-id="{{.ID}}"`},
		{"a post of two elements", "post.html", `<div class="live-post" data-post-id="{{.ID}}"></div><hr>`, "must be one element"},
		{"no form", "token.html", "<p>Private</p>", `templates: token.html: must have <form method="post" action="/sign-in">`},
		{"a form without a field", "token.html", `<form method="post" action="/sign-in"><input name="token"></form>`, "an input with the name next"},
		{"an asset of a name that is taken", "assets/live.js", "", "assets/live.js: must have another name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := page.NewLook(page.LookOptions{Templates: folder(tt.file, tt.text)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v\nwant %s", err, tt.want)
			}
		})
	}
	_, err := page.NewLook(page.LookOptions{Styles: func() ([]byte, error) { return nil, fs.ErrNotExist }})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "styles: ") {
		t.Errorf("a style sheet that is missing: %v", err)
	}
}

// TestTemplateThatFails: a template may fail with a channel or a post that the samples are unlike. The reader does not see
// why, so the site is told.
func TestTemplateThatFails(t *testing.T) {
	older := "/channels/match?before=" + motacilla.FormatTime(start.Add(time.Minute)) + "_" + string(motacilla.NewPostID(start.Add(time.Minute)))
	for _, tt := range []struct {
		file, text, path string
		status           int
	}{
		{"index.html", `{{if eq .Site "Motacilla"}}{{index .Channels 99}}{{end}}`, "/", http.StatusInternalServerError},
		{"error.html", `{{if eq .Site "Motacilla"}}{{index .Text 9999}}{{end}}`, "/channels/none", http.StatusInternalServerError},
		{"post.html", `<div class="live-post" data-post-id="{{.ID}}">{{if eq .Channel "match"}}{{index .Content 99}}{{end}}</div>`, older, http.StatusOK},
	} {
		var failed []error
		o := page.Options{
			Look:   look(t, page.LookOptions{Templates: folder(tt.file, tt.text)}),
			Failed: func(_ *http.Request, err error) { failed = append(failed, err) },
		}
		if w := looking(t, o, tt.path); w.Code != tt.status {
			t.Errorf("%s: %d, want %d", tt.file, w.Code, tt.status)
		}
		if len(failed) == 0 || !strings.Contains(failed[0].Error(), tt.file+":1:") {
			t.Errorf("%s: Failed gets %v", tt.file, failed)
		}
	}
}

// TestFilesOfOtherPrograms: editors and the system keep files that begin with a dot beside those of the look. Kubernetes
// makes each file a link into a folder whose name begins with two.
func TestFilesOfOtherPrograms(t *testing.T) {
	dir := t.TempDir()
	volume := filepath.Join(dir, "assets", "..2026_05_01")
	if err := os.MkdirAll(volume, 0o755); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{
		"assets/..data": "..2026_05_01", "assets/logo.svg": "..data/logo.svg", ".#footer.html": "ada@desk.42",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	logo := filepath.Join(volume, "logo.svg")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(logo, "<svg/>")
	write(filepath.Join(dir, "assets", ".DS_Store"), "the system's")
	write(filepath.Join(dir, "._footer.html"), "{{the system's")
	o := page.Options{Look: look(t, page.LookOptions{Templates: os.DirFS(dir)})}
	for name, want := range map[string]int{"logo.svg": http.StatusOK, ".DS_Store": http.StatusNotFound} {
		if w := looking(t, o, "/assets/"+name); w.Code != want {
			t.Errorf("%s: %d, want %d", name, w.Code, want)
		}
	}
	if err := os.Truncate(logo, 9<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := page.NewLook(page.LookOptions{Templates: os.DirFS(dir)}); err == nil || !strings.Contains(err.Error(), "logo.svg: has 9437184 bytes") {
		t.Errorf("a link to a large file: %v", err)
	}
}

func TestChannelLanguages(t *testing.T) {
	set, err := languages.New()
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	l := look(t, page.LookOptions{
		Languages: set, Language: "fr", ChannelLanguages: []string{"mat*=de-AT", "secret=ar", "*=es"}, TimeZone: berlin,
	})
	o := page.Options{Look: l, Renderer: l.Renderer()}
	older := "/channels/match?before=2026-05-01T12:30:00.000000Z_" + string(motacilla.NewPostID(start))
	contains(t, "the channel", looking(t, o, "/channels/match").Body.String(), `<html lang="de-AT" dir="ltr"`, `aria-label="Beiträge"`, `"new_posts":{"one":"{count} neuer Beitrag"`)
	contains(t, "older posts", looking(t, o, older).Body.String(), "Zu den neuesten Beiträgen", "1. Mai 2026, 14:29 CEST")
	contains(t, "the private channel", looking(t, o, "/channels/secret").Body.String(), `<html lang="ar" dir="rtl"`, "هذه الصفحة خاصة")
	contains(t, "a channel that is missing", looking(t, o, "/channels/none").Body.String(), `lang="es"`, "Esta página no existe")
	contains(t, "the index", looking(t, o, "/").Body.String(), `<html lang="fr"`, "Début : <time datetime=", "1 mai 2026 à 14:00 CEST")
	contains(t, "a path that is missing", looking(t, o, "/nothing").Body.String(), `<html lang="fr"`, "Cette page n’existe pas")
	for _, tt := range []struct {
		o    page.LookOptions
		want string
	}{
		{page.LookOptions{Language: "de"}, `language: there is no language "de"; there is en`},
		{page.LookOptions{Languages: set, Language: "pl"}, `language: there is no language "pl"; there are ar, de, en`},
		{page.LookOptions{Languages: set, ChannelLanguages: []string{"x=pl"}}, `channel_languages: "x=pl": there is no language "pl"`},
		{page.LookOptions{Languages: set, ChannelLanguages: []string{"x"}}, `channel_languages: "x" must be PATTERN=TAG`},
		{page.LookOptions{Languages: set, ChannelLanguages: []string{"[=de"}}, `channel_languages: "[=de" must be PATTERN=TAG`},
		{page.LookOptions{Languages: set, Language: "de_AT"}, `language: "de_AT" must be a BCP 47 tag, such as de or pt-BR`},
		{page.LookOptions{Languages: set, ChannelLanguages: []string{"x=de_AT"}}, `"de_AT" must be a BCP 47 tag`},
		{page.LookOptions{Language: "en-"}, `language: "en-" must be a BCP 47 tag`},
		{page.LookOptions{LanguageFiles: folder()}, "languages: files of languages need LookOptions.Languages"},
		{page.LookOptions{Languages: set, LanguageFiles: folder("de.yaml", "words: 1")}, "languages: de.yaml: "},
	} {
		if _, err := page.NewLook(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error is %v\nwant %s", err, tt.want)
		}
	}
}

// TestReload changes the files of a look between two requests.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("footer.html", "<footer>one</footer>")
	write("site.css", "p{color:red}")
	styles := func() ([]byte, error) { return os.ReadFile(filepath.Join(dir, "site.css")) }
	for _, reload := range []bool{true, false} {
		write("footer.html", "<footer>one</footer>")
		_ = os.Remove(filepath.Join(dir, "post.html"))
		o := page.Options{Look: look(t, page.LookOptions{Templates: os.DirFS(dir), Styles: styles, Reload: reload})}
		first := looking(t, o, "/channels/match")
		contains(t, "the page", first.Body.String(), "<footer>one</footer>", `class="post-body"`)

		write("footer.html", "<footer>two</footer>")
		write("post.html", `<p class="live-post" data-post-id="{{.ID}}">anew</p>`)
		write("site.css", "p{color:blue}")
		second := looking(t, o, "/channels/match", "If-None-Match", first.Header().Get("ETag"))
		if !reload {
			if second.Code != http.StatusNotModified {
				t.Errorf("without reload: %d", second.Code)
			}
			continue
		}
		contains(t, "the page after the change", second.Body.String(), "<footer>two</footer>", ">anew</p>")
		contains(t, "the style sheet after the change", looking(t, o, "/assets/site.css").Body.String(), "blue")

		write("footer.html", "\n{{if .Site}}")
		broken := looking(t, o, "/channels/match")
		if broken.Code != http.StatusInternalServerError {
			t.Errorf("a broken look: %d", broken.Code)
		}
		contains(t, "the page of a broken look", broken.Body.String(), "template: footer.html:2: unexpected EOF")
		contains(t, "the style sheet of a broken look", looking(t, o, "/assets/site.css").Body.String(), "blue")
		html, err := o.Look.Renderer().RenderPost(motacilla.Post{ID: "x"})
		if err != nil || !strings.Contains(html.String(), "anew") {
			t.Errorf("a post of a broken look: %s, %v", html, err)
		}
		write("footer.html", "<footer>three</footer>")
		contains(t, "the page that is whole again", looking(t, o, "/channels/match").Body.String(), "<footer>three</footer>")
	}
}

// TestLookBelowAPath: two sites at different paths share a look, and the URLs of each begin with its path.
func TestLookBelowAPath(t *testing.T) {
	l := look(t, page.LookOptions{Templates: folder(
		"header.html", `<a href="{{home}}"><img src="{{asset "logo.svg"}}" alt=""></a>`, "assets/logo.svg", "<svg/>",
	), Styles: func() ([]byte, error) { return []byte("p{}"), nil }})
	for _, base := range []string{"", "/news/live", ""} {
		o := page.Options{Look: l, Base: base}
		body := looking(t, o, "/channels/match").Body.String()
		contains(t, "the page", body, `<a href="`+base+`/"><img src="`+base+`/assets/logo.`, `href="`+base+`/assets/site.`,
			`data-transports="`+base+`/channels/match/transports"`)
		contains(t, "signing in", looking(t, o, "/channels/secret").Body.String(), `action="`+base+`/sign-in"`, `value="`+base+`/channels/secret"`)
	}
}
