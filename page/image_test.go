package page_test

import (
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/page"
)

// TestImages: the HTML of images. A placeholder has the size of the image, so that nothing moves when it comes. The page's
// Content-Security-Policy forbids style attributes, so the colour is that of a rectangle.
func TestImages(t *testing.T) {
	held := motacilla.Block{
		Type: motacilla.ImageBlock, Media: "abc", URL: "/media/abc/640.jpg", Alt: `A "stadium"`, Width: 640, Height: 480,
		Srcset: "/media/abc/320.jpg 320w, /media/abc/640.jpg 640w", Color: "#336699",
	}
	translucent, pending, unknown := held, held, held
	translucent.Color = ""
	pending.Pending, pending.URL, pending.Srcset, pending.Color = true, "", "", ""
	unknown.Pending, unknown.URL, unknown.Width, unknown.Alt = true, "", 0, ""
	foreign := motacilla.Block{Type: motacilla.ImageBlock, URL: "https://example.org/a.jpg"}
	path := motacilla.Block{Type: motacilla.ImageBlock, URL: "/a.jpg"}
	const figure = `<figure class="post-block post-block--image">`
	const rest = ` loading="lazy" decoding="async"></figure>`
	const place = `<svg class="post-placeholder" viewBox="0 0 640 480" width="640" height="480"`
	image := func(base string) string {
		return `<img src="` + base + `/media/abc/640.jpg" srcset="` + base + `/media/abc/320.jpg 320w, ` + base +
			`/media/abc/640.jpg 640w" sizes="auto, (min-width: 50em) 44em, 92vw" alt="A &#34;stadium&#34;" width="640" height="480"` + rest
	}
	const coloured = figure + place + ` aria-hidden="true"><rect width="100%" height="100%" fill="#336699"/></svg>`
	for _, c := range []struct {
		name, base string
		block      motacilla.Block
		want       string
	}{
		{"held", "", held, coloured + image("")},
		{"below a base path", "/news/live", held, coloured + image("/news/live")},
		{"translucent", "", translucent, figure + image("")},
		{"pending", "/news", pending, `<figure class="post-block post-block--image" aria-busy="true">` + place +
			` role="img" aria-label="A &#34;stadium&#34;"><rect width="100%" height="100%"/></svg></figure>`},
		{"pending, of unknown size", "", unknown, `<figure class="post-block post-block--image" aria-busy="true">` +
			`<svg class="post-placeholder" viewBox="0 0 16 9" width="1280" height="720" aria-hidden="true">` +
			`<rect width="100%" height="100%"/></svg></figure>`},
		{"of another site", "/news", foreign, figure + `<img src="https://example.org/a.jpg" alt=""` + rest},
		{"a path that an editor wrote", "/news", path, figure + `<img src="/a.jpg" alt=""` + rest},
	} {
		t.Run(c.name, func(t *testing.T) {
			look, err := page.NewLook(page.LookOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := look.RendererBelow(c.base).RenderPost(motacilla.Post{ID: "x", Created: start, Content: []motacilla.Block{c.block}})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(got.String(), `<div class="post-body">`+c.want+"\n</div>") {
				t.Errorf("HTML is\n%s\nwant\n%s", got.String(), c.want)
			}
			if strings.Contains(got.String(), "style=") {
				t.Error("it has a style attribute, which the page's policy forbids")
			}
		})
	}
}

func TestScore(t *testing.T) {
	score := motacilla.Block{Type: motacilla.ScoreBlock, Score: motacilla.Score{Home: "<b>A", Away: "C", HomeScore: "2", AwayScore: "1", Note: "67'"}}
	html, err := page.NewRenderer().RenderPost(motacilla.Post{Content: []motacilla.Block{score}})
	const want = `<p class="score"><bdi class="score-home">&lt;b&gt;A</bdi> <span class="score-count"><bdi>2</bdi>–<bdi>1</bdi></span>` +
		` <bdi class="score-away">C</bdi></p><p class="score-note" dir="auto">67&#39;</p>`
	if err != nil || !strings.Contains(html.String(), want) {
		t.Errorf("%v %s", err, html)
	}
}
