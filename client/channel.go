package client

import (
	"encoding/json"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Channel is a channel as the server answers it. In JSON it has the form of the wire (docs/wire.md).
type Channel struct {
	ID       motacilla.ChannelID
	Title    string
	Access   motacilla.Access
	Created  time.Time          // UTC, to the microsecond
	Ended    time.Time          // UTC, to the microsecond; zero if the channel has not ended
	Revision motacilla.Revision // the channel's head
}

// NewChannel is a channel to be created.
type NewChannel struct {
	ID     motacilla.ChannelID
	Title  string           // up to motacilla.MaxTitle bytes
	Access motacilla.Access // empty means motacilla.Public
}

// ChannelChange says what of a channel changes. nil and empty fields leave what is there.
type ChannelChange struct {
	Title  *string // new("Final")
	Access motacilla.Access
	Ended  *time.Time // when the channel ended; the zero time reopens it
}

type channelJSON struct {
	ID       motacilla.ChannelID `json:"id"`
	Title    string              `json:"title"`
	Access   motacilla.Access    `json:"access"`
	Created  *stamp              `json:"created"`
	Ended    *stamp              `json:"ended"`
	Revision motacilla.Revision  `json:"revision"`
}

// MarshalJSON encodes c in the form of the wire. It does not escape HTML.
func (c Channel) MarshalJSON() ([]byte, error) {
	return plainJSON(channelJSON{c.ID, c.Title, c.Access, stampOf(c.Created), stampOf(c.Ended), c.Revision})
}

// UnmarshalJSON decodes the form of the wire. The error is a [motacilla.ErrInvalid], or one of encoding/json.
func (c *Channel) UnmarshalJSON(data []byte) error {
	var w channelJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if _, err := motacilla.ParseChannelID(string(w.ID)); err != nil {
		return err
	}
	*c = Channel{w.ID, w.Title, w.Access, w.Created.time(), w.Ended.time(), w.Revision}
	return nil
}

func (c NewChannel) body() any {
	return struct {
		ID     motacilla.ChannelID `json:"id"`
		Title  string              `json:"title,omitempty"`
		Access motacilla.Access    `json:"access,omitempty"`
	}{c.ID, c.Title, c.Access}
}

func (c ChannelChange) body() any {
	body := map[string]any{}
	if c.Title != nil {
		body["title"] = *c.Title
	}
	if c.Access != "" {
		body["access"] = c.Access
	}
	if c.Ended != nil {
		body["ended"] = stampOf(*c.Ended)
	}
	return body
}
