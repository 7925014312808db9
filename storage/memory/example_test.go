package memory_test

import (
	"context"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func Example() {
	ctx := context.Background()
	store := memory.New(nil)
	defer store.Close()

	channel, err := store.PutChannel(ctx, motacilla.Channel{ID: "match-42", Title: "Rovers v United"}, 0)
	if err != nil {
		panic(err)
	}
	post, err := store.PutPost(ctx, "match-42", motacilla.Post{
		MessageID: "1", Show: true, Content: []motacilla.Block{motacilla.PlainText("Kick-off")},
	}, 0)
	if err != nil {
		panic(err)
	}
	_, err = storage.Edit(ctx, store, "match-42", post.ID, func(p *motacilla.Post) error {
		p.Content = []motacilla.Block{motacilla.PlainText("Kick-off, two minutes late")}
		return nil
	})
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
	fmt.Println(len(changes.Issued), "revisions")
	// Output:
	// Kick-off, two minutes late
	// 2 revisions
}
