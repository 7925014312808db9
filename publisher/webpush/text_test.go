package webpush

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla"
)

func TestTextOf(t *testing.T) {
	html := func(s string) motacilla.Block { return motacilla.Text(motacilla.TrustedHTML(s)) }
	post := motacilla.Post{Content: []motacilla.Block{
		html("<p>Goal! <b>Rovers</b>&nbsp;1, Uni<em>ted</em> 0<br>Okafor &amp; Lund &lt;3 &amp;lt;</p><ul><li>one</li>\n<li>two</li></ul>"),
		{Type: motacilla.ImageBlock, Alt: "A\nstadium"},
		{Type: motacilla.ImageBlock},
		{Type: motacilla.EmbedBlock, URL: "https://example.org/", Card: motacilla.Card{Title: "The goal"}},
		motacilla.PlainText("a < b"),
		{Type: motacilla.ScoreBlock, Score: motacilla.Score{Home: "Rovers", Away: "United", HomeScore: "1", AwayScore: "0"}},
	}}
	want := "Goal! Rovers 1, United 0\nOkafor & Lund <3 &lt;\none\ntwo\nA stadium\nThe goal\na < b\nRovers 1–0 United"
	if got := textOf(post); got != want {
		t.Errorf("the text is %q, want %q", got, want)
	}
}

func TestCut(t *testing.T) {
	for _, of := range []struct {
		s    string
		most int
		want string
	}{
		{"short", 5, "short"},
		{"a long sentence", 12, "a long…"},
		{"Donaudampfschifffahrtsgesellschaft und so fort", 20, "Donaudampfschifff…"},
		{"Köln", 4, "K…"}, // there is no place for ö
		{"Ko\u0308ln x", 6, "K…"},
		{"Ko\u0308ln x", 7, "Ko\u0308…"},
		{"👨‍👩‍👧 family", 12, ""}, // the first character is longer
		{"a👍🏽b👍🏽", 15, "a👍🏽b…"},
		{"🇩🇪🇫🇷", 15, "🇩🇪…"},
		{"x", 0, ""},
	} {
		got := cut(of.s, of.most)
		if got != of.want {
			t.Errorf("cut(%q, %d) is %q, want %q", of.s, of.most, got, of.want)
		}
	}
}

// FuzzMessage: every post fits into a message, which is JSON of whole characters.
func FuzzMessage(f *testing.F) {
	f.Add("The match", "Goal!")
	f.Add("", strings.Repeat("\"", 3000))
	f.Add(strings.Repeat("\u2028", 160), strings.Repeat("👨‍👩‍👧", 400))
	f.Add(strings.Repeat("\\", 500), strings.Repeat("é\x00 <b>\u202e", 1000))
	f.Fuzz(func(t *testing.T, title, text string) {
		post := motacilla.Post{ID: motacilla.NewPostID(time.Now()), Content: []motacilla.Block{
			motacilla.PlainText(text), motacilla.Text(motacilla.TrustedHTML(text)),
		}}
		ch := motacilla.Channel{ID: "match", Title: title}
		if ch.Validate() != nil && len(title) > motacilla.MaxTitle {
			return
		}
		data, err := messageOf(ch, post)
		if err != nil || len(data) > MaxPayload {
			t.Fatalf("the message has %d bytes (%v)", len(data), err)
		}
		var m message
		if err := json.Unmarshal(data, &m); err != nil || !utf8.ValidString(m.Body) || m.Title == "" || len(m.Body) > mostBody {
			t.Fatalf("the message is %q (%v)", data, err)
		}
	})
}
