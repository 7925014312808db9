package oembed_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media/oembed"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// A post embeds a page. The page is looked up later, and its card comes as an edit of the post.
func Example() {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<title>Ann &amp; Bo win</title><meta property="og:description" content="Ann scored twice.">`)
	}))
	defer site.Close()
	ctx := context.Background()
	store := memory.New(nil)
	defer store.Close()
	if _, err := store.PutChannel(ctx, motacilla.Channel{ID: "match-42"}, 0); err != nil {
		fmt.Println(err)
		return
	}
	// The client reaches no private address. This one may reach the server of the example.
	client := outbound.New(&outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	defer client.Close()
	edited := edits{store, make(chan motacilla.Post, 1)}
	embeds, err := oembed.New(store.Records(), client, edited, nil, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := embeds.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = embeds.Shutdown(ctx) }()

	post, err := store.PutPost(ctx, "match-42", motacilla.Post{
		Show: true, Content: []motacilla.Block{{Type: motacilla.EmbedBlock, URL: site.URL + "/report"}},
	}, 0)
	if err == nil {
		err = embeds.Later(ctx, "match-42", post.ID, site.URL+"/report")
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	card := (<-edited.put).Content[0].Card
	fmt.Println(card.Title)
	fmt.Println(card.Summary)
	fmt.Println(strings.Contains(card.Provider, "127.0.0.1"))
	// Output:
	// Ann & Bo win
	// Ann scored twice.
	// true
}

// edits is a store that tells of each post that is put.
type edits struct {
	oembed.Posts
	put chan motacilla.Post
}

func (e edits) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	stored, err := e.Posts.PutPost(ctx, ch, p, replaces)
	if err == nil {
		e.put <- stored
	}
	return stored, err
}
