package motacilla

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// RawBlock is a block from outside. Its fields and its JSON are those of [Block], but its text may be anything. A store does
// not take it: [RawBlock.Sanitise] or receiver.Ingest makes a Block of it.
type RawBlock struct {
	Type    BlockType
	Text    string // of a text block: HTML that is not sanitised
	URL     string
	Alt     string
	Width   int
	Height  int
	Media   string
	Pending bool
	Srcset  string // Sanitise drops it: only the server knows which sizes there are
	Color   string // Sanitise drops it
	Card    Card   // Sanitise drops it: only the server looks pages up
	Score   Score
}

// Sanitise returns b as a Block. The text of a text block goes through sanitise, which is receiver.Sanitise unless the app has
// stricter rules. What only the server may say is dropped: Srcset, Color and Card. Sanitise does not check the other fields: a
// store does, when the post is put.
func (b RawBlock) Sanitise(sanitise func(text string) HTML) Block {
	b.Srcset, b.Color, b.Card = "", "", Card{}
	safe := b.trusted()
	safe.Text = HTML{}
	if b.Type == TextBlock {
		safe.Text = sanitise(b.Text)
	}
	return safe
}

// trusted returns a block of which the text is known to be sanitised.
func (b RawBlock) trusted() Block {
	return Block{
		b.Type, HTML{b.Text}, b.URL, b.Alt, b.Width, b.Height, b.Media, b.Pending, b.Srcset, b.Color, b.Card, b.Score,
	}
}

// TrustedContent decodes a JSON array of blocks that one of the project's stores has written. It does not sanitise the text:
// that happened before the content was stored. data must not come from outside, such as a request: decode that as
// []RawBlock. If a block has an unknown type or breaks a limit, the error is an [ErrInvalid].
func TrustedContent(data []byte) ([]Block, error) {
	var raw []RawBlock
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, nil
	}
	content := make([]Block, len(raw))
	for i, b := range raw {
		content[i] = b.trusted()
	}
	return content, nil
}

type textValue struct {
	Text string `json:"text"`
}

type imageValue struct {
	URL    string `json:"url"`
	Alt    string `json:"alt"`
	Width  int    `json:"width"`
	Height int    `json:"height"`

	Media   string `json:"media,omitempty"`
	Pending bool   `json:"pending,omitempty"`
	Srcset  string `json:"srcset,omitempty"`
	Color   string `json:"color,omitempty"`
}

type embedValue struct {
	URL  string `json:"url"`
	Card Card   `json:"card,omitzero"`
}

// MarshalJSON encodes b as {"type","value"}.
func (b RawBlock) MarshalJSON() ([]byte, error) {
	var value any
	switch b.Type {
	case TextBlock:
		value = textValue{b.Text}
	case ImageBlock:
		value = imageValue{b.URL, b.Alt, b.Width, b.Height, b.Media, b.Pending, b.Srcset, b.Color}
	case EmbedBlock:
		value = embedValue{b.URL, b.Card}
	case ScoreBlock:
		value = b.Score
	default:
		return nil, fmt.Errorf("encode block: unknown type %q", b.Type)
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		Type  BlockType `json:"type"`
		Value any       `json:"value"`
	}{b.Type, value})
	return bytes.TrimRight(buf.Bytes(), "\n"), err
}

// UnmarshalJSON decodes what MarshalJSON makes. The error is an [ErrInvalid] if the block has an unknown
// type or breaks a limit.
func (b *RawBlock) UnmarshalJSON(data []byte) error {
	var raw struct {
		Type  BlockType       `json:"type"`
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	var v struct {
		Text    string `json:"text"`
		URL     string `json:"url"`
		Alt     string `json:"alt"`
		Width   int    `json:"width"`
		Height  int    `json:"height"`
		Media   string `json:"media"`
		Pending bool   `json:"pending"`
		Srcset  string `json:"srcset"`
		Color   string `json:"color"`
		Card    Card   `json:"card"`

		Home      string `json:"home"`
		Away      string `json:"away"`
		HomeScore string `json:"home_score"`
		AwayScore string `json:"away_score"`
		Note      string `json:"note"`
	}
	if len(raw.Value) == 0 || raw.Value[0] != '{' {
		return Invalid("value", "must be an object")
	}
	if err := json.Unmarshal(raw.Value, &v); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return Invalid("value."+wrong.Field, "must not be a %s", wrong.Value)
		}
		return err
	}
	next := RawBlock{
		raw.Type, v.Text, v.URL, v.Alt, v.Width, v.Height, v.Media, v.Pending, v.Srcset, v.Color, v.Card,
		Score{v.Home, v.Away, v.HomeScore, v.AwayScore, v.Note},
	}.normalize()
	if err := next.validate(""); err != nil {
		return err
	}
	*b = next
	return nil
}

