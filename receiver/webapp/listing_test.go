package webapp_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// counting counts the listings that are read.
type counting struct {
	receiver.Sink
	listings int
}

func (c *counting) Channels(
	ctx context.Context, after motacilla.ChannelID, limit int,
) ([]motacilla.Channel, error) {
	c.listings++
	return c.Sink.Channels(ctx, after, limit)
}

// To list one channel, the store is not read for each private one.
func TestPrivateChannelsAreSkippedInFewReads(t *testing.T) {
	var sink *counting
	s := serve(t, func(in receiver.Sink) receiver.Sink {
		sink = &counting{Sink: in}
		return sink
	})
	for i := range 250 {
		c := motacilla.Channel{ID: motacilla.ChannelID(fmt.Sprintf("p%03d", i)), Access: motacilla.Private}
		if _, err := s.store.PutChannel(t.Context(), c, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.store.PutChannel(t.Context(), motacilla.Channel{ID: "z"}, 0); err != nil {
		t.Fatal(err)
	}
	a := s.do(t, "GET", "/api/channels?limit=1", "", "-", "")
	if !strings.Contains(a.Body.String(), `"id":"z"`) || sink.listings > 3 {
		t.Errorf("%d listings: %s", sink.listings, a.Body)
	}
}
