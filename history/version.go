package history

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/byline"
	"github.com/motacilla-live/motacilla/internal/short"
)

// namespace has one record for each version that is kept, and more for a long one.
const namespace = "history"

// version is one version of a post, or its removal.
type version struct {
	byline.Line // who made it

	Revision motacilla.Revision
	Removed  bool           // the post was removed: there is no Post
	Post     motacilla.Post // as it was stored
}

// postPrefix is how the keys of all versions of a post begin.
func postPrefix(ch motacilla.ChannelID, id motacilla.PostID) string {
	return string(ch) + "/" + string(id) + "/"
}

// place returns the last part of a version's key. The newest version is the first in the order of the keys.
func place(r motacilla.Revision) string { return fmt.Sprintf("%019d", math.MaxInt64-int64(r)) }

// keyParts are what a record's key is made of. part is empty for the first record of a version.
type keyParts struct {
	channel  motacilla.ChannelID
	post     motacilla.PostID
	revision motacilla.Revision
	part     string
}

func parseKey(key string) (at keyParts, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 3 && len(parts) != 4 {
		return at, false
	}
	n, err := strconv.ParseInt(parts[2], 10, 64)
	at = keyParts{motacilla.ChannelID(parts[0]), motacilla.PostID(parts[1]), motacilla.Revision(math.MaxInt64 - n), ""}
	if len(parts) == 4 {
		at.part = parts[3]
	}
	return at, err == nil && n >= 0
}

// headJSON is what a record has of a version before the post.
type headJSON struct {
	Who          string `json:"who,omitempty"`
	Name         string `json:"name,omitempty"`
	Approved     string `json:"approved,omitempty"` // by whom
	ApprovedName string `json:"approved_name,omitempty"`
	Removed      bool   `json:"removed,omitzero"`
	More         int    `json:"more,omitzero"` // how many records follow
}

// postJSON is a post in a record, and in the REST interface.
type postJSON struct {
	ID        motacilla.PostID    `json:"id"`
	MessageID string              `json:"message_id"`
	Channel   motacilla.ChannelID `json:"channel"`
	Source    string              `json:"source"`
	Author    string              `json:"author"`
	Created   string              `json:"created"`
	Modified  string              `json:"modified"`
	Show      bool                `json:"show"`
	Pinned    bool                `json:"pinned"`
	KeyEvent  bool                `json:"key_event"`
	Content   jsontext.Value      `json:"content"`
	Revision  motacilla.Revision  `json:"revision"`
}

func encodePost(ch motacilla.ChannelID, p motacilla.Post) (*postJSON, error) {
	content, err := json.Marshal(p.Content)
	if err != nil {
		return nil, err
	}
	return &postJSON{
		ID: p.ID, MessageID: p.MessageID, Channel: ch, Source: p.Source, Author: p.Author,
		Created: motacilla.FormatTime(p.Created), Modified: motacilla.FormatTime(p.Modified),
		Show: p.Show, Pinned: p.Pinned, KeyEvent: p.KeyEvent, Content: content, Revision: p.Revision,
	}, nil
}

// The longest part of a post in one record, in bytes, and the longest name. All else of a record fits into the rest.
const (
	mostPart = motacilla.MaxRecordValue - 8<<10
	mostName = 500
)

// encode returns the values of a version's records. All but the first depend on the post alone, so that two nodes that keep one version
// write the same.
func (v version) encode(ch motacilla.ChannelID) ([][]byte, error) {
	var post []byte
	if !v.Removed {
		p, err := encodePost(ch, v.Post)
		if err == nil {
			post, err = json.Marshal(p)
		}
		if err != nil {
			return nil, fmt.Errorf("encode revision %d of post %q: %w", v.Revision, v.Post.ID, err)
		}
	}
	parts := slices.Collect(slices.Chunk(post, mostPart))
	if len(parts) == 0 {
		parts = [][]byte{nil}
	}
	head, err := json.Marshal(headJSON{
		short.Cut(v.By.Who, mostName), short.Cut(v.By.Name, mostName),
		short.Cut(v.Approved.Who, mostName), short.Cut(v.Approved.Name, mostName), v.Removed, len(parts) - 1,
	})
	if err != nil {
		return nil, err
	}
	parts[0] = slices.Concat(head, []byte{'\n'}, parts[0])
	return parts, nil
}

// decode is the reverse of encode. The parts must come from the store's records. The error is an ErrNotFound if some are missing.
func decode(revision motacilla.Revision, parts [][]byte) (version, error) {
	first, post, _ := bytes.Cut(parts[0], []byte{'\n'})
	var head headJSON
	if err := json.Unmarshal(first, &head); err != nil {
		return version{}, err
	}
	v := version{Revision: revision, Removed: head.Removed}
	v.By, v.Approved = byline.Person{Who: head.Who, Name: head.Name}, byline.Person{Who: head.Approved, Name: head.ApprovedName}
	if head.Removed {
		return v, nil
	}
	if len(parts) != 1+head.More {
		return v, fmt.Errorf("it has %d parts of %d: %w", len(parts), 1+head.More, motacilla.ErrNotFound)
	}
	post = slices.Concat(append([][]byte{post}, parts[1:]...)...)
	var p postJSON
	if err := json.Unmarshal(post, &p); err != nil {
		return v, err
	}
	v.Post = motacilla.Post{
		ID: p.ID, MessageID: p.MessageID, Source: p.Source, Author: p.Author,
		Show: p.Show, Pinned: p.Pinned, KeyEvent: p.KeyEvent, Revision: p.Revision,
	}
	var err error
	if v.Post.Created, err = time.Parse(time.RFC3339Nano, p.Created); err != nil {
		return v, err
	}
	if v.Post.Modified, err = time.Parse(time.RFC3339Nano, p.Modified); err != nil {
		return v, err
	}
	v.Post.Content, err = motacilla.TrustedContent(p.Content)
	return v, err
}
