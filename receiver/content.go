package receiver

import (
	"errors"
	"slices"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// Content returns the blocks that are stored for a message. It makes them from text or from content: a message has one of
// the two. The error is an ErrInvalid that names the field: if the message has both or neither, if text is only white
// space, or if the blocks break a limit. Text of which nothing is left after sanitising is valid.
func (in *Ingest) Content(text string, content []motacilla.RawBlock) ([]motacilla.Block, error) {
	blocks, err := in.blocks(text, content)
	if err != nil {
		return nil, err
	}
	return blocks, validate(motacilla.Post{Content: blocks}, text != "")
}

// blocks is Content without the limits.
func (in *Ingest) blocks(text string, content []motacilla.RawBlock) ([]motacilla.Block, error) {
	switch {
	case text != "" && content != nil:
		return nil, motacilla.Invalid("text", "can't be sent together with content")
	case content != nil && len(content) == 0:
		return nil, motacilla.Invalid("content", "must have at least one block")
	case content != nil:
		return clean(content), nil
	case strings.TrimSpace(text) == "":
		return nil, motacilla.Invalid("text", "must not be blank if there is no content")
	case strings.IndexByte(text, 0) >= 0:
		return nil, motacilla.Invalid("text", "must not contain U+0000")
	}
	return lines(text, in.embed), nil
}

// clean sanitises blocks.
func clean(content []motacilla.RawBlock) []motacilla.Block {
	kept := make([]motacilla.Block, len(content))
	for i, b := range content {
		kept[i] = b.Sanitise(sanitiseValid)
	}
	return kept
}

// cleanAgain sanitises blocks that should be sanitised already: an edit may have made them with motacilla.TrustedHTML.
func cleanAgain(content []motacilla.Block) []motacilla.Block {
	kept := slices.Clone(content)
	for i, b := range kept {
		if b.Type == motacilla.TextBlock {
			kept[i].Text = sanitiseValid(b.Text.String())
		}
	}
	return kept
}

// probeID is the ID of a post that is only validated. A real one costs random bytes.
const probeID motacilla.PostID = "00000000-0000-7000-8000-000000000000"

// validate checks a new post. If its content was made from text and is wrong, the error names text.
func validate(p motacilla.Post, fromText bool) error {
	p.ID = probeID
	_, err := p.Admit(1)
	var field *motacilla.FieldError
	if fromText && errors.As(err, &field) && strings.HasPrefix(field.Field, "content") {
		return &motacilla.FieldError{Field: "text", Problem: field.Problem}
	}
	return err
}
