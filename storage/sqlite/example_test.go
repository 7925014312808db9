package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "motacilla")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(ctx, filepath.Join(dir, "live.db"), nil)
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
	// Output: Kick-off
}
