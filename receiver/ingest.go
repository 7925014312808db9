package receiver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
	editing "github.com/motacilla-live/motacilla/internal/edit"
)

// Ingest writes a source's messages into the store. It has the rules that are the same for all receivers: it validates
// messages, sanitises their text, and makes one post of a message that is delivered twice.
//
// Text is HTML. Marks, lists, tables, quotations and links are kept. Links are http, https or mailto, with
// rel="nofollow noopener". No id, name, class, style, data- or on- attribute is kept, and no script, frame or image. The
// limits of package motacilla are measured on what is stored.
//
// The methods may be called from many goroutines at once. They return the store's errors wrapped.
type Ingest struct {
	sink   Sink
	source string
	embed  func(*url.URL) bool
}

// IngestOptions are Ingest's settings. nil and zero fields mean the defaults.
type IngestOptions struct {
	// Embed reports whether a line of text that is only this link becomes an embed. nil means KnownEmbed.
	Embed func(link *url.URL) bool
}

// NewIngest returns an Ingest that writes into sink. source, such as "slack", becomes the Source of its posts.
func NewIngest(sink Sink, source string, o *IngestOptions) *Ingest {
	in := &Ingest{sink: sink, source: source, embed: KnownEmbed}
	if o != nil && o.Embed != nil {
		in.embed = o.Embed
	}
	return in
}

// Message is one message of a source.
type Message struct {
	ID      string // the source's own ID; a message without an ID is a new post each time
	Version int64  // grows with the source's edits; 0 if the source has no versions
	Author  string
	Created time.Time // zero means the time at which it is stored
	// Text is the short form of Content: HTML, one text block for each line. A line that is only a link to a known
	// provider becomes an embed. A message has either Text or Content.
	Text     string
	Content  []motacilla.RawBlock
	Hidden   bool
	Pinned   bool
	KeyEvent bool
}

// Post stores m as a new post. If there is a post with this message ID, Post returns it unchanged, and created is false.
// If that post was removed, the error is an ErrDeleted; if there is no such channel, an ErrNotFound. If the input is
// wrong, the error is an ErrInvalid that names the field.
func (in *Ingest) Post(
	ctx context.Context, ch motacilla.ChannelID, m Message,
) (post motacilla.Post, created bool, err error) {
	content, err := in.blocks(m.Text, m.Content)
	if err != nil {
		return motacilla.Post{}, false, err
	}
	p := motacilla.Post{
		MessageID: m.ID, SourceVersion: m.Version, Source: in.source, Author: m.Author, Created: m.Created,
		Show: !m.Hidden, Pinned: m.Pinned, KeyEvent: m.KeyEvent, Content: content,
	}
	if err := validate(p, m.Text != ""); err != nil {
		return motacilla.Post{}, false, err
	}
	post, err = in.sink.PutPost(ctx, ch, p, 0)
	if errors.Is(err, motacilla.ErrExists) && m.ID != "" && post.MessageID == m.ID {
		return post, false, nil
	}
	if errors.Is(err, motacilla.ErrNotFound) { // all that a new post needs is its channel
		return motacilla.Post{}, false, fmt.Errorf("channel %q: %w", ch, motacilla.ErrNotFound)
	}
	if err != nil {
		return motacilla.Post{}, false, fmt.Errorf("post message %q on channel %q: %w", m.ID, ch, err)
	}
	return post, true, nil
}

// Put stores m as a new post. If there is a post with this message ID and an older version, Put changes its author and
// content instead. It is for sources that may deliver an edit before the message. The errors are those of Post and Edit.
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

// Edit changes the post of a message, as Change does. If version is not newer than the stored one, nothing changes, and
// Edit returns the stored post. Version 0 means that the source has no versions: such an edit is always made. The error is
// ErrNotFound if there is no such message, and ErrDeleted if its post was removed.
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

// Change reads a post, applies edit to it, sanitises the content if edit changed it, and writes the post. If somebody else
// has changed the post meanwhile, it begins again, and returns ErrConflict after many attempts. edit must change nothing
// but its argument, since it may run more than once. If edit returns an error, nothing is written, and Change returns that
// error.
func (in *Ingest) Change(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, edit func(*motacilla.Post) error,
) (motacilla.Post, error) {
	return editing.Post(ctx, in.sink, ch, id, func(p *motacilla.Post) error {
		before := slices.Clone(p.Content)
		if err := edit(p); err != nil {
			return err
		}
		if !slices.Equal(p.Content, before) {
			p.Content = cleanAgain(p.Content)
		}
		return nil
	})
}

// Remove removes the post of a message. To remove it again is not an error, since sources may deliver twice. The error is
// ErrNotFound if there never was such a message.
func (in *Ingest) Remove(ctx context.Context, ch motacilla.ChannelID, messageID string) error {
	held, err := in.sink.PostByMessage(ctx, ch, messageID)
	if err == nil {
		_, err = in.sink.DeletePost(ctx, ch, held.ID, 0)
		if errors.Is(err, motacilla.ErrNotFound) {
			err = in.gone(ctx, ch, messageID, err)
		}
	}
	if err != nil && !errors.Is(err, motacilla.ErrDeleted) {
		return fmt.Errorf("remove message %q on channel %q: %w", messageID, ch, err)
	}
	return nil
}

// Withdraw removes the post of a message, also one that has not arrived yet: if it is delivered later, it makes no post. It is for
// sources that may deliver a removal before the message. The error is an ErrNotFound if there is no such channel.
func (in *Ingest) Withdraw(ctx context.Context, ch motacilla.ChannelID, messageID string) error {
	err := in.Remove(ctx, ch, messageID)
	if !errors.Is(err, motacilla.ErrNotFound) || messageID == "" {
		return err
	}
	// Only a removed post leaves a tombstone, so there has to be one. It is hidden: readers see an empty place at most.
	_, err = in.sink.PutPost(ctx, ch, motacilla.Post{MessageID: messageID, Source: in.source}, 0)
	switch {
	case errors.Is(err, motacilla.ErrDeleted):
		return nil
	case errors.Is(err, motacilla.ErrNotFound):
		return fmt.Errorf("channel %q: %w", ch, motacilla.ErrNotFound)
	case err != nil && !errors.Is(err, motacilla.ErrExists):
		return fmt.Errorf("withdraw message %q on channel %q: %w", messageID, ch, err)
	}
	return in.Remove(ctx, ch, messageID)
}

// gone tells a post that was removed meanwhile from one that never was.
func (in *Ingest) gone(ctx context.Context, ch motacilla.ChannelID, messageID string, err error) error {
	if _, again := in.sink.PostByMessage(ctx, ch, messageID); errors.Is(again, motacilla.ErrDeleted) {
		return again
	}
	return err
}
