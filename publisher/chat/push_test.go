package chat_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/chat"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// together has a chat push these posts in one message.
func (r *rig) together(make func() (*chat.Publisher, error), posts ...string) {
	r.Helper()
	stop := r.start(make())
	stop()
	for _, text := range posts {
		r.post(true, text)
	}
	r.start(make())
}

// A channel that becomes private while its posts are being said is said no more of.
func TestBecomesPrivate(t *testing.T) {
	r, s := newRig(t), newServer(t)
	done := make(chan struct{})
	s.respond(func(_ call, n int) (int, string) {
		if n == 1 {
			defer close(done)
			r.EditChannel(channel, func(c *motacilla.Channel) { c.Access = motacilla.Private })
			r.Eventually("the feed knows of it", func() bool {
				c, err := r.Feed.Channel(context.Background(), channel)
				return err == nil && c.Access == motacilla.Private
			})
		}
		return http.StatusOK, "ok"
	})
	var p *chat.Publisher
	r.together(func() (*chat.Publisher, error) {
		var err error
		p, err = chat.NewSlack(r.kit, &chat.SlackOptions{Options: common(), URL: s.url})
		return p, err
	}, "Public", "A secret")
	<-done
	r.Eventually("nothing waits", func() bool { return p.Status().Behind == 0 })
	s.has(r, 1)
}

// A post that is refused for good is told of also if the next one can't be said now.
func TestRefusalIsTold(t *testing.T) {
	r, s := newRig(t), newServer(t)
	core, logs := observer.New(zap.WarnLevel)
	r.kit.Logger = zap.New(core)
	s.respond(func(c call, n int) (int, string) {
		switch {
		case strings.HasPrefix(c.Body["text"].(string), "Refused"):
			return http.StatusBadRequest, "invalid_payload"
		case n == 2:
			return http.StatusInternalServerError, "rollup_error"
		}
		return http.StatusOK, "ok"
	})
	r.together(func() (*chat.Publisher, error) {
		return chat.NewSlack(r.kit, &chat.SlackOptions{Options: common(), URL: s.url + "/secret"})
	}, "Refused", "Taken")
	s.has(r, 3)
	told := 0
	for _, entry := range logs.All() {
		for _, value := range entry.ContextMap() {
			text, _ := value.(string)
			if strings.Contains(text, "invalid_payload") {
				told++
			}
			if strings.Contains(text, "/secret") {
				t.Errorf("the log has %q", text)
			}
		}
	}
	if told != 1 {
		t.Errorf("the log tells of the refusal %d times: %v", told, logs.All())
	}
}