// normalize is [Block.normalize].
func (b RawBlock) normalize() RawBlock {
	switch b.Type {
	case TextBlock:
		return RawBlock{Type: b.Type, Text: b.Text}
	case ImageBlock:
		b.Text, b.Card, b.Score = "", Card{}, Score{}
		if b.Media == "" {
			b.Pending, b.Srcset, b.Color = false, "", ""
		}
		return b
	case EmbedBlock:
		return RawBlock{Type: b.Type, URL: b.URL, Card: b.Card}
	case ScoreBlock:
		return RawBlock{Type: b.Type, Score: b.Score}
	default:
		return b
	}
}

// validate returns an error that names the field as in the JSON of a block at prefix.
func (b RawBlock) validate(prefix string) error {
	value := prefix + "value"
	switch b.Type {
	case TextBlock:
		return validText(value+".text", b.Text, MaxText)
	case ImageBlock:
		if b.Width < 0 || b.Width > MaxPixels {
			return Invalid(value+".width", "must be 0 to %d", MaxPixels)
		}
		if b.Height < 0 || b.Height > MaxPixels {
			return Invalid(value+".height", "must be 0 to %d", MaxPixels)
		}
		if err := validText(value+".alt", b.Alt, MaxAlt); err != nil {
			return err
		}
		return b.validImage(value)
	case EmbedBlock:
		if err := validURL(value+".url", b.URL, false); err != nil {
			return err
		}
		return b.Card.validate(value + ".card")
	case ScoreBlock:
		return b.Score.validate(value)
	default:
		return Invalid(prefix+"type", `must be "text", "image", "embed" or "score"`)
	}
}

// validImage checks the URL of an image, and what the server says of one that it holds.
func (b RawBlock) validImage(value string) error {
	if b.Media != "" && !mediaIDs.MatchString(b.Media) {
		return Invalid(value+".media", "must be the ID of an image: 1 to 64 characters of a-z, 0-9 and -")
	}
	if b.Color != "" && !colors.MatchString(b.Color) {
		return Invalid(value+".color", "must be a colour such as #336699")
	}
	if err := validText(value+".srcset", b.Srcset, MaxURL); err != nil {
		return err
	}
	if b.URL == "" && b.Media != "" {
		return nil
	}
	return validURL(value+".url", b.URL, true)
}

var (
	mediaIDs = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	colors   = regexp.MustCompile(`^#[0-9a-f]{6}$`)
)

func (c Card) validate(field string) error {
	for _, f := range []struct {
		name, value string
		most        int
	}{{".provider", c.Provider, MaxID}, {".title", c.Title, MaxCardTitle}, {".summary", c.Summary, MaxCardSummary}} {
		if err := validText(field+f.name, f.value, f.most); err != nil {
			return err
		}
	}
	if c.Width < 0 || c.Width > MaxPixels || c.Height < 0 || c.Height > MaxPixels {
		return Invalid(field+".width", "and height must be 0 to %d", MaxPixels)
	}
	if c.Picture != "" {
		if err := validURL(field+".picture", c.Picture, true); err != nil {
			return err
		}
	}
	if c.Frame != "" {
		return validURL(field+".frame", c.Frame, true)
	}
	return nil
}

func validURL(field, s string, local bool) error {
	if err := validText(field, s, MaxURL); err != nil {
		return err
	}
	u, err := url.Parse(s)
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil {
		return nil
	}
	if err == nil && local && u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") {
		return nil
	}
	return Invalid(field, "must be an absolute http or https URL")
}
