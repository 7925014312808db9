package doctor

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// merged finds out whether a cache on the way makes one request of the held polls of several readers.
func (d *doctor) merged(ctx context.Context) []Check {
	c := Check{Name: "merged-polls", Status: NotTested}
	u := d.offers[long]
	switch {
	case u == nil:
		c.Seen = long + " is not offered"
		return []Check{c}
	case !d.public:
		c.Seen = "the channel is private: polls must not be merged"
		return []Check{c}
	case d.o.Fast:
		c.Seen = "left out (--fast)"
		return []Check{c}
	}
	cursor := d.head
	for range 3 { // the channel may change meanwhile
		first, second, err := d.pair(ctx, u, cursor)
		switch {
		case err != nil:
			c.Seen = err.Error()
			return []Check{c}
		case !first.Heartbeat() || !second.Heartbeat():
			cursor = max(first.Revision, second.Revision)
			continue
		case first.Next == nil || second.Next == nil:
			c.Seen = "this server is older, and does not let caches merge held polls"
			return []Check{c}
		}
		c.Status, c.Seen = OK, "each held poll is a request to the server; a cache can make those of all readers one (docs/caching.md)"
		if second.at.Sub(first.at) < d.o.Short/2 {
			c.Seen = "two held polls were one request: a cache merges them, however many there are"
		}
		return []Check{c}
	}
	c.Seen = "the channel changes too often to tell"
	return []Check{c}
}

// poll is the answer to a held poll.
type poll struct {
	motacilla.Update
	Next *int64    // the next round
	at   time.Time // when the answer came
}

// pair makes two held polls for the same URL, which nobody else asks for, Short apart. If they are two requests to the server,
// it answers them as far apart.
func (d *doctor) pair(ctx context.Context, u *url.URL, cursor motacilla.Revision) (first, second poll, err error) {
	target := since(u, cursor, "&round="+strconv.FormatInt(time.Now().UnixMilli(), 10))
	var errFirst error
	var all sync.WaitGroup
	all.Go(func() { first, errFirst = d.holdRound(ctx, target) })
	err = pause(ctx, d.o.Short)
	if err == nil {
		second, err = d.holdRound(ctx, target)
	}
	all.Wait()
	if errFirst != nil {
		err = errFirst
	}
	return first, second, err
}

// holdRound makes a held poll without a token, because a cache passes on those that have one.
func (d *doctor) holdRound(ctx context.Context, target string) (p poll, err error) {
	a, err := d.askFor(ctx, d.o.Held, http.MethodGet, target, "Authorization", "")
	if err != nil {
		return p, err
	}
	p.at = time.Now()
	u, err := a.update()
	if err != nil {
		return p, err
	}
	var more struct {
		Next *int64 `json:"next_round"`
	}
	err = json.Unmarshal(a.body, &more)
	p.Update, p.Next = *u, more.Next
	return p, err
}
