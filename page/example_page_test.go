package page_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// Serving the pages of a store. The server offers one transport.
func ExampleNew() {
	ctx := context.Background()
	store := memory.New(nil)
	defer store.Close()
	_, _ = store.PutChannel(ctx, motacilla.Channel{ID: "match-42", Title: "Final"}, 0)
	_, _ = store.PutPost(ctx, "match-42", motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText("Goal!")}}, 0)

	renderer := page.NewRenderer()
	feed := publisher.NewFeed(store, renderer, nil)
	if err := feed.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer feed.Close()
	snapshot := func(ctx context.Context, ch motacilla.ChannelID) (*motacilla.Update, error) {
		step, err := feed.Snapshot(ctx, ch)
		if err != nil {
			return nil, err
		}
		return step.Update, nil
	}
	pages := page.New(store, snapshot, &page.Options{
		Name: "Live from the stadium", Renderer: renderer,
		Transports: func(ch motacilla.ChannelID) []page.Transport {
			return []page.Transport{{Name: "sse", URL: "/live/sse/" + string(ch) + "/"}}
		},
	})
	table := route.NewTable()
	if err := table.Add("pages", "/", pages.URLs()...); err != nil {
		fmt.Println(err)
		return
	}
	for _, path := range []string{"/channels/match-42", "/channels/match-42/transports"} {
		w := httptest.NewRecorder()
		table.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(w.Code, w.Header().Get("Content-Type"), strings.Contains(w.Body.String(), "Goal!"))
	}
	// Output:
	// 200 text/html; charset=utf-8 true
	// 200 application/json false
}

// A post as HTML.
func ExampleRenderer() {
	rendered, err := page.NewRenderer().RenderPost(motacilla.Post{
		ID: "019ab000-0000-7000-8000-000000000001", Show: true, Content: []motacilla.Block{motacilla.PlainText("Goal!")},
	})
	html := rendered.String()
	fmt.Println(strings.Contains(html, `data-post-id="019ab000-0000-7000-8000-000000000001"`), strings.Contains(html, "Goal!"), err)
	// Output: true true <nil>
}
