package webapp

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/receiver"
)

// channelBody is the body of a POST of a channel.
type channelBody struct {
	ID     rest.Maybe[string] `json:"id"`
	Title  rest.Maybe[string] `json:"title"`
	Access rest.Maybe[string] `json:"access"`
}

func (b channelBody) channel() (motacilla.Channel, error) {
	if !b.ID.Set {
		return motacilla.Channel{}, motacilla.Invalid("id", "is missing")
	}
	c := motacilla.Channel{ID: motacilla.ChannelID(b.ID.Value), Title: b.Title.Value, Access: motacilla.Public}
	if b.Access.Set {
		c.Access = motacilla.Access(b.Access.Value)
	}
	return c, c.Validate()
}

// channelPatch is the body of a PATCH of a channel.
type channelPatch struct {
	Title  rest.Maybe[string] `json:"title"`
	Ended  rest.Nullable      `json:"ended"`
	Access rest.Maybe[string] `json:"access"`
}

// edit returns the patch as an edit. An empty access is invalid.
func (b channelPatch) edit() (func(*motacilla.Channel) error, error) {
	var ended time.Time
	if b.Ended.Set && !b.Ended.Null {
		var err error
		if ended, err = parseTime("ended", b.Ended.Value); err != nil {
			return nil, err
		}
	}
	probe := motacilla.Channel{ID: "probe", Title: b.Title.Value, Access: motacilla.Access(b.Access.Or("public"))}
	if err := probe.Validate(); err != nil {
		return nil, err
	}
	return func(c *motacilla.Channel) error {
		c.Title = b.Title.Or(c.Title)
		c.Access = motacilla.Access(b.Access.Or(string(c.Access)))
		if b.Ended.Set {
			c.Ended = ended
		}
		return nil
	}, nil
}

// postPatch is the body of a PATCH of a post.
type postPatch struct {
	Text     rest.Maybe[string]      `json:"text"`
	Content  rest.Maybe[[]blockBody] `json:"content"`
	Author   rest.Maybe[string]      `json:"author"`
	Show     rest.Maybe[bool]        `json:"show"`
	Pinned   rest.Maybe[bool]        `json:"pinned"`
	KeyEvent rest.Maybe[bool]        `json:"key_event"`
	Created  rest.Maybe[string]      `json:"created"`
}

// postBody is the body of a POST of a post.
type postBody struct {
	Text      rest.Maybe[string]      `json:"text"`
	Content   rest.Maybe[[]blockBody] `json:"content"`
	Author    rest.Maybe[string]      `json:"author"`
	Show      rest.Maybe[bool]        `json:"show"`
	Pinned    rest.Maybe[bool]        `json:"pinned"`
	KeyEvent  rest.Maybe[bool]        `json:"key_event"`
	Created   rest.Maybe[string]      `json:"created"`
	MessageID rest.Maybe[string]      `json:"message_id"`
}

// patch returns the fields that a PATCH has too.
func (b postBody) patch() postPatch {
	return postPatch{b.Text, b.Content, b.Author, b.Show, b.Pinned, b.KeyEvent, b.Created}
}

// message returns the body as a message. Its ID is in the body or in the header.
func (b postBody) message(h http.Header) (receiver.Message, error) {
	id, err := b.messageID(h)
	if err != nil {
		return receiver.Message{}, err
	}
	patch := b.patch()
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

func (b postBody) messageID(h http.Header) (string, error) {
	if b.MessageID.Set && b.MessageID.Value == "" {
		return "", motacilla.Invalid("message_id", "must not be empty")
	}
	keys := h.Values(idempotencyKey)
	switch {
	case len(keys) == 0:
		return b.MessageID.Value, nil
	case len(keys) > 1 || keys[0] == "":
		return "", motacilla.Invalid(idempotencyKey, "must be given once, and must not be empty")
	case b.MessageID.Set && b.MessageID.Value != keys[0]:
		return "", motacilla.Invalid(idempotencyKey, "must not differ from message_id")
	}
	return keys[0], nil
}

// edit returns the patch as an edit. in makes the new content, if there is any.
func (b postPatch) edit(in *receiver.Ingest) (func(*motacilla.Post), error) {
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
			p.Content = withKnown(content, p.Content)
		}
	}, nil
}

// withKnown returns content with what only the server says about its images and embeds, as far as the post has it already.
// So content that was read can be written back: nothing changes, and a pending image stays so until it arrives.
func withKnown(content, was []motacilla.Block) []motacilla.Block {
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
func (b postPatch) blocks() ([]motacilla.RawBlock, error) {
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

func (b postPatch) created() (time.Time, error) {
	if !b.Created.Set {
		return time.Time{}, nil
	}
	return parseTime("created", b.Created.Value)
}

// blockBody is a block. Its type says which fields value has.
type blockBody struct {
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

	// The server answers these, and only it can say them. They are accepted so that a client can write back what it read.
	Pending rest.Maybe[bool]           `json:"pending"`
	Srcset  rest.Maybe[string]         `json:"srcset"`
	Color   rest.Maybe[string]         `json:"color"`
	Card    rest.Maybe[motacilla.Card] `json:"card"`
}

func (b blockBody) block(field string) (motacilla.RawBlock, error) {
	v := b.Value.Value
	kind := motacilla.BlockType(b.Type.Value)
	text, image, embed := kind == motacilla.TextBlock, kind == motacilla.ImageBlock, kind == motacilla.EmbedBlock
	if !text && !image && !embed {
		return motacilla.RawBlock{}, motacilla.Invalid(field+".type", `must be "text", "image" or "embed"`)
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
	}
	if raw.Media != "" {
		raw.URL = "" // the server sets it
	}
	return raw, nil
}

// parseTime parses RFC 3339 strictly. The time must be in the years 1 to 9999 of UTC. Decimals beyond the sixth are cut.
// The first instant of year 1 is invalid: in the program it means that there is no time.
func parseTime(field, s string) (time.Time, error) {
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil || strings.Contains(s, ",") { // package time takes a comma for a point
		return time.Time{}, motacilla.Invalid(field, "must be a time in RFC 3339 such as 2026-01-02T15:04:05Z")
	}
	t = time.UnixMicro(t.UnixMicro()).UTC()
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, motacilla.Invalid(field, "must be in the years 1 to 9999")
	}
	return t, nil
}
