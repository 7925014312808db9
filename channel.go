package motacilla

import (
	"strings"
	"time"
	"unicode/utf8"
)

// ChannelID names a channel. It has 1 to 255 of the characters A-Z a-z 0-9 - . _ ~ : @ + and must not consist of dots only.
type ChannelID string

// MaxID is the longest channel ID, message ID or author, in bytes.
const MaxID = 255

// MaxTitle is the longest title of a channel, in bytes.
const MaxTitle = 500

const channelIDProblem = "must be 1 to 255 of A-Z a-z 0-9 - . _ ~ : @ +, and not only dots"

// ParseChannelID returns s as a ChannelID, or an [ErrInvalid] that names the field channel_id.
func ParseChannelID(s string) (ChannelID, error) {
	if !validChannelID(s) {
		return "", Invalid("channel_id", channelIDProblem)
	}
	return ChannelID(s), nil
}

func validChannelID(s string) bool {
	if s == "" || len(s) > MaxID || strings.Trim(s, ".") == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-._~:@+", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// Access says who may read a channel.
type Access string

// A public channel may be read by everybody. A private one may be read only with permission.
const (
	Public  Access = "public"
	Private Access = "private"
)

// Channel is one live page.
type Channel struct {
	ID      ChannelID
	Title   string // up to MaxTitle bytes
	Access  Access
	Created time.Time // UTC, to the microsecond; set by the store
	Ended   time.Time // UTC, to the microsecond; zero if the channel has not ended
	Changed Revision  // the revision at which title, access or end last changed; set by the store
	Head    Revision  // the newest revision of the channel; set by the store
}

// Normalize returns c in the form in which a store keeps it: an empty Access becomes Public, and times become UTC, cut
// to the microsecond.
func (c Channel) Normalize() Channel {
	if c.Access == "" {
		c.Access = Public
	}
	c.Created = Micro(c.Created)
	c.Ended = Micro(c.Ended)
	return c
}

// Validate returns an [ErrInvalid] that names the first wrong field of a normalized channel, or nil.
func (c Channel) Validate() error {
	if !validChannelID(string(c.ID)) {
		return Invalid("id", channelIDProblem)
	}
	if err := validText("title", c.Title, MaxTitle); err != nil {
		return err
	}
	if c.Access != Public && c.Access != Private {
		return Invalid("access", `must be "public" or "private"`)
	}
	return validTime("ended", c.Ended)
}

// Amend returns c with the Title, Access and Ended of next, normalized. It is what a store keeps if next replaces c. If
// nothing would change, Amend returns c, and changed is false. If the result is not valid, the error is an [ErrInvalid].
func (c Channel) Amend(next Channel) (amended Channel, changed bool, err error) {
	next = next.Normalize()
	next.ID, next.Created, next.Changed, next.Head = c.ID, c.Created, c.Changed, c.Head
	if err := next.Validate(); err != nil {
		return c, false, err
	}
	if next.Title == c.Title && next.Access == c.Access && next.Ended.Equal(c.Ended) {
		return c, false, nil
	}
	return next, true, nil
}

// Micro returns t in UTC, cut to the microsecond, without a monotonic reading. The zero time stays zero.
func Micro(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

func validText(field, s string, most int) error {
	switch {
	case len(s) > most:
		return Invalid(field, "must be at most %d bytes", most)
	case !utf8.ValidString(s):
		return Invalid(field, "must be valid UTF-8")
	case strings.IndexByte(s, 0) >= 0:
		return Invalid(field, "must not contain U+0000")
	}
	return nil
}

func validTime(field string, t time.Time) error {
	if y := t.Year(); y < 1 || y > 9999 {
		return Invalid(field, "must be in the years 1 to 9999")
	}
	return nil
}
