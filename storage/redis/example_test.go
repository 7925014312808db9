package redis_test

import (
	"context"
	"fmt"
	"os"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/redis"
)

func Example() {
	url := os.Getenv("REDIS_URL") // such as redis://127.0.0.1:6379/0
	if url == "" {
		return
	}
	ctx := context.Background()
	store, err := redis.Open(ctx, url, &redis.Options{Prefix: "example:"})
	if err != nil {
		panic(err)
	}
	defer store.Close()

	channel, err := store.PutChannel(ctx, motacilla.Channel{ID: "match-42", Title: "Rovers v United"}, 0)
	if err != nil {
		panic(err)
	}
	_, err = store.PutPost(ctx, "match-42", motacilla.Post{
		MessageID: "1", Show: true, Content: []motacilla.Block{motacilla.PlainText("Kick-off")},
	}, 0)
	if err != nil {
		panic(err)
	}

	changes, err := store.Changes(ctx, "match-42", channel.Head, 0)
	if err != nil {
		panic(err)
	}
	for _, p := range changes.Posts {
		fmt.Println(p.Content[0].Text)
	}
}
