package webapp

import (
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/postbody"
	"github.com/motacilla-live/motacilla/internal/rest"
)

// channelBody is the body of a POST of a channel.
type channelBody struct {
	ID     rest.Maybe[string] `json:"id"`
	Title  rest.Maybe[string] `json:"title"`
	Access rest.Maybe[string] `json:"access"`
}

func (b channelBody) channel() (motacilla.Channel, error) {
	if !b.ID.Set {
		return motacilla.Channel{}, motacilla.Invalid("id", "is missing")
	}
	c := motacilla.Channel{ID: motacilla.ChannelID(b.ID.Value), Title: b.Title.Value, Access: motacilla.Public}
	if b.Access.Set {
		c.Access = motacilla.Access(b.Access.Value)
	}
	return c, c.Validate()
}

// channelPatch is the body of a PATCH of a channel.
type channelPatch struct {
	Title  rest.Maybe[string] `json:"title"`
	Ended  rest.Nullable      `json:"ended"`
	Access rest.Maybe[string] `json:"access"`
}

// edit returns the patch as an edit. An empty access is invalid.
func (b channelPatch) edit() (func(*motacilla.Channel) error, error) {
	var ended time.Time
	if b.Ended.Set && !b.Ended.Null {
		var err error
		if ended, err = postbody.ParseTime("ended", b.Ended.Value); err != nil {
			return nil, err
		}
	}
	probe := motacilla.Channel{ID: "probe", Title: b.Title.Value, Access: motacilla.Access(b.Access.Or("public"))}
	if err := probe.Validate(); err != nil {
		return nil, err
	}
	return func(c *motacilla.Channel) error {
		c.Title = b.Title.Or(c.Title)
		c.Access = motacilla.Access(b.Access.Or(string(c.Access)))
		if b.Ended.Set {
			c.Ended = ended
		}
		return nil
	}, nil
}
