package polling

import (
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// unheldPause is after how long a reader asks again whose request was not held.
const unheldPause = 3 * time.Second

// noSlot answers a request that failed with err. If there is no slot for it, and readers are moved, it is answered at once, with the
// time of the next poll. So the reader polls in intervals until there is a slot, and needs no other transport for that.
func (p *Long) noSlot(
	w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision, err error,
) {
	if _, moved := publisher.MoveOf(err); !moved {
		p.Fail(w, r, err)
		return
	}
	delta, err := p.Feed.Since(r.Context(), ch, cursor)
	if err == nil {
		_, err = p.Feed.Readable(r, ch, delta.Revision)
	}
	if err != nil {
		p.Fail(w, r, err)
		return
	}
	if !delta.Heartbeat() {
		p.Feed.Metrics().Of(p.Name).Deliveries.Add(1)
	}
	p.Write(w, delta.Encode(p.full))
}
