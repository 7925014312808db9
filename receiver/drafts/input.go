package drafts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/postbody"
	"github.com/motacilla-live/motacilla/internal/rest"
)

// MaxNote is the longest note, in bytes.
const MaxNote = 2000

// fields are what of a draft can be written.
type fields struct {
	Text     rest.Maybe[string]           `json:"text"`
	Content  rest.Maybe[[]postbody.Block] `json:"content"`
	Author   rest.Maybe[string]           `json:"author"`
	Pinned   rest.Maybe[bool]             `json:"pinned"`
	KeyEvent rest.Maybe[bool]             `json:"key_event"`
	Created  rest.Nullable                `json:"created"`
}

// draftBody is the body of a POST of a draft.
type draftBody struct {
	fields
	Edits rest.Maybe[string] `json:"edits"`
}

// draftPatch is the body of a PATCH of a draft.
type draftPatch struct {
	fields
	Base rest.Maybe[motacilla.Revision] `json:"base"`
}

type returnBody struct {
	Note rest.Maybe[string] `json:"note"`
}

type scheduleBody struct {
	At rest.Maybe[string] `json:"at"`
}

// edit returns the fields as an edit of a draft, which must be valid after it. Images must be there.
func (d *Drafts) edit(ctx context.Context, f fields) (func(*draft) error, error) {
	patch := postbody.Patch{Text: f.Text, Content: f.Content, Author: f.Author, Pinned: f.Pinned, KeyEvent: f.KeyEvent}
	if f.Created.Set && !f.Created.Null {
		patch.Created = rest.Maybe[string]{Set: true, Value: f.Created.Value}
	}
	change, err := patch.Edit(d.ingest)
	if err != nil {
		return nil, err
	}
	return func(one *draft) error {
		p := one.post()
		change(&p)
		if f.Created.Null {
			p.Created = time.Time{}
		}
		if f.Text.Set || f.Content.Set {
			if len(p.Content) == 0 {
				return motacilla.Invalid("text", "has nothing that can be kept")
			}
			if err := d.complete(ctx, p.Content); err != nil {
				return err
			}
		}
		// What Admit fills in is for a post; it comes when the post is made.
		if _, err := p.Admit(1); err != nil {
			return err
		}
		one.take(p)
		return nil
	}, nil
}

// complete fills in the images that the server has. One that the draft had already may have gone since.
func (d *Drafts) complete(ctx context.Context, content []motacilla.Block) error {
	for i, b := range content {
		if b.Type != motacilla.ImageBlock || b.Media == "" {
			continue
		}
		image, err := d.images.Image(ctx, b.Media)
		switch {
		case err == nil:
			image.Alt = b.Alt
			content[i] = image
		case !absent(err):
			return err
		case b.URL == "" && !b.Pending:
			return motacilla.Invalid(fmt.Sprintf("content[%d].value.media", i), "must be the ID of an image that this server has")
		}
	}
	return nil
}

// note returns the note of a draft that is returned.
func (b returnBody) note() (string, error) {
	s := strings.TrimSpace(b.Note.Value)
	switch {
	case len(s) > MaxNote:
		return "", motacilla.Invalid("note", "must be at most %d bytes", MaxNote)
	case !utf8.ValidString(s):
		return "", motacilla.Invalid("note", "must be valid UTF-8")
	}
	return s, nil
}

// latest is how far ahead a draft can be scheduled.
const latest = 10 * 365 * 24 * time.Hour

// at returns the time of publication.
func (b scheduleBody) at(now time.Time) (time.Time, error) {
	if !b.At.Set {
		return time.Time{}, motacilla.Invalid("at", "is missing")
	}
	at, err := postbody.ParseTime("at", b.At.Value)
	if err == nil && (!at.After(now) || at.Sub(now) > latest) {
		err = motacilla.Invalid("at", "must be in the future, and in the next ten years")
	}
	return at, err
}

// draftID reads which draft a request is about.
func draftID(s string) (motacilla.PostID, error) {
	id, err := motacilla.ParsePostID(s)
	var field *motacilla.FieldError
	if errors.As(err, &field) {
		return "", motacilla.Invalid("draft_id", "%s", field.Problem)
	}
	return id, err
}
