package receiver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Ingest writes a source's messages into the store, as every receiver needs it: sanitised, and idempotent by the
// source's own message ID. Text is HTML of which marks, lists, tables, quotations and links are kept; links are http,
// https or mailto with rel="nofollow noopener"; no id, name, class, style, data- or on- attribute is kept, no script,
// frame or image. The limits of package motacilla are measured on what is stored. Its methods may be called from many
// goroutines at once, and return the store's errors wrapped.
type Ingest struct {
	sink   Sink
	source string
	embed  func(*url.URL) bool
}

// IngestOptions are Ingest's settings; nil and zero fields mean the defaults.
type IngestOptions struct {
	// Embed reports whether a line of text that is nothing but this link becomes an embed; KnownEmbed.
	Embed func(link *url.URL) bool
}

// NewIngest returns an Ingest for the source of that name, such as "slack".
func NewIngest(sink Sink, source string, o *IngestOptions) *Ingest {
	in := &Ingest{sink: sink, source: source, embed: KnownEmbed}
	if o != nil && o.Embed != nil {
		in.embed = o.Embed
	}
	return in
}

// probeID is the ID of a post that is only validated; a real one costs random bytes.
const probeID motacilla.PostID = "00000000-0000-7000-8000-000000000000"

// Message is one message of a source.
type Message struct {
	ID      string // the source's own ID; a message without one is a new post each time
	Version int64  // grows with the source's edits; 0 where the source has no versions
	Author  string
	Created time.Time // zero: when it is stored
	// Text is the shorthand for Content: HTML, a text block per line, and an embed of a line that is just a link to a
	// known provider. A message has either Text or Content.
	Text     string
	Content  []motacilla.Block
	Hidden   bool
	Pinned   bool
	KeyEvent bool
}

// Post stores m as a new post. Where a post of this message ID is there, that one is returned unchanged and created is
// false; where it was removed the error is an ErrDeleted, where there is no such channel an ErrNotFound. Wrong input is
// an ErrInvalid that names the field.
func (in *Ingest) Post(
	ctx context.Context, ch motacilla.ChannelID, m Message,
) (post motacilla.Post, created bool, err error) {
	content, err := in.Content(m.Text, m.Content)
	if err != nil {
		return motacilla.Post{}, false, err
	}
	p := motacilla.Post{
		MessageID: m.ID, SourceVersion: m.Version, Source: in.source, Author: m.Author, Created: m.Created,
		Show: !m.Hidden, Pinned: m.Pinned, KeyEvent: m.KeyEvent, Content: content,
	}
	probe := p
	probe.ID = probeID
	if _, err := probe.Admit(1); err != nil {
		return motacilla.Post{}, false, asText(err, m.Text != "")
	}
	post, err = in.sink.CreatePost(ctx, ch, p)
	if errors.Is(err, motacilla.ErrExists) && m.ID != "" && post.MessageID == m.ID {
		return post, false, nil
	}
	if err != nil {
		return motacilla.Post{}, false, fmt.Errorf("post message %q on channel %q: %w", m.ID, ch, err)
	}
	return post, true, nil
}

// Edit changes the post of a message. A version that is not newer than the stored one changes nothing and the stored
// post is returned; version 0 is that of a source without versions, and always counts. edit is pure and may run again;
// the content that it leaves is sanitised. The error is ErrNotFound where there is no such message, ErrDeleted where it
// was removed.
func (in *Ingest) Edit(
	ctx context.Context, ch motacilla.ChannelID, messageID string, version int64, edit func(*motacilla.Post) error,
) (motacilla.Post, error) {
	held, err := in.sink.PostByMessage(ctx, ch, messageID)
	if err == nil {
		held, err = in.Change(ctx, ch, held.ID, func(p *motacilla.Post) error {
			if version != 0 {
				if version <= p.SourceVersion {
					return nil
				}
				p.SourceVersion = version
			}
			return edit(p)
		})
		if errors.Is(err, motacilla.ErrNotFound) {
			err = in.gone(ctx, ch, messageID, err)
		}
	}
	if err != nil {
		return motacilla.Post{}, fmt.Errorf("edit message %q on channel %q: %w", messageID, ch, err)
	}
	return held, nil
}

