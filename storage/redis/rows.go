package redis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
)

// bias is added to microseconds since 1970 so that those of the year 1 are 0: texts of digits have no sign.
const bias = 62_135_596_800_000_000

// digits is the length of a revision or time as text.
const digits = 19

// lastCreated is the end of the year 9999, as clockText has it.
const lastCreated = "0315537897599999999"

func revisionText(rev motacilla.Revision) string { return fmt.Sprintf("%0*d", digits, max(rev, 0)) }

func parseRevision(text string) (motacilla.Revision, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || len(text) != digits {
		return 0, malformed("revision %q", text)
	}
	return motacilla.Revision(n), nil
}

// clockText is a time of the years 1 to 9999; what is before or after is the first or the last of them.
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

// endedText is empty while the channel goes on.
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
	changed motacilla.Revision
	born    motacilla.Revision
	deleted bool
}

// channelFields are what parseChannel takes, in its order; lib.lua has them too.
var channelFields = []string{"title", "access", "created", "ended", "head", "changed", "born", "deleted"}

// parseChannel returns ErrNotFound where there never was such a channel.
func parseChannel(id motacilla.ChannelID, f reply) (c channelRow, err error) {
	if f.text(4) == "" {
		return c, motacilla.ErrNotFound
	}
	c.ID, c.Title, c.Access, c.deleted = id, f.text(0), motacilla.Access(f.text(1)), f.text(7) != "0"
	for _, rev := range []struct {
		into *motacilla.Revision
		at   int
	}{{&c.Head, 4}, {&c.changed, 5}, {&c.born, 6}} {
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

// parseAlive is parseChannel for a channel that is there.
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

// body is the part of a post that scripts don't look into.
type body struct {
	Version  int64             `json:"v,omitempty"`
	Source   string            `json:"s,omitempty"`
	Author   string            `json:"a,omitempty"`
	KeyEvent bool              `json:"k,omitempty"`
	Content  []motacilla.Block `json:"c,omitempty"`
}

func bodyText(p motacilla.Post) (string, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // posts are HTML
	err := enc.Encode(body{p.SourceVersion, p.Source, p.Author, p.KeyEvent, p.Content})
	return string(bytes.TrimRight(buf.Bytes(), "\n")), err
}

// postText is a post as it is stored; lib.lua says what comes in which order.
func postText(p motacilla.Post) (string, error) {
	rest, err := bodyText(p)
	if err != nil {
		return "", err
	}
	return revisionText(p.Revision) + clockText(p.Created) + modifiedText(p.Modified) + flag(p.Show) + flag(p.Pinned) +
		fmt.Sprintf("%03d", len(p.MessageID)) + p.MessageID + rest, nil
}

// modifiedText is clockText without its bounds: a revision, and so Modified, may be beyond the year 9999.
func modifiedText(t time.Time) string {
	return fmt.Sprintf("%0*d", digits, uint64(t.UnixMicro())+bias)
}

func parsePost(id motacilla.PostID, text string) (motacilla.Post, error) {
	const fixed = 3*digits + 2 + 3
	p := motacilla.Post{ID: id}
	if len(text) < fixed {
		return p, malformed("post %q", id)
	}
	var err error
	if p.Revision, err = parseRevision(text[:digits]); err != nil {
		return p, err
	}
	if p.Created, err = parseTime(text[digits : 2*digits]); err != nil {
		return p, err
	}
	if p.Modified, err = parseTime(text[2*digits : 3*digits]); err != nil {
		return p, err
	}
	p.Show, p.Pinned = text[3*digits] == '1', text[3*digits+1] == '1'
	n, err := strconv.ParseUint(text[fixed-3:fixed], 10, 16)
	if err != nil || len(text) < fixed+int(n) {
		return p, malformed("message ID of post %q", id)
	}
	p.MessageID = text[fixed : fixed+int(n)]
	var rest body
	if err := json.Unmarshal([]byte(text[fixed+int(n):]), &rest); err != nil {
		return p, malformed("post %q: %v", id, err)
	}
	p.SourceVersion, p.Source, p.Author, p.KeyEvent = rest.Version, rest.Source, rest.Author, rest.KeyEvent
	p.Content = rest.Content
	return p, nil
}

// malformed is an error of what this package did not write.
func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: malformed %s", motacilla.ErrUnavailable, fmt.Sprintf(format, args...))
}
