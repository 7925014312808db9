package client_test

import (
	"context"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// A channel from its creation until it is deleted: one client writes it, and follows it.
func Example() {
	var server *app.Server
	in := &app.Input{
		YAML: []byte(`{server: {addr: "127.0.0.1:0", token: s3cret}, log: {level: error}}`), Env: []string{},
	}
	a := app.New(memory.Module, sse.Module, webapp.Module, fx.Supply(in), fx.Populate(&server))
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer a.Stop(ctx)

	c, err := client.New("http://"+server.Addr().String(), &client.Options{Token: "s3cret"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseIdleConnections()
	if _, err := c.CreateChannel(ctx, client.NewChannel{ID: "match-42", Title: "Final"}); err != nil {
		fmt.Println(err)
		return
	}
	var view motacilla.View
	for u, err := range c.Follow(ctx, "match-42", nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		switch view.Apply(&u, true); {
		case u.Gone:
			fmt.Println("gone")
		case u.Reset:
			fmt.Println(view.State.Title, "has", len(view.Renders()), "posts")
			_, err = c.CreatePost(ctx, "match-42", client.NewPost{Text: "<b>Goal!</b>", KeyEvent: true})
		case len(u.Renders) > 0:
			fmt.Println(view.State.Title, "has", len(view.Renders()), "post")
			err = c.DeleteChannel(ctx, "match-42")
		}
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// Final has 0 posts
	// Final has 1 post
	// gone
}
