package motacilla

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// TimeFormat is the form of every time on the wire: RFC 3339 in UTC with exactly six decimals.
const TimeFormat = "2006-01-02T15:04:05.000000Z"

// FormatTime returns t in TimeFormat.
func FormatTime(t time.Time) string { return t.UTC().Format(TimeFormat) }

// Stub returns the HTML that readers receive for a post that is hidden or could not be rendered: an empty element that
// keeps the post's place.
func Stub(id PostID) string {
	return `<div class="live-post" data-post-id="` + string(id) + `"></div>`
}

// Update carries a reader from the revision From to the revision Revision. A reader must apply it by the rules of [View].
type Update struct {
	Channel  ChannelID
	From     Revision
	Revision Revision
	Renders  []Render // oldest first, by (Created, ID); none is newer than Revision
	Removals []PostID // the posts that were removed
	Reset    bool     // Renders replaces all that the reader holds
	Complete bool     // in a reset: there are no posts older than Renders
	State    *State   // the channel's title and end, in a reset or if they changed; nil otherwise
	Gone     bool     // the channel was deleted; no update follows
}

// State is what an update says about the channel itself.
type State struct {
	Title string
	Ended time.Time // zero while the channel goes on
}

// Render is a post as readers get it.
type Render struct {
	ID       PostID
	Show     bool
	Content  string // HTML; the Stub if Show is false
	Created  time.Time
	Modified time.Time
	Pinned   bool
	Revision Revision
}

// Key returns the post's place in its channel.
func (r Render) Key() PostKey { return PostKey{r.Created, r.ID} }

// Heartbeat reports whether u says only that nothing has changed.
func (u *Update) Heartbeat() bool {
	return u.From == u.Revision && !u.Reset && !u.Gone && u.State == nil && len(u.Renders) == 0 && len(u.Removals) == 0
}

// Floor returns the floor of a reset: from the newest post back to the floor, no shown post is missing in Renders. It is
// the zero key if Renders has all posts. A pinned post may be older than the newest page, and posts between the two are
// then left out. So the floor is the oldest post that is not pinned. If all posts are pinned, it is the newest of them,
// since posts may be missing below it.
func (u *Update) Floor() PostKey {
	var unpinned, newest PostKey
	if u.Complete {
		return PostKey{}
	}
	for _, r := range u.Renders {
		if key := r.Key(); !r.Pinned && (unpinned.IsZero() || key.Compare(unpinned) < 0) {
			unpinned = key
		} else if key.Compare(newest) > 0 {
			newest = key
		}
	}
	if unpinned.IsZero() {
		return newest
	}
	return unpinned
}

// MarshalJSON encodes u in its form on the wire. renders is an object with post IDs as keys, in the order of Renders.
func (u Update) MarshalJSON() ([]byte, error) { return u.AppendJSON(nil), nil }

