package client

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Draft is a post that waits: for an editor, or for its time.
type Draft struct {
	ID       motacilla.PostID
	Channel  motacilla.ChannelID
	State    string    // draft, submitted, returned, scheduled, publishing or published
	By       Author    // whom it is of
	Approved Author    // who published or scheduled it; empty: nobody yet
	At       time.Time // when it comes out; zero unless it is scheduled
	Note     string    // why it was returned
	Post     motacilla.PostID
	Edits    motacilla.PostID   // the post that it changes; empty: it becomes a new one
	Base     motacilla.Revision // the revision of that post which it was made from
	Author   string             // of the post
	Pinned   bool
	KeyEvent bool
	Created  time.Time            // of the post; zero: when it comes out
	Content  []motacilla.RawBlock // its text is sanitised HTML
	Drafted  time.Time
	Modified time.Time

	// ETag names the draft as it was in this answer, for DraftChange.IfMatch.
	ETag string
}

// Author is an account.
type Author struct {
	Who  string `json:"who"` // such as "person/ID"; it never changes
	Name string `json:"name"`
}

// NewDraft is a draft to be written. It has either Text or Content, or Edits.
type NewDraft struct {
	Text     string // HTML, one text block for each line
	Content  []motacilla.RawBlock
	Author   string
	Pinned   bool
	KeyEvent bool
	Created  time.Time        // that the post is to have; zero: when it comes out
	Edits    motacilla.PostID // a post that the draft changes; what is empty here is as the post has it
}

// DraftChange says what of a draft changes. nil and empty fields leave what is there.
type DraftChange struct {
	Text     string
	Content  []motacilla.RawBlock
	Author   *string
	Pinned   *bool
	KeyEvent *bool
	Created  *time.Time         // a zero time means when it comes out
	Base     motacilla.Revision // the revision of the post that the draft takes into account now
	IfMatch  string             // the ETag that the draft must still have; empty: any
}

type draftJSON struct {
	ID       motacilla.PostID     `json:"id"`
	Channel  motacilla.ChannelID  `json:"channel"`
	State    string               `json:"state"`
	By       Author               `json:"by"`
	Approved *Author              `json:"approved_by"`
	At       *stamp               `json:"at"`
	Note     string               `json:"note"`
	Post     *motacilla.PostID    `json:"post"`
	Edits    *motacilla.PostID    `json:"edits"`
	Base     *motacilla.Revision  `json:"base"`
	Author   string               `json:"author"`
	Pinned   bool                 `json:"pinned"`
	KeyEvent bool                 `json:"key_event"`
	Created  *stamp               `json:"created"`
	Content  []motacilla.RawBlock `json:"content"`
	Drafted  *stamp               `json:"drafted"`
	Modified *stamp               `json:"modified"`
}

// MarshalJSON encodes d in the form of the wire. It does not escape HTML.
func (d Draft) MarshalJSON() ([]byte, error) {
	w := draftJSON{
		d.ID, d.Channel, d.State, d.By, some(d.Approved), stampOf(d.At), d.Note, some(d.Post), some(d.Edits), some(d.Base),
		d.Author, d.Pinned, d.KeyEvent, stampOf(d.Created), d.Content, stampOf(d.Drafted), stampOf(d.Modified),
	}
	if w.Content == nil {
		w.Content = []motacilla.RawBlock{}
	}
	return plainJSON(w)
}

// UnmarshalJSON decodes the form of the wire. The error is a [motacilla.ErrInvalid], or one of encoding/json.
func (d *Draft) UnmarshalJSON(data []byte) error {
	var w draftJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if err := validPost(w.ID); err != nil {
		return err
	}
	*d = Draft{
		w.ID, w.Channel, w.State, w.By, or(w.Approved), w.At.time(), w.Note, or(w.Post), or(w.Edits), or(w.Base), w.Author, w.Pinned, w.KeyEvent,
		w.Created.time(), w.Content, w.Drafted.time(), w.Modified.time(), "",
	}
	return nil
}

// some returns v, or nil if it is zero.
func some[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}

// or returns what p points to, or zero if it is nil.
func or[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// draftBody is the body of a request that creates or changes a draft.
type draftBody struct {
	Text     string               `json:"text,omitempty"`
	Content  []motacilla.RawBlock `json:"content,omitzero"`
	Author   *string              `json:"author,omitempty"`
	Pinned   *bool                `json:"pinned,omitempty"`
	KeyEvent *bool                `json:"key_event,omitempty"`
	Created  any                  `json:"created,omitempty"` // a stamp, or null
	Edits    motacilla.PostID     `json:"edits,omitempty"`
	Base     motacilla.Revision   `json:"base,omitempty"`
}

func (n NewDraft) body() draftBody {
	b := draftBody{
		Text: n.Text, Content: n.Content, Edits: n.Edits, Author: some(n.Author), Pinned: some(n.Pinned), KeyEvent: some(n.KeyEvent),
	}
	if !n.Created.IsZero() {
		b.Created = stampOf(n.Created)
	}
	return b
}

func (c DraftChange) body() draftBody {
	b := draftBody{Text: c.Text, Content: c.Content, Author: c.Author, Pinned: c.Pinned, KeyEvent: c.KeyEvent, Base: c.Base}
	if c.Created != nil {
		b.Created = json.RawMessage("null")
		if !c.Created.IsZero() {
			b.Created = stampOf(*c.Created)
		}
	}
	return b
}

// quoted reports whether s can be an ETag.
func quoted(s string) bool {
	return len(s) > 2 && strings.HasPrefix(s, `"`) && strings.HasSuffix(s, `"`) && !strings.ContainsAny(s[1:len(s)-1], "\"\r\n\x00")
}
