package telegram_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/telegram"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// Telegram delivers a message of a group to the bot's webhook.
func Example() {
	store := memory.New(nil)
	defer store.Close()
	if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: "match-42"}, 0); err != nil {
		fmt.Println(err)
		return
	}
	kit := &receiver.Kit{Sink: store, Records: store.Records(), Images: receiver.NoImages{}, Client: outbound.New(nil)}
	bot, err := telegram.New(kit, &telegram.Options{
		Token: "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", Secret: "a-secret", Channels: []string{"-1001234567890=match-42"},
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	hook := bot.URLs()[0]
	delivery := httptest.NewRequest("POST", hook.Pattern, strings.NewReader(`{"update_id": 1, "message": {
		"message_id": 7, "date": 1760000000, "text": "Goal in the 90th minute!", "entities": [{"type": "bold", "offset": 0, "length": 4}],
		"chat": {"id": -1001234567890, "type": "supergroup"}, "from": {"id": 5, "first_name": "Ann"}}}`))
	delivery.Header.Set("X-Telegram-Bot-Api-Secret-Token", "a-secret")
	answer := httptest.NewRecorder()
	hook.Handler.ServeHTTP(answer, delivery)

	page, err := store.Posts(context.Background(), "match-42", motacilla.Query{Limit: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hook.Pattern, answer.Code)
	fmt.Println(page.Posts[0].Author+":", page.Posts[0].Content[0].Text)
	// Output:
	// /telegram/110201543 200
	// Ann: <b>Goal</b> in the 90th minute!
}
