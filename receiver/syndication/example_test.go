package syndication_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/syndication"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// A news agency has a feed, whose entries become posts.
func Example() {
	agency := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<rss version="2.0"><channel><title>The Wire</title><item><guid>urn:7</guid><title>Goal!</title>
			<description>Ann scores in the 90th minute.</description><link>https://wire.example/7</link></item></channel></rss>`)
	}))
	defer agency.Close()
	store := memory.New(nil)
	defer store.Close()
	if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: "match-42"}, 0); err != nil {
		fmt.Println(err)
		return
	}
	// The client reaches no private address. This one may reach the server of the example.
	client := outbound.New(&outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	defer client.Close()
	kit := &receiver.Kit{Sink: store, Records: store.Records(), Images: receiver.NoImages{}, Client: client}
	options := syndication.Defaults()
	options.Feeds = []string{agency.URL + "/feed.xml=match-42"}
	feeds, err := syndication.New(kit, options, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := feeds.Refresh(context.Background()); err != nil { // after Start, the receiver does so by itself
		fmt.Println(err)
		return
	}
	page, err := store.Posts(context.Background(), "match-42", motacilla.Query{Limit: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range page.Posts {
		for _, b := range p.Content {
			fmt.Println(b.Text)
		}
	}
	// Output:
	// <p><strong>Goal!</strong></p>Ann scores in the 90th minute.
	// <p>Source: <a href="https://wire.example/7" rel="nofollow noopener">The Wire</a></p>
}
