package redis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
)

// bias is added to microseconds since 1970, so that the first of the year 1 is 0: texts of digits have no sign.
const bias = 62_135_596_800_000_000

// digits is the length of a revision or time as text.
const digits = 19

// lastCreated is the end of the year 9999 in the form of clockText.
const lastCreated = "0315537897599999999"

func revisionText(rev motacilla.Revision) string { return fmt.Sprintf("%0*d", digits, max(rev, 0)) }

func parseRevision(text string) (motacilla.Revision, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || len(text) != digits {
		return 0, malformed("revision %q", text)
	}
	return motacilla.Revision(n), nil
}

// clockText is a time of the years 1 to 9999. An earlier time becomes the first, a later time the last of them.
func clockText(t time.Time) string {
	switch y := t.UTC().Year(); {
	case y < 1:
		return revisionText(0)
	case y > 9999:
		return lastCreated
	}
	return fmt.Sprintf("%0*d", digits, t.UnixMicro()+bias)
}

func parseTime(text string) (time.Time, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || len(text) != digits {
		return time.Time{}, malformed("time %q", text)
	}
	return time.UnixMicro(int64(n - bias)).UTC(), nil
}

// endedText is empty if the channel has not ended.
func endedText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return clockText(t)
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// channelRow is a channel with what only the store knows of it.
type channelRow struct {
	motacilla.Channel
	born    motacilla.Revision
	deleted bool
}

// channelFields are the fields that parseChannel takes, in its order. lib.lua has the same list.
var channelFields = []string{"title", "access", "created", "ended", "head", "changed", "born", "deleted"}

// parseChannel returns ErrNotFound if there never was such a channel.
func parseChannel(id motacilla.ChannelID, f reply) (c channelRow, err error) {
	if f.text(4) == "" {
		return c, motacilla.ErrNotFound
	}
	c.ID, c.Title, c.Access, c.deleted = id, f.text(0), motacilla.Access(f.text(1)), f.text(7) != "0"
	for _, rev := range []struct {
		into *motacilla.Revision
		at   int
	}{{&c.Head, 4}, {&c.Changed, 5}, {&c.born, 6}} {
		if *rev.into, err = parseRevision(f.text(rev.at)); err != nil {
			return c, err
		}
	}
	if c.deleted {
		c.Channel = motacilla.Channel{ID: id, Head: c.Head}
		return c, nil
	}
	if c.Created, err = parseTime(f.text(2)); err != nil {
		return c, err
	}
	if ended := f.text(3); ended != "" {
		c.Ended, err = parseTime(ended)
	}
	return c, err
}

// parseAlive is parseChannel for a channel that must not be deleted.
func parseAlive(id motacilla.ChannelID, f reply) (channelRow, error) {
	c, err := parseChannel(id, f)
	if err == nil && c.deleted {
		err = motacilla.ErrNotFound
	}
	if err != nil {
		return channelRow{}, err
	}
	return c, nil
}

// words is the part of a post whose change makes it edited.
type words struct {
	Author  string            `json:"a,omitempty"`
	Content []motacilla.Block `json:"c,omitempty"`
}

func wordsText(p motacilla.Post) (string, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // posts are HTML
	err := enc.Encode(words{p.Author, p.Content})
	return string(bytes.TrimRight(buf.Bytes(), "\n")), err
}

func flagsText(p motacilla.Post) string { return flag(p.Show) + flag(p.Pinned) + flag(p.KeyEvent) }

// measured is a text of at most 999 bytes after its length.
func measured(text string) string { return fmt.Sprintf("%03d", len(text)) + text }

// versionText orders texts as their numbers, the negative ones too.
func versionText(version int64) string { return fmt.Sprintf("%020d", uint64(version)^1<<63) }

// postText is a post as it is stored; lib.lua says what comes in which order.
func postText(p motacilla.Post) (string, error) {
	w, err := wordsText(p)
	return revisionText(p.Revision) + clockText(p.Created) + modifiedText(p.Modified) + flagsText(p) +
		measured(p.MessageID) + measured(p.Source) + versionText(p.SourceVersion) + w, err
}

// modifiedText is clockText without its bounds: a revision, and so Modified, may be beyond the year 9999.
func modifiedText(t time.Time) string {
	return fmt.Sprintf("%0*d", digits, uint64(t.UnixMicro())+bias)
}

func parsePost(id motacilla.PostID, text string) (motacilla.Post, error) {
	p, rest, err := parseHeader(id, text)
	if err != nil {
		return p, err
	}
	var stored struct {
		Author  string          `json:"a"`
		Content json.RawMessage `json:"c"`
	}
	if err := json.Unmarshal([]byte(rest), &stored); err != nil {
		return p, malformed("post %q: %v", id, err)
	}
	p.Author = stored.Author
	if stored.Content == nil {
		return p, nil
	}
	if p.Content, err = motacilla.TrustedContent(stored.Content); err != nil {
		return p, malformed("post %q: %v", id, err)
	}
	return p, nil
}

// parseHeader parses all of a post but its words, and returns those as rest.
func parseHeader(id motacilla.PostID, text string) (p motacilla.Post, rest string, err error) {
	p.ID = id
	if len(text) < 3*digits+3 {
		return p, "", malformed("post %q", id)
	}
	if p.Revision, err = parseRevision(text[:digits]); err != nil {
		return p, "", err
	}
	if p.Created, err = parseTime(text[digits : 2*digits]); err != nil {
		return p, "", err
	}
	if p.Modified, err = parseTime(text[2*digits : 3*digits]); err != nil {
		return p, "", err
	}
	flags, rest := text[3*digits:3*digits+3], text[3*digits+3:]
	p.Show, p.Pinned, p.KeyEvent = flags[0] == '1', flags[1] == '1', flags[2] == '1'
	for _, into := range []*string{&p.MessageID, &p.Source} {
		if len(rest) < 3 {
			return p, "", malformed("post %q", id)
		}
		n, err := strconv.ParseUint(rest[:3], 10, 16)
		if rest = rest[3:]; err != nil || len(rest) < int(n) {
			return p, "", malformed("post %q", id)
		}
		*into, rest = rest[:n], rest[n:]
	}
	const length = 20
	if len(rest) < length {
		return p, "", malformed("version of post %q", id)
	}
	version, err := strconv.ParseUint(rest[:length], 10, 64)
	if err != nil {
		return p, "", malformed("version of post %q", id)
	}
	p.SourceVersion = int64(version ^ 1<<63)
	return p, rest[length:], nil
}

// malformed is the error for a text that this package can't have written.
func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: malformed %s", motacilla.ErrUnavailable, fmt.Sprintf(format, args...))
}
