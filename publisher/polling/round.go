package polling

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

const (
	roundParam = "round"
	comeBack   = time.Second // readers that a drain sends away wait so long, and a random time more
)

// SharedNews and SharedIdle are the Cache-Control of long polling's answers that shared caches may keep: those with news, and
// those without. News is kept so long that everybody who waited can fetch it.
const (
	SharedNews = "public, max-age=0, s-maxage=3"
	SharedIdle = "public, max-age=0, s-maxage=1"
)

func sharing(news bool) string {
	if news {
		return SharedNews
	}
	return SharedIdle
}

// mayShare reports whether shared caches may keep the answer. The reader must have named its round, since a cache would give
// other readers an old answer again and again. It must be permitted to read only because the channel is public: then everybody
// is.
func mayShare(r *http.Request, round int64) bool {
	return round != publisher.NoRound && route.GrantOf(r).WhilePublic
}

// roundOf returns the round that a request names, or NoRound.
func roundOf(query url.Values) (int64, error) {
	switch values := query[roundParam]; len(values) {
	case 0:
		return publisher.NoRound, nil
	case 1:
		return publisher.ParseRound(values[0])
	}
	return publisher.NoRound, motacilla.Invalid(roundParam, "must be given once")
}

// round returns the present round at a cursor. A round is as long as a request is held, and the first begins when the cursor is
// issued. So all readers at a cursor come to the same round, whenever they arrived.
func (p *Long) round(cursor motacilla.Revision) int64 {
	return max(int64(time.Since(cursor.Time())/p.hold), 0)
}

// past reports whether the round is over, so that a request without news is answered at once and the reader joins the others.
func (p *Long) past(cursor motacilla.Revision, round int64) bool {
	return round != publisher.NoRound && round < p.round(cursor)
}

// appendIdle appends the JSON of an answer that does not come because of news: u, with next_round if the reader named its round,
// and next_poll_ms in a drain. After a request that was held, the next round is always another one, so that the reader never asks
// for the same URL again.
func (p *Long) appendIdle(dst []byte, u *motacilla.Update, round int64, why publisher.End) []byte {
	dst = u.AppendJSON(dst)
	dst = dst[:len(dst)-1]
	if round != publisher.NoRound && u.Heartbeat() {
		if why != publisher.EndLeft {
			round++
		}
		dst = append(dst, `,"next_round":`...)
		dst = strconv.AppendInt(dst, max(p.round(u.From), round), 10)
	}
	if why == publisher.EndDrain {
		dst = append(dst, `,"next_poll_ms":`...)
		dst = strconv.AppendInt(dst, comeBack.Milliseconds(), 10)
	}
	return append(dst, '}')
}
