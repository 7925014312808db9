package receiver_test

import (
	"context"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// A source delivers a message twice, and then a newer version of it.
func ExampleIngest() {
	ctx := context.Background()
	store := memory.New(nil)
	defer store.Close()
	if _, err := store.PutChannel(ctx, motacilla.Channel{ID: "match-42"}, 0); err != nil {
		fmt.Println(err)
		return
	}
	in := receiver.NewIngest(store, "wire", nil)
	m := receiver.Message{ID: "1", Version: 1, Author: "Ann", Text: "<b>Goal!</b><script>alert(1)</script>"}
	for range 2 {
		post, created, err := in.Post(ctx, "match-42", m)
		fmt.Println(post.Content[0].Text, created, err)
	}
	m.Version, m.Text = 2, "<b>No goal.</b>"
	post, err := in.Put(ctx, "match-42", m)
	fmt.Println(post.Content[0].Text, err)
	// Output:
	// <b>Goal!</b> true <nil>
	// <b>Goal!</b> false <nil>
	// <b>No goal.</b> <nil>
}
