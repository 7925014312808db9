package page

import (
	"strings"

	"github.com/motacilla-live/motacilla"
)

// Frames says whether the players of embedded pages are shown.
type Frames string

// The values of Frames.
const (
	FramesOff  Frames = "off"  // an embed is a card that links to the page
	FramesAsk  Frames = "ask"  // a button loads the player; without JavaScript there is only the card
	FramesShow Frames = "show" // the player is loaded with the post
)

func (f Frames) on() bool { return f == FramesAsk || f == FramesShow }

// shownFrame is the player of an embed, as templates get it.
type shownFrame struct {
	URL    string
	Title  string // for screen readers
	Width  int    // if both are set, the player keeps this form
	Height int
	Other  bool // the player is of another site; otherwise it is a document of this server, with an origin of its own
	Ask    bool // it must not be loaded before the reader agrees
}

// Frame returns the player of an embed, or nil if none is to be shown. The URL may be a path on this server.
func (p renderedPost) Frame(b motacilla.Block) *shownFrame {
	if b.Card.Frame == "" || !p.frames.on() {
		return nil
	}
	f := &shownFrame{
		URL: b.Card.Frame, Title: p.Provider(b), Width: b.Card.Width, Height: b.Card.Height,
		Other: !strings.HasPrefix(b.Card.Frame, "/"), Ask: p.frames == FramesAsk,
	}
	if b.Card.Title != "" {
		f.Title = b.Card.Title + " – " + f.Title
	}
	if f.Width == 0 && f.Height == 0 {
		f.Height = plainHeight
	}
	return f
}

// plainHeight is the height in pixels of a player that does not say its own.
const plainHeight = 480

// Provider returns the name of the site that an embed is of.
func (p renderedPost) Provider(b motacilla.Block) string {
	if b.Card.Provider != "" {
		return b.Card.Provider
	}
	return host(b.URL)
}

// From returns a word with the placeholder {provider}.
func (p renderedPost) From(key string, b motacilla.Block) (string, error) {
	word, err := p.Word(key)
	return strings.ReplaceAll(word, "{provider}", p.Provider(b)), err
}