// AppendJSON appends the JSON of u to dst. It contains no line breaks. < > & U+2028 and U+2029 are escaped.
func (u *Update) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"channel":`...)
	dst = AppendJSONString(dst, string(u.Channel))
	dst = append(dst, `,"from":`...)
	dst = strconv.AppendInt(dst, int64(u.From), 10)
	dst = append(dst, `,"revision":`...)
	dst = strconv.AppendInt(dst, int64(u.Revision), 10)
	dst = append(dst, `,"renders":{`...)
	for i, r := range u.Renders {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.appendJSON(dst)
	}
	dst = append(dst, `},"removals":[`...)
	for i, id := range u.Removals {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendJSONString(dst, string(id))
	}
	dst = append(dst, ']')
	if u.Reset {
		dst = append(dst, `,"reset":true,"complete":`...)
		dst = strconv.AppendBool(dst, u.Complete)
	}
	if u.State != nil {
		dst = append(dst, `,"title":`...)
		dst = AppendJSONString(dst, u.State.Title)
		dst = append(dst, `,"ended":`...)
		if u.State.Ended.IsZero() {
			dst = append(dst, "null"...)
		} else {
			dst = appendTime(dst, u.State.Ended)
		}
	}
	if u.Gone {
		dst = append(dst, `,"gone":true`...)
	}
	return append(dst, '}')
}

func (r Render) appendJSON(dst []byte) []byte {
	dst = AppendJSONString(dst, string(r.ID))
	dst = append(dst, `:{"show":`...)
	dst = strconv.AppendBool(dst, r.Show)
	dst = append(dst, `,"content":`...)
	dst = AppendJSONString(dst, r.Content)
	dst = append(dst, `,"created":`...)
	dst = appendTime(dst, r.Created)
	dst = append(dst, `,"modified":`...)
	dst = appendTime(dst, r.Modified)
	dst = append(dst, `,"pinned":`...)
	dst = strconv.AppendBool(dst, r.Pinned)
	dst = append(dst, `,"revision":`...)
	dst = strconv.AppendInt(dst, int64(r.Revision), 10)
	return append(dst, '}')
}

func appendTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, TimeFormat)
	return append(dst, '"')
}

// AppendJSONString appends s to dst as a JSON string on one line that is safe inside HTML. Invalid UTF-8 becomes U+FFFD.
func AppendJSONString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError && r != '\u2028' && r != '\u2029' || r == utf8.RuneError && n > 1 {
				i += n
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
			i += n
			start = i
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// UnmarshalJSON decodes what MarshalJSON encodes. It ignores unknown keys. It returns an [ErrInvalid] for what would harm
// a [View]: invalid IDs, a render newer than its update, a title without ended, or ended without a title.
func (u *Update) UnmarshalJSON(data []byte) error {
	var raw struct {
		Channel  ChannelID                  `json:"channel"`
		From     Revision                   `json:"from"`
		Revision Revision                   `json:"revision"`
		Renders  map[PostID]json.RawMessage `json:"renders"`
		Removals []PostID                   `json:"removals"`
		Reset    bool                       `json:"reset"`
		Complete bool                       `json:"complete"`
		Title    *string                    `json:"title"`
		Ended    json.RawMessage            `json:"ended"`
		Gone     bool                       `json:"gone"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("decode update: %w", err)
	}
	if err := validUpdate(raw.Channel, raw.From, raw.Revision, raw.Removals); err != nil {
		return fmt.Errorf("decode update: %w", err)
	}
	next := Update{
		Channel: raw.Channel, From: raw.From, Revision: raw.Revision, Removals: raw.Removals,
		Reset: raw.Reset, Complete: raw.Complete, Gone: raw.Gone,
	}
	for id, body := range raw.Renders {
		var r struct {
			Show     bool      `json:"show"`
			Content  string    `json:"content"`
			Created  time.Time `json:"created"`
			Modified time.Time `json:"modified"`
			Pinned   bool      `json:"pinned"`
			Revision Revision  `json:"revision"`
		}
		if err := json.Unmarshal(body, &r); err != nil {
			return fmt.Errorf("decode update: render %s: %w", id, err)
		}
		if _, err := ParsePostID(string(id)); err != nil {
			return fmt.Errorf("decode update: renders: %w", err)
		}
		if r.Revision < 0 || r.Revision > raw.Revision {
			return fmt.Errorf("decode update: render %s: %w", id, Invalid("revision", "must not be newer than the update"))
		}
		next.Renders = append(next.Renders,
			Render{id, r.Show, r.Content, r.Created.UTC(), r.Modified.UTC(), r.Pinned, r.Revision})
	}
	slices.SortFunc(next.Renders, func(a, b Render) int { return a.Key().Compare(b.Key()) })
	if (raw.Title != nil) != (raw.Ended != nil) {
		return fmt.Errorf("decode update: %w", Invalid("title", "must come together with ended"))
	}
	if raw.Title != nil {
		next.State = &State{Title: *raw.Title}
		if !bytes.Equal(raw.Ended, []byte("null")) {
			if err := json.Unmarshal(raw.Ended, &next.State.Ended); err != nil {
				return fmt.Errorf("decode update: ended: %w", err)
			}
			next.State.Ended = next.State.Ended.UTC()
		}
	}
	*u = next
	return nil
}

func validUpdate(ch ChannelID, from, rev Revision, removals []PostID) error {
	if _, err := ParseChannelID(string(ch)); err != nil {
		return err
	}
	if from < 0 || rev < 0 {
		return Invalid("revision", "must not be negative, and from must not be either")
	}
	for _, id := range removals {
		if _, err := ParsePostID(string(id)); err != nil {
			return fmt.Errorf("removals: %w", err)
		}
	}
	return nil
}
