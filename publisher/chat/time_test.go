package chat

import (
	"context"
	"testing"
	"text/template"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/work"
)

// counted is a chat that counts what is said.
type counted struct {
	slack
	said int
}

func (c *counted) say(context.Context, string, string, *Post) error {
	c.said++
	return nil
}

// A call that is cut off may have been heard, and is made again. So a push that has little time left begins no further one. The next
// push says the others.
func TestNoCallIsBegunLate(t *testing.T) {
	s := publishertest.NewSite(t, nil)
	c := &counted{}
	h := &hub{
		kit: &relay.Kit{Feed: s.Feed, Source: s.Source}, o: &Options{Limit: 3000, MaxAge: time.Hour}, relay: "chat", chat: c,
		template: template.Must(template.New("").Parse(defaultTemplate)), seen: work.NewSeen(s.Source.Records(), "chat", time.Hour),
	}
	h.o.Timeout = time.Hour
	u := &motacilla.Update{Channel: publishertest.Channel}
	for range 3 {
		p := s.Post(publishertest.Channel, "Goal")
		u.Renders = append(u.Renders, motacilla.Render{ID: p.ID, Show: true, Created: p.Created, Revision: p.Revision})
	}
	m := &relay.Message{Delta: &publisher.Delta{Update: u}}
	push := func(left time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), left)
		defer cancel()
		return h.Push(ctx, m)
	}
	for i := range 2 {
		if err := push(20 * time.Minute); err == nil || work.IsPermanent(err) || c.said != i+1 {
			t.Fatalf("with little time %d posts were said: %v", c.said, err)
		}
	}
	if err := push(time.Hour); err != nil || c.said != 3 {
		t.Errorf("with time %d posts were said: %v", c.said, err)
	}
}
