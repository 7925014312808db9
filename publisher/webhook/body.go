package webhook

import (
	"net/http"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

// The types of messages.
const (
	updated = "channel.updated"
	reset   = "channel.reset"  // the posts replace all that the target holds
	gone    = "channel.gone"   // the channel was deleted
	noticed = "channel.notice" // something has happened that is too large to say here
)

func typeOf(m *relay.Message) string {
	switch {
	case m.Notice:
		return noticed
	case m.Gone:
		return gone
	case m.Reset:
		return reset
	}
	return updated
}

// id names a message. It has no full stop, which separates it from the time in what is signed.
func id(relay string, m *relay.Message) string {
	return "msg_" + short.Digest(relay, m.ID(), typeOf(m))
}

// body returns the envelope of Standard Webhooks with the update in it as it goes over every other transport.
func (h *hub) body(m *relay.Message) []byte {
	update := m.Encode(publisher.JSON)
	at := m.Revision.Time()
	if m.Gone {
		at = m.At // its revision is no time
	}
	b := make([]byte, 0, len(update)+512)
	b = append(b, `{"type":"`+typeOf(m)+`","timestamp":"`+motacilla.FormatTime(at)+`","data":{"relay":`...)
	b = motacilla.AppendJSONString(b, h.relay)
	b = append(b, `,"term":`...)
	b = strconv.AppendInt(b, m.Term, 10)
	if m.Private() {
		b = append(b, `,"private":true`...)
	}
	if page := h.kit.Page(m.Channel); page != "" {
		b = append(b, `,"page":`...)
		b = motacilla.AppendJSONString(b, page)
	}
	b = append(b, `,"update":`...)
	return append(append(b, update...), "}}"...)
}

// header returns the header of a message that is sent now.
func (h *hub) header(id string, body []byte, now time.Time) http.Header {
	at := strconv.FormatInt(now.Unix(), 10)
	return http.Header{
		"Content-Type":      {"application/json"},
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {at},
		"Webhook-Signature": {sign(h.keys, id, at, body)},
	}
}
