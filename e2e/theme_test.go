package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// theme runs the program with the configuration and the files of examples/theme, and with posts that they suit.
func theme(t *testing.T) *program {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../examples/theme")); err != nil {
		t.Fatal(err)
	}
	s := serveIn(t, dir, "sse")
	s.channel(text{"title": "Sturmflut: Der Hafen wartet auf das Hochwasser"})
	now := time.Now().UTC()
	for _, p := range []struct {
		ago          time.Duration
		author, text string
		key, pinned  bool
	}{
		{52, "Jette Brandt", "<p>Der Scheitel wird um 22:40 Uhr erwartet, 2,10 Meter über dem mittleren Hochwasser. Der Fischmarkt ist gesperrt.</p>", false, true},
		{31, "Jette Brandt", "<p>Die Tore an den Landungsbrücken sind zu. Die Fähren fahren bis auf Weiteres nicht.</p>", false, false},
		{16, "", "<p>Die Feuerwehr räumt die untere Hafenstraße.</p>", true, false},
		{7, "Malte Osterkamp", "<p>Am Pegel stehen jetzt 1,64 Meter. Das sind zwanzig Zentimeter mehr als vor einer Stunde, und der Wind dreht auf Nordwest.</p>", false, false},
		{0, "Jette Brandt", "<p>Die U-Bahn fährt wieder.</p>", false, false},
	} {
		s.api(http.MethodPost, "channels/match/posts", text{
			"text": p.text, "author": p.author, "key_event": p.key, "pinned": p.pinned,
			"created": now.Add(-p.ago * time.Minute).Format(time.RFC3339),
		}, nil)
	}
	return s
}

// TestTheme looks at the site of examples/theme.
func TestTheme(t *testing.T) {
	t.Parallel()
	s := theme(t)
	chromium := browser(t)
	p := open(t, chromium, s.url)
	p.live()
	p.until(`document.documentElement.lang === "de" && document.querySelector(".badge--live").textContent === "Jetzt"`)
	p.until(`document.querySelector(".harbour img").naturalWidth > 0 && document.querySelector("footer a").textContent === "Impressum"`)
	p.until(`[...document.styleSheets].map(s => s.href.replace(/.*\/|\.[0-9a-f]{12}/g, "")).join() === "style.css,site.css"`)
	p.until(`getComputedStyle(document.body).backgroundColor === "rgb(223, 241, 244)"`)
	key := s.post("Deich hält")
	p.until(`[...document.querySelectorAll(".post-body")].some(e => e.textContent === "Deich hält")`)
	s.edit(key, text{"key_event": true})
	p.until(`[...document.querySelectorAll(".post-label")].filter(e => e.textContent === "Eilmeldung").length === 2`)

	s.api(http.MethodPost, "channels", text{"id": "final-2026", "title": "Final"}, nil)
	s.api(http.MethodPost, "channels/final-2026/posts", text{"text": "Goal!", "key_event": true}, nil)
	p.goTo(s.site() + "/channels/final-2026")
	p.live()
	p.until(`document.documentElement.lang === "en" && document.querySelector(".post-label").textContent === "Key event" &&
		document.querySelector("footer a").textContent === "Imprint"`)
	p.goTo(s.site() + "/nothing")
	p.until(`document.querySelector(".harbour") && document.querySelector("h1").textContent === "Diese Seite gibt es nicht"`)
}

// TestReload edits a template of a server under development. The next page has the change, and an open page gets new posts
// from the new template.
func TestReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "post.html"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const post = `<div class="live-post" data-post-id="{{.ID}}"><p class="post-body">%: {{range .Content}}{{.Text}}{{end}}</p></div>`
	write(post)
	s := serve(t, "sse", "MOTACILLA_PAGE_TEMPLATES="+dir, "MOTACILLA_PAGE_RELOAD=true")
	s.post("one")
	chromium := browser(t)
	p := open(t, chromium, s.url)
	p.live()
	p.shows("%: one")
	write("anew " + post)
	other := open(t, chromium, s.url)
	other.until(`document.body.textContent.includes("post.html: must be one element with the class live-post")`)
	s.post("two")
	p.shows("%: two", "%: one")
	write("<!-- a comment -->" + post[:len(post)-len("</div>")] + "<hr></div>")
	other.goTo(s.url)
	other.until(`document.querySelectorAll(".live-post hr").length === 2`)
	s.post("three")
	p.until(`document.querySelectorAll(".live-post hr").length === 1`)
	p.shows("%: three", "%: two", "%: one")
}
