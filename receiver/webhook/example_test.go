package webhook_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webhook"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// A scoreboard calls the server when somebody scores.
func Example() {
	store := memory.New(nil)
	defer store.Close()
	if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: "match-42"}, 0); err != nil {
		fmt.Println(err)
		return
	}
	kit := &receiver.Kit{Sink: store, Records: store.Records(), Images: receiver.NoImages{}, Client: outbound.New(nil)}
	scores, err := webhook.New(kit, &webhook.Options{
		Name: "scores", Verify: "bearer", Secrets: []string{"a-long-enough-secret"},
		Channel: "match-{{.match}}", MessageID: "goal-{{.id}}", Text: "<b>{{.score}}</b> {{.scorer}}", When: []string{`@.type == "goal"`},
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	hook := scores.URLs()[0]
	delivery := httptest.NewRequest("POST", hook.Pattern, strings.NewReader(
		`{"type": "goal", "match": 42, "id": 7, "score": "2:1", "scorer": "Ann & Bo"}`))
	delivery.Header.Set("Authorization", "Bearer a-long-enough-secret")
	answer := httptest.NewRecorder()
	hook.Handler.ServeHTTP(answer, delivery)

	page, err := store.Posts(context.Background(), "match-42", motacilla.Query{Limit: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hook.Pattern, answer.Code)
	for _, p := range page.Posts {
		fmt.Println(p.MessageID, p.Content[0].Text)
	}
	// Output:
	// /hooks/scores 200
	// scores:goal-7 <b>2:1</b> Ann &amp; Bo
}
