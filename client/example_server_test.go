package client_test

import (
	"context"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// Following a channel from its snapshot until it is deleted.
func ExampleFollow_untilGone() {
	var server *app.Server
	var store storage.Store
	in := &app.Input{YAML: []byte(`{server: {addr: "127.0.0.1:0"}, log: {level: error}}`), Env: []string{}}
	a := app.New(memory.Module, sse.Module, fx.Supply(in), fx.Populate(&server, &store))
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer a.Stop(ctx)
	_, _ = store.PutChannel(ctx, motacilla.Channel{ID: "match-42", Title: "Final"}, 0)

	var view motacilla.View
	for u, err := range client.Follow(ctx, "http://"+server.Addr().String(), "match-42", nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		switch view.Apply(&u, u.Reset); {
		case u.Gone:
			fmt.Println("gone")
		case u.Reset:
			fmt.Println(view.State.Title, "has", len(view.Renders()), "posts")
			_, _ = store.PutPost(ctx, "match-42", motacilla.Post{
				Show: true, Content: []motacilla.Block{motacilla.PlainText("Goal!")},
			}, 0)
		case len(u.Renders) > 0:
			fmt.Println(view.State.Title, "has", len(view.Renders()), "post")
			_, _ = store.DeleteChannel(ctx, "match-42")
		}
	}
	// Output:
	// Final has 0 posts
	// Final has 1 post
	// gone
}
