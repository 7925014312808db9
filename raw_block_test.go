package motacilla_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// served are blocks as the server completes them.
var served = []motacilla.RawBlock{
	{
		Type: motacilla.ImageBlock, URL: "/media/a-1/640.jpg", Alt: "A hat", Width: 640, Height: 480,
		Media: "a-1", Srcset: "/media/a-1/320.jpg 320w", Color: "#336699",
	},
	{Type: motacilla.ImageBlock, Media: "a-2", Pending: true, Width: 4, Height: 3},
	{
		Type: motacilla.EmbedBlock, URL: "https://example.org/video",
		Card: motacilla.Card{
			Provider: "Example", Title: "A video", Summary: "Of a hat", Picture: "/media/a-3/320.jpg",
			Frame: "https://player.example.org/1", Width: 16, Height: 9,
		},
	},
	{Type: motacilla.ScoreBlock, Score: motacilla.Score{Home: "Arsenal", Away: "Chelsea", HomeScore: "2", AwayScore: "1", Note: "67'"}},
}

func TestServedBlocksAreStored(t *testing.T) {
	data, err := json.Marshal(served)
	if err != nil {
		t.Fatal(err)
	}
	content, err := motacilla.TrustedContent(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(content)
	if err != nil || string(again) != string(data) {
		t.Errorf("%v, stored as\n%s, read as\n%s", err, data, again)
	}
}

// TestSanitiseDropsWhatOnlyTheServerSays: nobody outside can put a player or sizes of an image into a post.
func TestSanitiseDropsWhatOnlyTheServerSays(t *testing.T) {
	for _, b := range served {
		got := b.Sanitise(motacilla.TrustedHTML)
		if got.Srcset != "" || got.Color != "" || got.Card != (motacilla.Card{}) {
			t.Errorf("%+v has become %+v", b, got)
		}
		if got.Media != b.Media || got.Pending != b.Pending || got.URL != b.URL || got.Alt != b.Alt || got.Score != b.Score {
			t.Errorf("%+v has lost %+v", got, b)
		}
	}
}

func TestWrongServedBlocks(t *testing.T) {
	for field, edit := range map[string]func(image, embed *motacilla.RawBlock){
		"value.media":        func(image, _ *motacilla.RawBlock) { image.Media = "../x" },
		"value.color":        func(image, _ *motacilla.RawBlock) { image.Color = "red;" },
		"value.url":          func(image, _ *motacilla.RawBlock) { image.Media, image.URL = "", "" },
		"value.card.frame":   func(_, embed *motacilla.RawBlock) { embed.Card.Frame = "javascript:x" },
		"value.card.picture": func(_, embed *motacilla.RawBlock) { embed.Card.Picture = "data:x" },
		"value.card.width":   func(_, embed *motacilla.RawBlock) { embed.Card.Width = -1 },
	} {
		image, embed := served[0], served[2]
		edit(&image, &embed)
		var err error
		for _, b := range []motacilla.RawBlock{image, embed} {
			data, _ := json.Marshal(b)
			var got motacilla.RawBlock
			err = errors.Join(err, json.Unmarshal(data, &got))
		}
		var wrong *motacilla.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
