package durablestreams

import (
	"net/url"
	"strconv"

	"github.com/motacilla-live/motacilla"
)

// How a reader wants to be answered: the values of the parameter live.
const (
	catchUp  = ""
	longPoll = "long-poll"
	sse      = "sse"
)

// question is what a GET request asks for.
type question struct {
	now   bool               // begin at the end, which since is when it is known
	since motacilla.Revision // 0 is the beginning
	live  string
	seen  int64 // the Stream-Cursor that the reader had last; 0 if it had none, or one that is not this server's
}

// parseQuestion reads the parameters and ignores others. The error is an ErrInvalid.
func parseQuestion(query url.Values) (q question, err error) {
	offsets, live := query["offset"], query["live"]
	switch {
	case len(offsets) > 1:
		return q, motacilla.Invalid("offset", "must be given once")
	case len(live) > 1:
		return q, motacilla.Invalid("live", "must be given once")
	case len(live) == 1 && live[0] != longPoll && live[0] != sse:
		return q, motacilla.Invalid("live", "must be long-poll or sse")
	case len(live) == 1 && len(offsets) == 0:
		return q, motacilla.Invalid("offset", "must be given with live")
	case len(live) == 1:
		q.live = live[0]
	}
	if len(offsets) == 1 && offsets[0] != offsetStart {
		if q.now = offsets[0] == offsetNow; !q.now {
			q.since, err = parseOffset(offsets[0])
		}
	}
	if seen, err := strconv.ParseUint(query.Get("cursor"), 10, 53); err == nil {
		q.seen = int64(seen)
	}
	return q, err
}
