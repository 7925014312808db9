package chat

import (
	"strings"
	"testing"
	"text/template"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla"
	"pgregory.net/rapid"
)

func TestPlain(t *testing.T) {
	text := func(html string) motacilla.Block { return motacilla.Text(motacilla.TrustedHTML(html)) }
	image := motacilla.Block{Type: motacilla.ImageBlock, URL: "https://example.org/a.jpg", Alt: "A goal\nof <Kim>"}
	embed := motacilla.Block{Type: motacilla.EmbedBlock, URL: "https://example.org/v", Card: motacilla.Card{Title: "The goal"}}
	for want, content := range map[string][]motacilla.Block{
		"One\nTwo & three":                 {text("<p> One</p>\n<p>Two &amp;\n <a href='https://x'>three</a></p><script></script>")},
		"a\nb\nc\nd":                       {text("a<br>b<ul><li>c</li><li>d"), image, embed},
		"1 < 2":                            {text("1 &lt; 2")},
		"A goal of <Kim>":                  {image},
		"The goal\nhttps://example.org/v":  {embed},
		"":                                 nil,
		"A <b> 2–1 C":                      {{Type: motacilla.ScoreBlock, Score: motacilla.Score{Home: "A <b>", Away: "C", HomeScore: "2", AwayScore: "1"}}},
		"bold move":                        {text("<b>bo</b>ld <i>move</i>")},
		"first block\nsecond block\nthird": {text("first block"), text("second block"), image, text("third")},
	} {
		if got := plain(content); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCut(t *testing.T) {
	const family = "👩‍👩‍👧‍👦"
	for _, tt := range []struct {
		text string
		most int
		want string
	}{
		{"one two three", 12, "one two…"},
		{"one two, three", 9, "one two…"},
		{"one two three", 8, "one two…"},
		{"abcdefghij", 5, "abcd…"},
		{"a bcdefghijkl", 8, "a bcdef…"},
		{"ありがとうございます", 5, "ありがと…"},
		{family + family + family, 3, family + family + "…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
		{"one two", 1, ""},
		{"one two", 0, ""},
	} {
		if got := cut(tt.text, tt.most); got != tt.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tt.text, tt.most, got, tt.want)
		}
	}
}

// Whatever a post says, the message fits, has the link, and has as much of the text as there is room for.
func TestTextFits(t *testing.T) {
	const page = "https://live.example.org/channels/match-42"
	for name, chat := range map[string]service{"slack": &slack{}, "mastodon": &mastodon{}, "bluesky": &bluesky{}} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			h := &hub{chat: chat, o: &Options{Limit: rapid.IntRange(60, 400).Draw(t, "limit")}}
			h.template = template.Must(template.New("").Parse(defaultTemplate))
			words := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"word", "&<>", "👩‍👩‍👧‍👦", "http://a.b/c"})), 0, 80)
			said := strings.Join(words.Draw(t, "words"), rapid.SampledFrom([]string{" ", ""}).Draw(t, "between"))
			text, err := h.text(&Post{Text: said, URL: page})
			if err != nil {
				t.Fatal(err)
			}
			if !chat.fits(text, h.o.Limit) || !utf8.ValidString(text) || !strings.HasSuffix(text, page) {
				t.Fatalf("%q is of %d characters, limit %d", text, length(text), h.o.Limit)
			}
			if whole, _ := h.render(&Post{URL: page}, said); chat.fits(whole, h.o.Limit) && text != whole {
				t.Fatalf("%q was cut to %q", whole, text)
			}
		}))
	}
}

// What a template says beside the post's text must fit too.
func TestTemplateTooLong(t *testing.T) {
	h := &hub{chat: &bluesky{}, o: &Options{Limit: 60}, template: template.Must(template.New("").Parse(strings.Repeat("long ", 20) + "{{.Text}}"))}
	if text, err := h.text(&Post{Text: "Goal"}); err == nil || !strings.Contains(err.Error(), "longer than 60 characters") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestRecordKey(t *testing.T) {
	a := recordKey("01893e4c-7d2a-7000-8000-000000000001")
	if a != recordKey("01893e4c-7d2a-7000-8000-000000000001") || a >= recordKey("01893e4c-7d2c-7000-8000-000000000001") ||
		a == recordKey("01893e4c-7d2a-7000-8000-000000000002") || len(a) != 13 {
		t.Errorf("the key is %q", a)
	}
}
