// Package postbody reads posts as REST clients write them.
package postbody

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/receiver"
)

// Patch is the body of a PATCH of a post.
type Patch struct {
	Text     rest.Maybe[string]  `json:"text"`
	Content  rest.Maybe[[]Block] `json:"content"`
	Author   rest.Maybe[string]  `json:"author"`
	Show     rest.Maybe[bool]    `json:"show"`
	Pinned   rest.Maybe[bool]    `json:"pinned"`
	KeyEvent rest.Maybe[bool]    `json:"key_event"`
	Created  rest.Maybe[string]  `json:"created"`
}

// Post is the body of a POST of a post.
type Post struct {
	Text      rest.Maybe[string]  `json:"text"`
	Content   rest.Maybe[[]Block] `json:"content"`
	Author    rest.Maybe[string]  `json:"author"`
	Show      rest.Maybe[bool]    `json:"show"`
	Pinned    rest.Maybe[bool]    `json:"pinned"`
	KeyEvent  rest.Maybe[bool]    `json:"key_event"`
	Created   rest.Maybe[string]  `json:"created"`
	MessageID rest.Maybe[string]  `json:"message_id"`
}

// Patch returns the fields that a PATCH has too.
func (b Post) Patch() Patch {
	return Patch{b.Text, b.Content, b.Author, b.Show, b.Pinned, b.KeyEvent, b.Created}
}

// Message returns the body as a message. Its ID is in the body or in the header.
func (b Post) Message(h http.Header) (receiver.Message, error) {
	id, err := b.messageID(h)
	if err != nil {
		return receiver.Message{}, err
	}
	patch := b.Patch()
	content, err := patch.blocks()
	if err != nil {
		return receiver.Message{}, err
	}
	created, err := patch.created()
	if err != nil {
		return receiver.Message{}, err
	}
	return receiver.Message{
		ID: id, Author: b.Author.Value, Created: created, Text: b.Text.Value, Content: content,
		Hidden: !b.Show.Or(true), Pinned: b.Pinned.Value, KeyEvent: b.KeyEvent.Value,
	}, nil
}

func (b Post) messageID(h http.Header) (string, error) {
	if b.MessageID.Set && b.MessageID.Value == "" {
		return "", motacilla.Invalid("message_id", "must not be empty")
	}
	key, err := Key(h)
	switch {
	case err != nil || key == "":
		return b.MessageID.Value, err
	case b.MessageID.Set && b.MessageID.Value != key:
		return "", motacilla.Invalid(IdempotencyKey, "must not differ from message_id")
	}
	return key, nil
}

// IdempotencyKey is the header that makes a repeated request one.
const IdempotencyKey = "Idempotency-Key"

// Key returns the Idempotency-Key of a request, or "" if it has none.
func Key(h http.Header) (string, error) {
	keys := h.Values(IdempotencyKey)
	switch {
	case len(keys) == 0:
		return "", nil
	case len(keys) > 1 || keys[0] == "":
		return "", motacilla.Invalid(IdempotencyKey, "must be given once, and must not be empty")
	}
	return keys[0], nil
}

// Edit returns the patch as an edit. in makes the new content, if there is any.
func (b Patch) Edit(in *receiver.Ingest) (func(*motacilla.Post), error) {
	var content []motacilla.Block
	reworded := b.Text.Set || b.Content.Set
	if reworded {
		blocks, err := b.blocks()
		if err != nil {
			return nil, err
		}
		if content, err = in.Content(b.Text.Value, blocks); err != nil {
			return nil, err
		}
	}
	created, err := b.created()
	if err != nil {
		return nil, err
	}
	return func(p *motacilla.Post) {
		p.Author = b.Author.Or(p.Author)
		p.Show, p.Pinned, p.KeyEvent = b.Show.Or(p.Show), b.Pinned.Or(p.Pinned), b.KeyEvent.Or(p.KeyEvent)
		if b.Created.Set {
			p.Created = created
		}
		if reworded {
			p.Content = WithKnown(content, p.Content)
		}
	}, nil
}

// WithKnown returns content with what only the server says about its images and embeds, as far as the post has it already.
// So content that was read can be written back: nothing changes, and a pending image stays so until it arrives.
func WithKnown(content, was []motacilla.Block) []motacilla.Block {
	content = slices.Clone(content)
	for i, b := range content {
		same := func(old motacilla.Block) bool {
			return b.Type == motacilla.ImageBlock && b.Media != "" && old.Media == b.Media ||
				b.Type == motacilla.EmbedBlock && old.Type == b.Type && old.URL == b.URL
		}
		at := slices.IndexFunc(was, same)
		if i < len(was) && same(was[i]) {
			at = i
		}
		if at >= 0 {
			content[i] = was[at]
			content[i].Alt = b.Alt
		}
	}
	return content
}

// blocks returns the content as it was sent, or nil if none was sent.
func (b Patch) blocks() ([]motacilla.RawBlock, error) {
	if b.Text.Set && b.Text.Value == "" {
		return nil, motacilla.Invalid("text", "must not be empty")
	}
	if !b.Content.Set {
		return nil, nil
	}
	content := make([]motacilla.RawBlock, len(b.Content.Value))
	for i, block := range b.Content.Value {
		var err error
		if content[i], err = block.block(fmt.Sprintf("content[%d]", i)); err != nil {
			return nil, err
		}
	}
	return content, nil
}

func (b Patch) created() (time.Time, error) {
	if !b.Created.Set {
		return time.Time{}, nil
	}
	return ParseTime("created", b.Created.Value)
}
