package client

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Post is a post as the server answers it. In JSON it has the form of the wire (docs/wire.md).
type Post struct {
	ID        motacilla.PostID
	MessageID string // the ID that makes a repeated message one post
	Channel   motacilla.ChannelID
	Source    string // the receiver that it came from, such as "webapp"
	Author    string
	Created   time.Time // UTC, to the microsecond
	Modified  time.Time // when author or content last changed; Created until then
	Show      bool      // false if the post is hidden
	Pinned    bool
	KeyEvent  bool
	Content   []motacilla.RawBlock // its text is sanitised HTML
	Revision  motacilla.Revision
}

// NewPost is a post to be created. It has either Text or Content.
type NewPost struct {
	// Text is the short form of Content: HTML, one text block for each line. A line that is only a link to a known
	// provider, such as YouTube, becomes an embed.
	Text    string
	Content []motacilla.RawBlock
	Author  string
	// MessageID is an ID of your own, unique within the channel, up to motacilla.MaxID bytes. If the channel has a post
	// with it, no other one is created. Empty means an ID that CreatePost makes.
	MessageID string
	Hidden    bool
	Pinned    bool
	KeyEvent  bool
	Created   time.Time // may be in the past; zero means when it is stored
}

// PostChange says what of a post changes. nil and empty fields leave what is there.
type PostChange struct {
	Text     string               // replaces the content; either Text or Content
	Content  []motacilla.RawBlock // replaces the content
	Author   *string              // new("Mara")
	Show     *bool                // new(false) hides the post
	Pinned   *bool
	KeyEvent *bool
	Created  time.Time
	// IfRevision is the revision that the post must still have, so that no change of others is overwritten. If the post has
	// another one and is not already as it should become, the error is a [motacilla.ErrConflict]. 0 changes the post
	// whatever its revision is.
	IfRevision motacilla.Revision
}

type postJSON struct {
	ID        motacilla.PostID     `json:"id"`
	MessageID string               `json:"message_id"`
	Channel   motacilla.ChannelID  `json:"channel"`
	Source    string               `json:"source"`
	Author    string               `json:"author"`
	Created   *stamp               `json:"created"`
	Modified  *stamp               `json:"modified"`
	Show      bool                 `json:"show"`
	Pinned    bool                 `json:"pinned"`
	KeyEvent  bool                 `json:"key_event"`
	Content   []motacilla.RawBlock `json:"content"`
	Revision  motacilla.Revision   `json:"revision"`
}

// MarshalJSON encodes p in the form of the wire. It does not escape HTML.
func (p Post) MarshalJSON() ([]byte, error) {
	w := postJSON{
		p.ID, p.MessageID, p.Channel, p.Source, p.Author, stampOf(p.Created), stampOf(p.Modified),
		p.Show, p.Pinned, p.KeyEvent, p.Content, p.Revision,
	}
	if w.Content == nil {
		w.Content = []motacilla.RawBlock{}
	}
	return plainJSON(w)
}

// UnmarshalJSON decodes the form of the wire. The error is a [motacilla.ErrInvalid], or one of encoding/json.
func (p *Post) UnmarshalJSON(data []byte) error {
	var w postJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if _, err := motacilla.ParsePostID(string(w.ID)); err != nil {
		return err
	}
	*p = Post{
		w.ID, w.MessageID, w.Channel, w.Source, w.Author, w.Created.time(), w.Modified.time(),
		w.Show, w.Pinned, w.KeyEvent, w.Content, w.Revision,
	}
	return nil
}

// postBody is the body of a request that creates or changes a post.
type postBody struct {
	Text      string               `json:"text,omitempty"`
	Content   []motacilla.RawBlock `json:"content,omitzero"`
	Author    *string              `json:"author,omitempty"`
	MessageID string               `json:"message_id,omitempty"`
	Show      *bool                `json:"show,omitempty"`
	Pinned    *bool                `json:"pinned,omitempty"`
	KeyEvent  *bool                `json:"key_event,omitempty"`
	Created   *stamp               `json:"created,omitempty"`
}

func (p NewPost) body() postBody {
	return postBody{
		Text: p.Text, Content: p.Content, Author: &p.Author, MessageID: p.MessageID, Show: new(!p.Hidden),
		Pinned: &p.Pinned, KeyEvent: &p.KeyEvent, Created: stampOf(p.Created),
	}
}

func (p PostChange) body() postBody {
	return postBody{
		Text: p.Text, Content: p.Content, Author: p.Author, Show: p.Show, Pinned: p.Pinned, KeyEvent: p.KeyEvent,
		Created: stampOf(p.Created),
	}
}

// plainJSON encodes v without escaping HTML.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
