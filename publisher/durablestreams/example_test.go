package durablestreams_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/durablestreams"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// An application whose channels can be read by the Durable Streams protocol alone.
func Example_app() {
	a := app.New(
		memory.Module,
		durablestreams.Module,
		fx.Supply(&app.Input{YAML: []byte(`
server: {addr: "127.0.0.1:0"}
publishers:
  - {type: durable-streams, hold: 20s}
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

	readers := durablestreams.New(feed, nil)
	routes := route.NewTable()
	if err := routes.Add(`publisher "durable-streams"`, "/live", readers.URLs()...); err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(routes)
	defer server.Close()

	offset := "-1"
	read := func() (list []motacilla.Update) {
		resp, err := http.Get(server.URL + "/live/durable-streams/match-42/?live=long-poll&offset=" + offset)
		if err != nil {
			return nil
		}
		defer resp.Body.Close()
		offset = resp.Header.Get("Stream-Next-Offset") // where to go on
		body, _ := io.ReadAll(resp.Body)
		_ = json.Unmarshal(body, &list)
		return list
	}
	first := read()
	fmt.Println("reset:", first[0].Reset, first[0].State.Title)

	post := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML("<p>Goal!</p>"))}}
	_, _ = store.PutPost(ctx, "match-42", post, 0)
	fmt.Println("update:", len(read()[0].Renders), "post")

	_ = readers.Shutdown(ctx)
	// Output:
	// reset: true Final
	// update: 1 post
}
