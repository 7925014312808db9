package webapp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// maxLimit is the most entries of a listing.
const maxLimit = 100

// query returns the request's parameters. Each of names must be given at most once.
func query(r *http.Request, names ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, motacilla.Invalid("query", "must be percent-encoded")
	}
	for _, name := range names {
		if len(q[name]) > 1 {
			return nil, motacilla.Invalid(name, "must be given at most once")
		}
	}
	return q, nil
}

func limitOf(q url.Values) (int, error) {
	if !q.Has("limit") {
		return motacilla.DefaultLimit, nil
	}
	s := q.Get("limit")
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n < 1 || n > maxLimit || s[0] == '0' {
		return 0, motacilla.Invalid("limit", "must be 1 to %d", maxLimit)
	}
	return int(n), nil
}

// cursor returns a place among a channel's posts as text: the time of creation in microseconds, and the ID.
func cursor(k motacilla.PostKey) string {
	return strconv.FormatInt(k.Created.UnixMicro(), 10) + "_" + string(k.ID)
}

// parseCursor parses what cursor returns, and nothing else.
func parseCursor(s string) (motacilla.PostKey, bool) {
	micros, id, _ := strings.Cut(s, "_")
	n, err := strconv.ParseInt(micros, 10, 64)
	if err != nil {
		return motacilla.PostKey{}, false
	}
	post, err := motacilla.ParsePostID(id)
	if err != nil {
		return motacilla.PostKey{}, false
	}
	k := motacilla.PostKey{Created: time.UnixMicro(n).UTC(), ID: post}
	year := k.Created.Year()
	return k, year >= 1 && year <= 9999 && cursor(k) == s
}

// before returns the place before which a listing begins. ?before is a cursor, or the ID of a post of the channel.
func (a *Webapp) before(ctx context.Context, ch motacilla.ChannelID, q url.Values) (motacilla.PostKey, error) {
	if !q.Has("before") {
		return motacilla.PostKey{}, nil
	}
	s := q.Get("before")
	if key, ok := parseCursor(s); ok {
		return key, nil
	}
	id, err := motacilla.ParsePostID(s)
	if err != nil {
		return motacilla.PostKey{}, motacilla.Invalid("before", `must be the "next" of an earlier answer, or a post's ID`)
	}
	p, err := a.sink.Post(ctx, ch, id)
	if errors.Is(err, motacilla.ErrNotFound) {
		if _, err := a.sink.Channel(ctx, ch); err != nil {
			return motacilla.PostKey{}, err
		}
		return motacilla.PostKey{}, motacilla.Invalid("before", "is not a post of this channel, or was removed")
	}
	return p.Key(), err
}
