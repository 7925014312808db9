package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/chat"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// A site that says key events in a Slack channel.
func ExampleNewSlack() {
	said := make(chan string, 100)
	slack := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { // in the place of hooks.slack.com
		var message struct {
			Text string `json:"text"`
		}
		_ = json.NewDecoder(r.Body).Decode(&message)
		said <- message.Text
	}))
	defer slack.Close()

	ctx := context.Background()
	store := memory.New(nil)
	defer store.Close()
	var out *chat.Publisher
	site, err := live.New(live.Options{
		Store: store, PublicURL: "https://live.example.org",
		Publishers: func(p *live.Parts) []publisher.Publisher {
			var err error
			if out, err = chat.NewSlack(p.RelayKit(), &chat.SlackOptions{
				Options: chat.Options{KeyEvents: true, Allow: []string{"127.0.0.0/8"}}, URL: slack.URL,
			}); err != nil {
				return nil
			}
			return []publisher.Publisher{out}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := site.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = site.Shutdown(ctx) }()
	for !out.Status().Leading { // a relay begins with what happens from then on
		time.Sleep(time.Millisecond)
	}
	_, _ = store.PutChannel(ctx, motacilla.Channel{ID: "match-42", Title: "Final"}, 0)
	for _, p := range []motacilla.Post{
		{Show: true, Content: []motacilla.Block{motacilla.PlainText("Throw-in")}},
		{Show: true, KeyEvent: true, Content: []motacilla.Block{motacilla.PlainText("Goal!")}},
	} {
		_, _ = store.PutPost(ctx, "match-42", p, 0)
	}
	fmt.Println(<-said)
	// Output:
	// Goal!
	//
	// https://live.example.org/channels/match-42
}
