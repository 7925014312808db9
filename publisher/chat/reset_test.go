package chat_test

import (
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/chat"
	"github.com/motacilla-live/motacilla/storage"
)

// A relay that has lost its place in a channel gets all posts of the page. Those that were there before it began are not said.
func TestReset(t *testing.T) {
	r, s := newRig(t), newServer(t)
	r.post(true, "Before the chat was configured")
	r.start(chat.NewSlack(r.kit, &chat.SlackOptions{Options: common(), URL: s.url}))
	r.post(true, "First")
	s.has(r, 1)
	if _, err := r.Store.(storage.Mover).Barrier(t.Context(), channel, motacilla.Revision(time.Now().UnixMicro())); err != nil {
		t.Fatal(err)
	}
	r.post(true, "Second")
	calls := s.has(r, 2)
	if text := calls[1].Body["text"].(string); !strings.HasPrefix(text, "Second") {
		t.Errorf("after a reset the message is %q", text)
	}
}