// Put stores m whichever of its versions came first: as a new post, or as an edit of author and content where it is
// newer than the post there is. It is for sources that may deliver an edit before the message.
func (in *Ingest) Put(ctx context.Context, ch motacilla.ChannelID, m Message) (motacilla.Post, error) {
	post, created, err := in.Post(ctx, ch, m)
	if err != nil || created {
		return post, err
	}
	content, err := in.Content(m.Text, m.Content)
	if err != nil {
		return motacilla.Post{}, err
	}
	return in.Edit(ctx, ch, m.ID, m.Version, func(p *motacilla.Post) error {
		p.Author, p.Content = m.Author, content
		return nil
	})
}

// Change changes a post by its ID, as Sink.UpdatePost does, and sanitises the content that edit leaves.
func (in *Ingest) Change(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, edit func(*motacilla.Post) error,
) (motacilla.Post, error) {
	return in.sink.UpdatePost(ctx, ch, id, func(p *motacilla.Post) error {
		if err := edit(p); err != nil {
			return err
		}
		p.Content = clean(p.Content)
		return nil
	})
}

// Remove removes the post of a message. Removing it again is no error, since sources deliver twice; ErrNotFound where
// there never was such a message.
func (in *Ingest) Remove(ctx context.Context, ch motacilla.ChannelID, messageID string) error {
	held, err := in.sink.PostByMessage(ctx, ch, messageID)
	if err == nil {
		_, err = in.sink.DeletePost(ctx, ch, held.ID, nil)
		if errors.Is(err, motacilla.ErrNotFound) {
			err = in.gone(ctx, ch, messageID, err)
		}
	}
	if err != nil && !errors.Is(err, motacilla.ErrDeleted) {
		return fmt.Errorf("remove message %q on channel %q: %w", messageID, ch, err)
	}
	return nil
}

// Content returns the blocks of a message, of text or content, whichever it has, as they are stored. Neither or both is
// an ErrInvalid; so is text of nothing but white space, but not one of which nothing is left once sanitised.
func (in *Ingest) Content(text string, content []motacilla.Block) ([]motacilla.Block, error) {
	switch {
	case text != "" && content != nil:
		return nil, motacilla.Invalid("text", "and content can't be sent together")
	case content != nil && len(content) == 0:
		return nil, motacilla.Invalid("content", "must have a block")
	case content != nil:
		return clean(content), nil
	case strings.TrimSpace(text) == "":
		return nil, motacilla.Invalid("text", "must not be blank where there is no content")
	case strings.IndexByte(text, 0) >= 0:
		return nil, motacilla.Invalid("text", "must not contain U+0000")
	}
	return lines(text, in.embed), nil
}

// gone tells a post that was removed meanwhile from one that never was.
func (in *Ingest) gone(ctx context.Context, ch motacilla.ChannelID, messageID string, err error) error {
	if _, again := in.sink.PostByMessage(ctx, ch, messageID); errors.Is(again, motacilla.ErrDeleted) {
		return again
	}
	return err
}

func clean(content []motacilla.Block) []motacilla.Block {
	kept := make([]motacilla.Block, len(content))
	for i, b := range content {
		if b.Type == motacilla.TextBlock && strings.IndexByte(b.Text, 0) < 0 {
			b.Text = Sanitise(b.Text)
		}
		kept[i] = b
	}
	return kept
}

// asText names the text shorthand where the content that is wrong was made from it.
func asText(err error, text bool) error {
	var field *motacilla.FieldError
	if text && errors.As(err, &field) && strings.HasPrefix(field.Field, "content") {
		return &motacilla.FieldError{Field: "text", Problem: field.Problem}
	}
	return err
}
