package publisher

import (
	"encoding/json"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// The notices. A notice is a JSON object whose first key is its name.
const (
	noticeSubscribed   = "subscribed"   // a list of channels
	noticeUnsubscribed = "unsubscribed" // a list of channels
	noticeRefused      = "refused"      // a channel, with a problem
	noticeError        = "error"        // a problem: what the reader sent can't be understood
	noticeHeartbeat    = "heartbeat"    // true
)

// refusedNotice is the problem that a connection of its own would have been answered with.
type refusedNotice struct {
	Channel motacilla.ChannelID `json:"channel"`
	route.Problem
	RetryAfter int `json:"retry_after,omitempty"` // seconds
}

func (w *ManyWire) notice(dst []byte, name string, value any) []byte {
	data, _ := json.Marshal(map[string]any{name: value}) // strings, numbers and lists of them always encode
	return w.Notice(dst, name, data)
}

// welcome appends which channels are followed, and which are not.
func (m *Many) welcome(dst []byte, opened []*subscription, refused []refusal) []byte {
	if len(opened) > 0 || len(refused) == 0 {
		list := make([]motacilla.ChannelID, 0, len(opened))
		for _, s := range opened {
			list = append(list, s.topic.channel.id)
		}
		dst = m.wire.notice(dst, noticeSubscribed, list)
	}
	for _, r := range refused {
		dst = m.refusal(dst, r)
	}
	return dst
}

// refusal appends the notice of a channel that is not followed.
func (m *Many) refusal(dst []byte, r refusal) []byte {
	p := problem(r.err)
	if p.Status == http.StatusInternalServerError {
		m.streams.feed.options.Logger.Error("stream failed", zap.String("channel", string(r.channel)), zap.Error(r.err))
	}
	return m.wire.notice(dst, noticeRefused, refusedNotice{r.channel, p, route.RetrySeconds(r.err)})
}

// complaint appends what is wrong with a request.
func (m *Many) complaint(dst []byte, err error) []byte {
	return m.wire.notice(dst, noticeError, struct {
		route.Problem
		RetryAfter int `json:"retry_after,omitempty"` // seconds
	}{problem(err), route.RetrySeconds(err)})
}

func problem(err error) route.Problem {
	p := route.ProblemOf(err)
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	return p
}
