package client_test

import (
	"context"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// Two channels of a server, followed over one WebSocket until both are gone, and one that does not exist.
func ExampleMany() {
	var server *app.Server
	in := &app.Input{
		YAML: []byte(`{server: {addr: "127.0.0.1:0", token: s3cret}, log: {level: error}}`), Env: []string{},
	}
	a := app.New(memory.Module, websocket.Module, webapp.Module, fx.Supply(in), fx.Populate(&server))
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
	m, err := c.FollowMany(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, channel := range []motacilla.ChannelID{"match-42", "match-43", "nowhere"} {
		if channel != "nowhere" {
			if _, err := c.CreateChannel(ctx, client.NewChannel{ID: channel}); err != nil {
				fmt.Println(err)
				return
			}
		}
		if err := m.Add(channel, 0); err != nil {
			fmt.Println(err)
			return
		}
	}
	for u, err := range m.Updates(ctx) {
		switch {
		case err != nil:
			fmt.Println(u.Channel, "is not followed")
		case u.Reset:
			_, err = c.CreatePost(ctx, u.Channel, client.NewPost{Text: "<b>Goal!</b>"})
		case len(u.Renders) > 0:
			fmt.Println(u.Channel, "has a post")
			err = c.DeleteChannel(ctx, u.Channel)
		case u.Gone:
			fmt.Println(u.Channel, "is gone")
		}
		if err != nil && u.Channel == "" {
			fmt.Println(err)
			return
		}
		if len(m.Cursors()) == 0 {
			break
		}
	}
	// Unordered output:
	// match-42 has a post
	// match-42 is gone
	// match-43 has a post
	// match-43 is gone
	// nowhere is not followed
}
