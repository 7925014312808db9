package polling

import (
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// timedOut is long polling's answer to Wagtail Live's client if nothing has come in time (wagtail_live/publishers/polling.py).
const timedOut = `{"timeOutReached":"Timeout duration reached."}`

// appendHandshake appends {"livePosts","lastUpdateTimestamp","pollingInterval"}.
func appendHandshake(dst []byte, w *publisher.Window, interval time.Duration) []byte {
	dst = append(dst, `{"livePosts":[`...)
	for i, p := range w.Posts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = motacilla.AppendJSONString(dst, string(p.ID))
	}
	dst = append(dst, `],"lastUpdateTimestamp":`...)
	dst = w.Head.AppendTimestamp(dst)
	if interval > 0 {
		dst = append(dst, `,"pollingInterval":`...)
		dst = strconv.AppendInt(dst, interval.Milliseconds(), 10)
	}
	return append(dst, '}')
}

// appendUpdates appends {"updates","currentPosts","lastUpdateTimestamp"}. Posts are oldest first.
func appendUpdates(dst []byte, w *publisher.Window, after motacilla.Revision) []byte {
	dst = append(dst, `{"updates":{`...)
	first := true
	for i := len(w.Posts) - 1; i >= 0; i-- {
		p := &w.Posts[i]
		if p.Revision <= after {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = motacilla.AppendJSONString(dst, string(p.ID))
		dst = append(dst, `:{"show":`...)
		dst = strconv.AppendBool(dst, p.Show)
		dst = append(dst, `,"content":`...)
		dst = motacilla.AppendJSONString(dst, p.Content)
		dst = append(dst, '}')
	}
	dst = append(dst, `},"currentPosts":[`...)
	for i := len(w.Posts) - 1; i >= 0; i-- {
		dst = motacilla.AppendJSONString(dst, string(w.Posts[i].ID))
		if i > 0 {
			dst = append(dst, ',')
		}
	}
	dst = append(dst, `],"lastUpdateTimestamp":`...)
	dst = w.Head.AppendTimestamp(dst)
	return append(dst, '}')
}

// settle returns the newest revision of the window's posts that is not beyond after, or 0. The answer after it is the same,
// so that all readers with the same answer share it.
func settle(w *publisher.Window, after motacilla.Revision) motacilla.Revision {
	var settled motacilla.Revision
	for i := range w.Posts {
		if r := w.Posts[i].Revision; r <= after && r > settled {
			settled = r
		}
	}
	return settled
}

// withNextPoll returns the format of an update with next_poll_ms, which says when the client must ask again.
func withNextPoll(name string, next time.Duration) *publisher.Format {
	suffix := `,"next_poll_ms":` + strconv.FormatInt(next.Milliseconds(), 10) + `}`
	return &publisher.Format{Name: name, Append: func(dst []byte, u *motacilla.Update) []byte {
		dst = u.AppendJSON(dst)
		return append(dst[:len(dst)-1], suffix...)
	}}
}
