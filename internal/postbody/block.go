package postbody

import (
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
)

// Block is a block. Its type says which fields value has.
type Block struct {
	Type  rest.Maybe[string]     `json:"type"`
	Value rest.Maybe[blockValue] `json:"value"`
}

type blockValue struct {
	Text   rest.Maybe[string] `json:"text"`
	URL    rest.Maybe[string] `json:"url"`
	Alt    rest.Maybe[string] `json:"alt"`
	Width  rest.Maybe[int]    `json:"width"`
	Height rest.Maybe[int]    `json:"height"`
	Media  rest.Maybe[string] `json:"media"`

	Home      rest.Maybe[string] `json:"home"`
	Away      rest.Maybe[string] `json:"away"`
	HomeScore rest.Maybe[string] `json:"home_score"`
	AwayScore rest.Maybe[string] `json:"away_score"`
	Note      rest.Maybe[string] `json:"note"`

	// The server answers these, and only it can say them. They are accepted so that a client can write back what it read.
	Pending rest.Maybe[bool]           `json:"pending"`
	Srcset  rest.Maybe[string]         `json:"srcset"`
	Color   rest.Maybe[string]         `json:"color"`
	Card    rest.Maybe[motacilla.Card] `json:"card"`
}

func (b Block) block(field string) (motacilla.RawBlock, error) {
	v := b.Value.Value
	kind := motacilla.BlockType(b.Type.Value)
	text, image := kind == motacilla.TextBlock, kind == motacilla.ImageBlock
	embed, score := kind == motacilla.EmbedBlock, kind == motacilla.ScoreBlock
	if !text && !image && !embed && !score {
		return motacilla.RawBlock{}, motacilla.Invalid(field+".type", `must be "text", "image", "embed" or "score"`)
	}
	if !b.Value.Set {
		return motacilla.RawBlock{}, motacilla.Invalid(field+".value", "is missing")
	}
	for _, f := range []struct {
		name             string
		set, has, needed bool
	}{
		{"text", v.Text.Set, text, text},
		{"url", v.URL.Set, image || embed, image && !v.Media.Set || embed},
		{"alt", v.Alt.Set, image, false},
		{"width", v.Width.Set, image, false},
		{"height", v.Height.Set, image, false},
		{"media", v.Media.Set, image, false},
		{"pending", v.Pending.Set, image, false},
		{"srcset", v.Srcset.Set, image, false},
		{"color", v.Color.Set, image, false},
		{"card", v.Card.Set, embed, false},
		{"home", v.Home.Set, score, score},
		{"away", v.Away.Set, score, score},
		{"home_score", v.HomeScore.Set, score, false},
		{"away_score", v.AwayScore.Set, score, false},
		{"note", v.Note.Set, score, false},
	} {
		switch {
		case f.needed && !f.set:
			return motacilla.RawBlock{}, motacilla.Invalid(field+".value."+f.name, "is missing")
		case f.set && !f.has:
			return motacilla.RawBlock{}, motacilla.Invalid(field+".value."+f.name, "is not a field of a block of type %q", kind)
		}
	}
	raw := motacilla.RawBlock{
		Type: kind, Text: v.Text.Value, URL: v.URL.Value, Alt: v.Alt.Value,
		Width: v.Width.Value, Height: v.Height.Value, Media: v.Media.Value,
		Score: motacilla.Score{
			Home: v.Home.Value, Away: v.Away.Value, HomeScore: v.HomeScore.Value, AwayScore: v.AwayScore.Value, Note: v.Note.Value,
		},
	}
	if raw.Media != "" {
		raw.URL = "" // the server sets it
	}
	return raw, nil
}
