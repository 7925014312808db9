package motacilla

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// PostID names a post: a UUIDv7 (RFC 9562, section 5.7) in lower-case text.
type PostID string

// NewPostID returns a new post ID. It begins with the given time in milliseconds, and the rest is random.
func NewPostID(at time.Time) PostID {
	var b [16]byte
	_, _ = rand.Read(b[6:]) // never fails (crypto/rand)
	ms := uint64(max(at.UnixMilli(), 0))
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	b[6] = 0x70 | b[6]&0x0f
	b[8] = 0x80 | b[8]&0x3f
	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return PostID(text[:])
}

// ParsePostID returns s as a PostID, or an [ErrInvalid] that names the field post_id.
func ParsePostID(s string) (PostID, error) {
	ok := len(s) == 36 && s[14] == '7' && strings.IndexByte("89ab", s[19]) >= 0
	for i := 0; ok && i < len(s); i++ {
		switch i {
		case 8, 13, 18, 23:
			ok = s[i] == '-'
		default:
			ok = '0' <= s[i] && s[i] <= '9' || 'a' <= s[i] && s[i] <= 'f'
		}
	}
	if !ok {
		return "", Invalid("post_id", "must be a UUIDv7 in lower case")
	}
	return PostID(s), nil
}

// MaxText is the most text that a post may have in all its blocks together, in bytes.
const MaxText = 64 << 10

// MaxBlocks is the largest number of blocks in a post.
const MaxBlocks = 1000

// Post is one message on a channel.
type Post struct {
	ID            PostID
	MessageID     string    // the source's own ID, unique within the channel unless empty; kept after removal
	SourceVersion int64     // grows with the source's edits; an older one never overwrites a newer one; 0 if there are none
	Source        string    // the receiver that it came from, such as "webapp"
	Author        string    // up to MaxID bytes
	Created       time.Time // UTC, to the microsecond; may be backdated
	Modified      time.Time // when author or content last changed; Created until then; set by the store
	Show          bool      // false hides the post: readers receive a stub, which keeps its place
	Pinned        bool      // the post stays at the top of the page
	KeyEvent      bool      // the page marks the post as a key event
	Content       []Block   // up to MaxBlocks blocks
	Revision      Revision  // of its newest change; set by the store
}

// PostKey orders posts: by Created, then by ID. The zero key means no key.
type PostKey struct {
	Created time.Time
	ID      PostID
}

// IsZero reports whether k is the zero key.
func (k PostKey) IsZero() bool { return k.ID == "" && k.Created.IsZero() }

// Compare returns -1 if k is older than l, 1 if it is newer, and 0 if they are equal.
func (k PostKey) Compare(l PostKey) int {
	if c := k.Created.Compare(l.Created); c != 0 {
		return c
	}
	return strings.Compare(string(k.ID), string(l.ID))
}

// Key returns the post's place in its channel.
func (p Post) Key() PostKey { return PostKey{p.Created, p.ID} }

// Edited reports whether author or content changed after the post was created.
func (p Post) Edited() bool { return !p.Modified.Equal(p.Created) }

// Clone returns p with a Content of its own.
func (p Post) Clone() Post {
	p.Content = slices.Clone(p.Content)
	return p
}

// Admit returns what a store keeps if p is a new post, made at revision rev. An empty ID becomes a new one. A zero Created
// becomes the time of rev. The post is normalized. If it is not valid, the error is an [ErrInvalid].
func (p Post) Admit(rev Revision) (Post, error) {
	p.Content = normalContent(p.Content)
	p.Revision = rev
	if p.ID == "" {
		p.ID = NewPostID(rev.Time())
	}
	p.Created = Micro(p.Created)
	if p.Created.IsZero() {
		p.Created = rev.Time()
	}
	p.Modified = p.Created
	return p, p.Validate()
}

// Amend returns what a store keeps if next replaces p at revision rev. This is next with the ID, MessageID and Source of
// p, and with p's Created if next has none. Modified becomes the time of rev if author or content changed. What the server
// itself fills in, the files of an image and the card of an embed, does not count for Modified. If nothing would change, Amend
// returns p, and changed is false. If the result is not valid, the error is an [ErrInvalid].
func (p Post) Amend(next Post, rev Revision) (amended Post, changed bool, err error) {
	next.Content = normalContent(next.Content)
	next.ID, next.MessageID, next.Source, next.Modified = p.ID, p.MessageID, p.Source, p.Modified
	next.Created = Micro(next.Created)
	if next.Created.IsZero() {
		next.Created = p.Created
	}
	reworded := next.Author != p.Author || !slices.EqualFunc(next.Content, p.Content, Block.says)
	same := !reworded && slices.Equal(next.Content, p.Content) && next.SourceVersion == p.SourceVersion && next.Created.Equal(p.Created) &&
		next.Show == p.Show && next.Pinned == p.Pinned && next.KeyEvent == p.KeyEvent
	if same {
		return p, false, nil
	}
	switch {
	case reworded:
		next.Modified = rev.Time()
	case !p.Edited():
		next.Modified = next.Created
	}
	next.Revision = rev
	if err := next.Validate(); err != nil {
		return p, false, err
	}
	return next, true, nil
}

// Validate returns an [ErrInvalid] that names the first wrong field of a post as a store keeps it, or nil.
func (p Post) Validate() error {
	if _, err := ParsePostID(string(p.ID)); err != nil {
		return Invalid("id", "must be a UUIDv7 in lower case")
	}
	for _, f := range []struct{ name, value string }{
		{"message_id", p.MessageID}, {"source", p.Source}, {"author", p.Author},
	} {
		if err := validText(f.name, f.value, MaxID); err != nil {
			return err
		}
	}
	if err := validTime("created", p.Created); err != nil {
		return err
	}
	return validContent(p.Content)
}
