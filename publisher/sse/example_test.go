package sse_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// An application whose readers have server-sent events alone.
func Example_app() {
	a := app.New(
		memory.Module,
		sse.Module,
		fx.Supply(&app.Input{YAML: []byte(`
server: {addr: "127.0.0.1:0"}
publishers:
  - {type: sse, lifetime: 5m}
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

	readers := sse.New(feed, nil)
	routes := route.NewTable()
	if err := routes.Add(`publisher "sse"`, "/live", readers.URLs()...); err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(routes)
	defer server.Close()

	resp, err := http.Get(server.URL + "/live/sse/match-42/")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func() (u motacilla.Update) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				_ = u.UnmarshalJSON([]byte(data))
				break
			}
		}
		return u
	}
	u := next()
	fmt.Println("reset:", u.Reset, u.State.Title)

	post := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML("<p>Goal!</p>"))}}
	_, _ = store.PutPost(ctx, "match-42", post, 0)
	fmt.Println("update:", len(next().Renders), "post")

	_ = readers.Shutdown(ctx)
	// Output:
	// reset: true Final
	// update: 1 post
}
