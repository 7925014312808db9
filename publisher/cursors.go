package publisher

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// ParseCursors reads the query of a connection that follows several channels: a parameter c for each, which is the channel's ID, or
// ID,REVISION. No ID has a comma. The error is an ErrInvalid that names the field.
func ParseCursors(rawQuery string) ([]Cursor, error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, motacilla.Invalid("c", "the query can't be parsed: escape the values")
	}
	if query.Has("since") {
		return nil, motacilla.Invalid("since", "must not be given here: give each channel its revision, as in c=match-42,1763890000456789")
	}
	list := query["c"]
	if len(list) > MostChannels {
		return nil, motacilla.Invalid("c", "must be given at most %d times", MostChannels)
	}
	cursors := make([]Cursor, 0, len(list))
	for _, value := range list {
		c, err := parseCursor(value)
		if err != nil {
			return nil, err
		}
		cursors = append(cursors, c)
	}
	if twice, ok := repeated(cursors); ok {
		return nil, motacilla.Invalid("c", "must not give the channel %s twice", twice)
	}
	return cursors, nil
}

// How many bytes a request for several channels may have in its address, and in its header fields. The hook may read them for each channel.
// If the reader can make requests, they are kept as long as the connection.
const (
	mostAddress = 64 << 10 // a hundred of the longest IDs fit, also if many characters are escaped
	mostFields  = 16 << 10
)

// checkHead returns an error if the head of a request for several channels is too long.
func checkHead(r *http.Request) error {
	size := 0
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	if size > mostFields || len(r.RequestURI) > mostAddress {
		return motacilla.Invalid("", "a request for several channels may have an address of %d KiB and header fields of %d KiB",
			mostAddress>>10, mostFields>>10)
	}
	return nil
}

func parseCursor(value string) (Cursor, error) {
	id, revision, given := strings.Cut(value, ",")
	ch, err := motacilla.ParseChannelID(id)
	if err != nil {
		return Cursor{}, motacilla.Invalid("c", "must begin with a channel's ID, which is 1 to %d of A-Z a-z 0-9 - . _ ~ : @ +, "+
			"with + escaped", motacilla.MaxID)
	}
	c := Cursor{Channel: ch}
	if !given {
		return c, nil
	}
	if c.After, err = motacilla.ParseRevision(revision); err != nil {
		return Cursor{}, motacilla.Invalid("c", "must have a revision in decimal digits after its comma, or 0")
	}
	return c, nil
}

// repeated returns a channel that is there twice.
func repeated(cursors []Cursor) (motacilla.ChannelID, bool) {
	seen := make(map[motacilla.ChannelID]struct{}, len(cursors))
	for _, c := range cursors {
		if _, twice := seen[c.Channel]; twice {
			return c.Channel, true
		}
		seen[c.Channel] = struct{}{}
	}
	return "", false
}

// ManyPath returns the path for several channels beside the path for one: without its last part, if that is {channel_id} and
// something comes before it. Otherwise it is empty, and there is none.
func ManyPath(path string) string {
	rest, ok := strings.CutSuffix(strings.TrimRight(path, "/"), "{channel_id}")
	if !ok || strings.Trim(rest, "/") == "" || !strings.HasSuffix(rest, "/") || strings.Contains(rest, "{") {
		return ""
	}
	return rest
}
