package receiver

import (
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
)

func embed(url string) motacilla.Block { return motacilla.Block{Type: motacilla.EmbedBlock, URL: url} }

func TestLines(t *testing.T) {
	const tube = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
	for _, c := range []struct {
		name, in string
		want     []motacilla.Block
	}{
		{"one", "Kick-off", []motacilla.Block{motacilla.PlainText("Kick-off")}},
		{"lines", "a\nb\r\nc\rd", []motacilla.Block{
			motacilla.PlainText("a"), motacilla.PlainText("b"), motacilla.PlainText("c"), motacilla.PlainText("d")}},
		{"blank lines", "\n a \n\n \nb\n", []motacilla.Block{motacilla.PlainText("a"), motacilla.PlainText("b")}},
		{"embed", "Look:\n " + tube + " ", []motacilla.Block{motacilla.PlainText("Look:"), embed(tube)}},
		{"embed within a line", "see " + tube, []motacilla.Block{motacilla.PlainText("see " + tube)}},
		{"escaped ampersand", tube + "&amp;t=3", []motacilla.Block{embed(tube + "&t=3")}},
		{"other link", "https://e.example/", []motacilla.Block{motacilla.PlainText("https://e.example/")}},
		{"nothing left", "<script>x</script>", nil},
		{"marks do not cross lines", "<b>a\nb</b>", []motacilla.Block{
			motacilla.Text(motacilla.TrustedHTML("<b>a</b>")), motacilla.PlainText("b")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := lines(c.in, KnownEmbed); !reflect.DeepEqual(got, c.want) {
				t.Errorf("lines(%q)\n got %+v\nwant %+v", c.in, got, c.want)
			}
		})
	}
}

func TestKnownEmbed(t *testing.T) {
	for link, want := range map[string]bool{
		"https://youtu.be/dQw4w9WgXcQ":                         true,
		"https://m.youtube.com/watch?app=m&v=dQw4w9WgXcQ":      true,
		"https://youtube.com/shorts/abc":                       true,
		"https://WWW.YouTube.com/live/abc":                     true,
		"https://vimeo.com/76979871":                           true,
		"https://player.vimeo.com/video/76979871":              true,
		"https://x.com/someone/status/1":                       true,
		"https://twitter.com/someone/status/1?s=20":            true,
		"https://bsky.app/profile/a.example/post/3k":           true,
		"https://www.instagram.com/p/abc/":                     true,
		"https://www.tiktok.com/@a/video/1":                    true,
		"https://open.spotify.com/track/abc":                   true,
		"https://www.youtube.com/":                             false,
		"https://www.youtube.com/watch?list=x":                 false,
		"https://x.com/someone":                                false,
		"https://vimeo.com/about":                              false,
		"https://youtube.com.e.example/watch?v=x":              false,
		"https://e.example/?https://youtu.be/abc":              false,
		"ftp://youtu.be/abc":                                   false,
		"https://user@youtu.be/abc":                            false,
		"https://youtu.be:8443/abc":                            false,
		"https://evil.example/https://youtube.com/watch?v=abc": false,
	} {
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		if got := KnownEmbed(u); got != want {
			t.Errorf("KnownEmbed(%s) = %v", link, got)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{
		"a\nb", "https://youtu.be/abc", "https://youtu.be/a&amp;b", "<b>a\r\n</b>", "http://[::1", " \u2028\n",
		"https://www.youtube.com/watch?v=a\nhttps://x.com/a/status/1", "http%", "https://youtu.be/\x7f", "https://www.youtube.com/watch?v=a\x85",
	} {
		f.Add(s)
	}
	in := NewIngest(nil, "fuzz", nil)
	f.Fuzz(func(t *testing.T, s string) {
		content, err := in.blocks(s, nil)
		if err != nil {
			return
		}
		if most := 1 + strings.Count(s, "\n") + strings.Count(s, "\r"); len(content) > most {
			t.Fatalf("%d blocks of %d lines", len(content), most)
		}
		for _, b := range content {
			switch b.Type {
			case motacilla.TextBlock:
				if b.Text == (motacilla.HTML{}) {
					t.Fatal("an empty block")
				}
				checkSanitised(t, b.Text.String())
			case motacilla.EmbedBlock:
				u, err := url.Parse(b.URL)
				if err != nil || !KnownEmbed(u) {
					t.Fatalf("%q became an embed", b.URL)
				}
			}
		}
		if len(content) > 0 && len(s) < motacilla.MaxText/8 && len(content) <= motacilla.MaxBlocks {
			if _, err := (motacilla.Post{Content: content}).Admit(1); err != nil {
				t.Fatalf("%q made what the domain refuses: %v", s, err)
			}
		}
	})
}
