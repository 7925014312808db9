package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// An application that delivers over WebSocket only.
func Example_app() {
	a := app.New(
		memory.Module,
		websocket.Module,
		fx.Supply(&app.Input{YAML: []byte(`
server: {addr: "127.0.0.1:0"}
publishers:
  - {type: websocket, path: "/ws/channel/{channel_id}/"}
`), Env: []string{}}),
	)
	ctx := context.Background()
	fmt.Println(a.Start(ctx), a.Stop(ctx))
	// Output: <nil> <nil>
}

type html struct{}

func (html) RenderPost(p motacilla.Post) (motacilla.HTML, error) {
	text := p.Content[0].Text.String() // HTML that is safe to show
	return motacilla.TrustedHTML(`<div class="live-post" data-post-id="` + string(p.ID) + `">` + text + `</div>`), nil
}

// The publisher without fx, in a server of your own, and a reader.
func ExampleNew() {
	ctx := context.Background()
	store := memory.New(nil)
	defer store.Close()
	feed := publisher.NewFeed(store, html{}, nil)
	if err := feed.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer feed.Close()
	_, _ = store.PutChannel(ctx, motacilla.Channel{ID: "match-42", Title: "Final"}, 0)

	readers := websocket.New(feed, &websocket.Options{Origins: route.NewOrigins("https://www.example.org")})
	routes := route.NewTable()
	if err := routes.Add(`publisher "websocket"`, "/live", readers.URLs()...); err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(routes)
	defer server.Close()

	url := "ws" + strings.TrimPrefix(server.URL, "http") + "/live/websocket/match-42/"
	conn, _, err := gorilla.DefaultDialer.Dial(url, http.Header{"Origin": {"https://www.example.org"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	var u motacilla.Update
	_ = conn.ReadJSON(&u)
	fmt.Println("reset:", u.Reset, u.State.Title)

	post := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML("<p>Goal!</p>"))}}
	_, _ = store.PutPost(ctx, "match-42", post, 0)
	u = motacilla.Update{}
	_ = conn.ReadJSON(&u)
	fmt.Println("update:", len(u.Renders), "post")

	go func() { _ = readers.Shutdown(ctx) }()
	_, _, err = conn.ReadMessage()
	var end *gorilla.CloseError
	fmt.Println("end:", errors.As(err, &end) && end.Code == gorilla.CloseGoingAway)
	_ = conn.Close()
	fmt.Println(readers.Shutdown(ctx))
	// Output:
	// reset: true Final
	// update: 1 post
	// end: true
	// <nil>
}
