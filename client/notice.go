package client

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/motacilla-live/motacilla"
)

// The types of events that have notices.
const (
	subscribedEvent   = "subscribed"
	unsubscribedEvent = "unsubscribed"
	refusedEvent      = "refused"
	errorEvent        = "error"
	heartbeatEvent    = "heartbeat"
)

// isNotice reports whether events of the type kind have notices.
func isNotice(kind string) bool {
	switch kind {
	case subscribedEvent, unsubscribedEvent, refusedEvent, errorEvent, heartbeatEvent:
		return true
	}
	return false
}

// message is what comes over a connection with several channels: an update, or a notice. If it is none of those that are known,
// nothing is set.
type message struct {
	update       *motacilla.Update
	subscribed   []motacilla.ChannelID
	unsubscribed []motacilla.ChannelID
	refused      motacilla.ChannelID // "" is none
	problem      *Error              // of refused, or of what the client has sent
}

// trouble is a problem in a notice.
type trouble struct {
	Channel                    motacilla.ChannelID
	Status                     int
	Type, Title, Detail, Field string
	RetryAfter                 int64 `json:"retry_after"` // seconds
}

// parseMessage parses a message. Only an update has a channel (docs/wire.md).
func parseMessage(data []byte) (m message, err error) {
	if bytes.HasPrefix(data, []byte(`{"channel":`)) { // it may be long, and need not be read twice
		m.update, err = parseUpdate(data)
		return m, err
	}
	var notice struct {
		Channel      json.RawMessage
		Subscribed   []motacilla.ChannelID
		Unsubscribed []motacilla.ChannelID
		Refused      *trouble
		Error        *trouble
	}
	if err := json.Unmarshal(data, &notice); err != nil {
		return message{}, malformed(err)
	}
	switch {
	case notice.Channel != nil:
		m.update, err = parseUpdate(data)
	case notice.Refused != nil:
		m.refused, m.problem = notice.Refused.Channel, notice.Refused.problem()
	case notice.Error != nil:
		m.problem = notice.Error.problem()
	default:
		m.subscribed, m.unsubscribed = notice.Subscribed, notice.Unsubscribed
	}
	return m, err
}

func parseUpdate(data []byte) (*motacilla.Update, error) {
	u := new(motacilla.Update)
	if err := json.Unmarshal(data, u); err != nil {
		return nil, malformed(err)
	}
	return u, nil
}

// problem returns what an answer with this problem would be.
func (t *trouble) problem() *Error {
	return &Error{
		Status: t.Status, Type: t.Type, Title: t.Title, Detail: t.Detail, Field: t.Field, kind: kindOf(t.Status),
		RetryAfter: time.Duration(max(0, min(t.RetryAfter, int64(longestStay/time.Second)))) * time.Second,
	}
}
