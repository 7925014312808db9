package chat_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/chat"
)

// Each key event is said once, whatever becomes of it, and whichever relay comes after.
func TestOnce(t *testing.T) {
	r, s := newRig(t), newServer(t)
	s.respond(func(c call, n int) (int, string) {
		if n == 1 {
			return http.StatusInternalServerError, "rollup_error" // and it is tried again
		}
		return http.StatusOK, "ok"
	})
	o := &chat.SlackOptions{Options: common(), URL: s.url + "/services/T0/B0/secret"}
	stop := r.start(chat.NewSlack(r.kit, o))
	r.post(false, "Not important")
	goal := r.post(true, "<p>Goal &amp; <b>more</b></p><p>1 &lt; 2</p>")
	calls := s.has(r, 2)
	const said = "Goal &amp; more\n1 &lt; 2\n\nhttps://live.example.org/channels/" + string(channel)
	for _, c := range calls {
		if c.Path != "/services/T0/B0/secret" || len(c.Body) != 1 || c.Body["text"] != said {
			t.Fatalf("the call is %+v, want the text %q", c, said)
		}
	}
	later := r.post(false, "It is one later")
	r.Edit(channel, goal.ID, func(p *motacilla.Post) { p.Author = "Someone else" })
	r.Edit(channel, later.ID, func(p *motacilla.Post) { p.KeyEvent = true })
	s.has(r, 3)
	stop()
	r.Edit(channel, goal.ID, func(p *motacilla.Post) { p.Pinned = true })
	gone := r.post(true, "It is gone before it is said")
	r.Remove(channel, gone.ID)
	hidden := r.post(true, "It is hidden")
	r.Edit(channel, hidden.ID, func(p *motacilla.Post) { p.Show = false })
	yesterday := motacilla.Post{Show: true, KeyEvent: true, Created: time.Now().Add(-25 * time.Hour), Content: goal.Content}
	if _, err := r.Store.PutPost(t.Context(), channel, yesterday, 0); err != nil {
		t.Fatal(err)
	}
	r.post(true, "The end")
	r.start(chat.NewSlack(r.kit, o))
	calls = s.has(r, 4)
	for i, want := range []string{"It is one later", "The end"} {
		if text := calls[i+2].Body["text"].(string); !strings.HasPrefix(text, want+"\n") {
			t.Errorf("message %d is %q, want %q", i+2, text, want)
		}
	}
	r.Edit(channel, hidden.ID, func(p *motacilla.Post) { p.Show = true })
	if text := s.has(r, 5)[4].Body["text"].(string); !strings.HasPrefix(text, "It is hidden") {
		t.Errorf("when a post is shown the message is %q", text)
	}
}

func TestTemplate(t *testing.T) {
	r, s := newRig(t), newServer(t)
	o := &chat.SlackOptions{Options: common(), URL: s.url}
	o.KeyEvents = false
	o.Template = "{{if .KeyEvent}}*{{end}}{{.Title}} ({{.Channel}}), {{.Author}}: <{{.URL}}|{{.Text}}>"
	r.start(chat.NewSlack(r.kit, o))
	r.post(false, "a > b")
	const want = "A match (match-42), Kim &amp; Co: <https://live.example.org/channels/match-42|a &gt; b>"
	if text := s.has(r, 1)[0].Body["text"]; text != want {
		t.Errorf("the message is %q, want %q", text, want)
	}
}

func TestOptions(t *testing.T) {
	r := newRig(t)
	const url = "https://chat.example.org"
	for want, err := range map[string]error{
		"url: ":      second(chat.NewSlack(r.kit, &chat.SlackOptions{Options: common(), URL: "hooks.slack.com"})),
		"server: ":   second(chat.NewMastodon(r.kit, &chat.MastodonOptions{Options: common(), Token: "t"})),
		"token: ":    second(chat.NewMastodon(r.kit, &chat.MastodonOptions{Options: common(), Server: url})),
		"handle: ":   second(chat.NewBluesky(r.kit, &chat.BlueskyOptions{Options: common()})),
		"template: ": second(chat.NewSlack(r.kit, &chat.SlackOptions{Options: chat.Options{Template: "{{.Texts}}"}, URL: url})),
		"allow[0]: ": second(chat.NewSlack(r.kit, &chat.SlackOptions{Options: chat.Options{Allow: []string{"all"}}, URL: url})),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func second(_ *chat.Publisher, err error) error { return err }
