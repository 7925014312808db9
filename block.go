package motacilla

import (
	"errors"
	"fmt"
	"slices"
)

// BlockType is the kind of a block.
type BlockType string

// The block types.
const (
	TextBlock  BlockType = "text"
	ImageBlock BlockType = "image"
	EmbedBlock BlockType = "embed"
	ScoreBlock BlockType = "score"
)

// MaxURL is the longest URL in a block, in bytes.
const MaxURL = 2048

// MaxAlt is the longest alternative text of an image, in bytes.
const MaxAlt = 2000

// MaxPixels is the largest width or height of an image, in pixels.
const MaxPixels = 1 << 16

// MaxCardTitle is the longest title of a [Card], in bytes. MaxCardSummary is the longest summary.
const (
	MaxCardTitle   = 500
	MaxCardSummary = 2000
)

// Block is one part of a post's content. In JSON it is {"type":T,"value":V}. The object V has the key text in a text
// block, the keys url, alt, width and height in an image, the key url in an embed, and those of [Score] in a score. An image that
// this server holds also has media, srcset and color, or media and pending. An embed that was looked up also has card.
//
// A Block has only text that readers may get. A block from outside is a [RawBlock].
type Block struct {
	Type   BlockType
	Text   HTML   // of a text block
	URL    string // of an image or an embed: an absolute http or https URL; an image may have a path on this server
	Alt    string // of an image: the alternative text, up to MaxAlt bytes
	Width  int    // of an image, in pixels; 0 if unknown
	Height int    // of an image, in pixels; 0 if unknown

	Media   string // of an image that this server holds: its ID; the server sets the URL
	Pending bool   // the image has a Media, but was not fetched yet: it may have no URL, and readers see a placeholder
	Srcset  string // of an image with a Media: its sizes, as the attribute srcset of HTML has them
	Color   string // of an image with a Media: what readers see until it is loaded, such as #336699
	Card    Card   // of an embed that was looked up
	Score   Score  // of a score
}

// Card is what readers see of an embedded page. The server makes it from what the page or its provider says. The zero Card
// means that the page was not looked up.
type Card struct {
	Provider string `json:"provider,omitempty"` // the site's name, such as "YouTube"
	Title    string `json:"title,omitempty"`    // plain text, up to MaxCardTitle bytes
	Summary  string `json:"summary,omitempty"`  // plain text, up to MaxCardSummary bytes
	Picture  string `json:"picture,omitempty"`  // URL of a picture, or a path on this server
	Frame    string `json:"frame,omitempty"`    // URL of the player, or a path on this server; it is shown in a sandboxed frame
	Width    int    `json:"width,omitempty"`    // of the frame, in pixels; 0 if unknown
	Height   int    `json:"height,omitempty"`   // of the frame, in pixels; 0 if unknown
}

// Text returns a text block.
func Text(html HTML) Block { return Block{Type: TextBlock, Text: html} }

// PlainText returns a text block that shows text as it is: markup in it is escaped, and each line begins on its own line.
// U+0000 and what is not UTF-8 become U+FFFD.
func PlainText(text string) Block { return Text(escapePlain(text)) }

// raw returns b with its text as a string.
func (b Block) raw() RawBlock {
	return RawBlock{
		b.Type, b.Text.s, b.URL, b.Alt, b.Width, b.Height, b.Media, b.Pending, b.Srcset, b.Color, b.Card, b.Score,
	}
}

// MarshalJSON encodes b as {"type","value"}.
func (b Block) MarshalJSON() ([]byte, error) { return b.raw().MarshalJSON() }

// UnmarshalJSON returns an error, and leaves b as it is. JSON may come from outside, so it must be decoded as a [RawBlock],
// which is then sanitised. What a store has written is decoded by [TrustedContent].
func (b *Block) UnmarshalJSON([]byte) error {
	return errors.New("decode block: JSON may hold unsanitised text: decode a RawBlock and pass it to receiver.Ingest; " +
		"content that a store has written is decoded by TrustedContent")
}

// says reports whether readers take b and c for the same, once the server has filled in the files of an image that it holds and
// the card of an embed.
func (b Block) says(c Block) bool {
	for _, of := range []*Block{&b, &c} {
		of.Card = Card{}
		if of.Media != "" {
			*of = Block{Type: of.Type, Media: of.Media, Alt: of.Alt}
		}
	}
	return b == c
}

// normalize clears the fields that a block of b's type does not have. JSON would lose them, and the post would seem to
// have changed.
func (b Block) normalize() Block { return b.raw().normalize().trusted() }

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
		if err := b.raw().validate(fmt.Sprintf("content[%d].", i)); err != nil {
			return err
		}
		text += len(b.Text.s)
	}
	if text > MaxText {
		return Invalid("content", "must have at most %d bytes of text", MaxText)
	}
	return nil
}
