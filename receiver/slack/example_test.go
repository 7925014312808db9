package slack_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/slack"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// Slack delivers a message of a channel.
func Example() {
	store := memory.New(nil)
	defer store.Close()
	if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: "match-42"}, 0); err != nil {
		fmt.Println(err)
		return
	}
	kit := &receiver.Kit{Sink: store, Records: store.Records(), Images: receiver.NoImages{}, Client: outbound.New(nil)}
	options := slack.Defaults()
	options.BotToken, options.SigningSecret = "xoxb-the-bot-token", "the-signing-secret"
	options.Channels = []string{"C024BE91L=match-42"}
	desk, err := slack.New(kit, options, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	hook := desk.URLs()[0]
	body := `{"type": "event_callback", "event_id": "Ev0PV52K21", "event": {"type": "message", "channel": "C024BE91L", "user": "U2147483697",
		"user_profile": {"display_name": "Ann"}, "ts": "1355517523.000005", "text": "*Goal* in the 90th minute!"}}`
	delivery := httptest.NewRequest("POST", hook.Pattern, strings.NewReader(body))
	at := fmt.Sprint(time.Now().Unix())
	signature := hmac.New(sha256.New, []byte("the-signing-secret"))
	fmt.Fprintf(signature, "v0:%s:%s", at, body)
	delivery.Header.Set("X-Slack-Request-Timestamp", at)
	delivery.Header.Set("X-Slack-Signature", fmt.Sprintf("v0=%x", signature.Sum(nil)))
	answer := httptest.NewRecorder()
	hook.Handler.ServeHTTP(answer, delivery)

	page, err := store.Posts(context.Background(), "match-42", motacilla.Query{Limit: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hook.Pattern, answer.Code)
	for _, p := range page.Posts {
		fmt.Println(p.Author+":", p.Content[0].Text)
	}
	// Output:
	// /hooks/slack 200
	// Ann: <b>Goal</b> in the 90th minute!
}
