package motacilla

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// BlockType is the kind of a block.
type BlockType string

// The block types.
const (
	TextBlock  BlockType = "text"
	ImageBlock BlockType = "image"
	EmbedBlock BlockType = "embed"
)

// MaxURL is the longest URL in a block, in bytes.
const MaxURL = 2048

// MaxAlt is the longest alternative text of an image, in bytes.
const MaxAlt = 2000

// MaxPixels is the largest width or height of an image, in pixels.
const MaxPixels = 1 << 16

// Block is one part of a post's content. In JSON it is {"type":T,"value":V}. The object V has the key text in a text
// block, the keys url, alt, width and height in an image, and the key url in an embed.
type Block struct {
	Type   BlockType
	Text   string // of a text block: sanitised HTML
	URL    string // of an image or an embed: an absolute http or https URL; an image may have a path on this server
	Alt    string // of an image: the alternative text, up to MaxAlt bytes
	Width  int    // of an image, in pixels; 0 if unknown
	Height int    // of an image, in pixels; 0 if unknown
}

// Text returns a text block of sanitised HTML.
func Text(html string) Block { return Block{Type: TextBlock, Text: html} }

type textValue struct {
	Text string `json:"text"`
}

type imageValue struct {
	URL    string `json:"url"`
	Alt    string `json:"alt"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

type embedValue struct {
	URL string `json:"url"`
}

// MarshalJSON encodes b as {"type","value"}.
func (b Block) MarshalJSON() ([]byte, error) {
	var value any
	switch b.Type {
	case TextBlock:
		value = textValue{b.Text}
	case ImageBlock:
		value = imageValue{b.URL, b.Alt, b.Width, b.Height}
	case EmbedBlock:
		value = embedValue{b.URL}
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
func (b *Block) UnmarshalJSON(data []byte) error {
	var raw struct {
		Type  BlockType       `json:"type"`
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	var v struct {
		Text   string `json:"text"`
		URL    string `json:"url"`
		Alt    string `json:"alt"`
		Width  int    `json:"width"`
		Height int    `json:"height"`
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
	next := Block{raw.Type, v.Text, v.URL, v.Alt, v.Width, v.Height}.normalize()
	if err := next.validate(""); err != nil {
		return err
	}
	*b = next
	return nil
}

// normalize clears the fields that a block of b's type does not have. JSON would lose them, and the post would seem to
// have changed.
func (b Block) normalize() Block {
	switch b.Type {
	case TextBlock:
		return Block{Type: b.Type, Text: b.Text}
	case ImageBlock:
		b.Text = ""
		return b
	case EmbedBlock:
		return Block{Type: b.Type, URL: b.URL}
	default:
		return b
	}
}

// normalContent returns a normalized copy of blocks.
func normalContent(blocks []Block) []Block {
	blocks = slices.Clone(blocks)
	for i, b := range blocks {
		blocks[i] = b.normalize()
	}
	return blocks
}

func validContent(blocks []Block) error {
	if len(blocks) > MaxBlocks {
		return Invalid("content", "must have at most %d blocks", MaxBlocks)
	}
	text := 0
	for i, b := range blocks {
		if err := b.validate(fmt.Sprintf("content[%d].", i)); err != nil {
			return err
		}
		text += len(b.Text)
	}
	if text > MaxText {
		return Invalid("content", "must have at most %d bytes of text", MaxText)
	}
	return nil
}

// validate returns an error that names the field as in the JSON of a block at prefix.
func (b Block) validate(prefix string) error {
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
		return validURL(value+".url", b.URL, true)
	case EmbedBlock:
		return validURL(value+".url", b.URL, false)
	default:
		return Invalid(prefix+"type", `must be "text", "image" or "embed"`)
	}
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
